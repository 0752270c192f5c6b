"""The bytes of one connection to a server: commands go out, and answers come back in their order."""

import asyncio
from collections import deque
from typing import Any

import hiredis
from redis.asyncio.connection import DefaultParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse

#: What the reader returns while an answer is incomplete; an answer may be False or None itself.
_INCOMPLETE = object()


class Wire(asyncio.Protocol):
    """Gives each command a future of its answer; any number of commands may be under way."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=DefaultParser.parse_error,
            notEnoughData=_INCOMPLETE,
        )
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._transport: asyncio.Transport | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._error: Exception | None = None

    @property
    def is_lost(self) -> bool:
        return self._error is not None

    def send(self, packed: bytes) -> asyncio.Future[Any]:
        """Send one command; the future gets its answer or its error, and may be cancelled.

        Raises the error by which the connection was lost.
        """
        if self._error is not None:
            raise self._error
        assert self._transport is not None
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(answer)
        self._transport.write(packed)
        return answer

    def close(self, error: Exception) -> None:
        """End the connection at once; whoever waits for an answer gets the error."""
        if self._error is not None:
            return
        self._error = error
        if self._transport is not None:
            self._transport.abort()
        while self._waiting:
            _settle(self._waiting.popleft(), error)

    def time_is_up(self) -> None:
        """End the connection, on which a late answer may still come."""
        self.close(TimeoutError())

    async def wait_closed(self) -> None:
        """Wait until the transport has let go of the socket."""
        if self._transport is not None:
            await asyncio.shield(self._closed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        if self._error is not None:  # closed while it was being opened
            self._transport.abort()  # type: ignore[union-attr]

    def data_received(self, data: bytes) -> None:
        if self._error is not None:
            return
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not _INCOMPLETE:
                self._take(answer)
        except InvalidResponse as error:
            self.close(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self.close(RedisConnectionError(str(exc) if exc else "the server closed the connection"))
        self._closed.set_result(None)

    def _take(self, answer: Any) -> None:
        if self._waiting:
            _settle(self._waiting.popleft(), answer)
        elif isinstance(answer, Exception):  # as from a server that refuses the connection
            self.close(answer)
        else:
            raise InvalidResponse("the server sent an answer to no command")


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():  # cancelled
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
        future.exception()  # so that asyncio does not report an error that nobody asked for
    else:
        future.set_result(answer)
