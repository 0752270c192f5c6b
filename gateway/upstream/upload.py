"""A request's body on its way to an instance, while the answer is awaited already."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from gateway.upstream.messages import RequestHead
from middlewares.failures import BadRequest, Failure


class Receiver(Protocol):
    """Takes the body: gateway.upstream.connection.UpstreamConnection."""

    @property
    def is_open(self) -> bool: ...

    def write(self, data: bytes) -> None: ...

    async def writable(self) -> None: ...

    def expect_head(self, expected: bool) -> None:
        """Silence counts as the instance's from now on, or it no longer does."""

    def cut_short(self, failure: Failure) -> None:
        """The body will not be whole."""


class Upload:
    """Sends one body in a task of its own, framed as the request's head says."""

    def __init__(self, body: AsyncIterator[bytes], head: RequestHead, to: Receiver) -> None:
        self._body = body
        self._chunked = head.chunked
        self._to = to
        #: Bytes that the head has announced, and that are not sent yet.
        self._due = head.length
        #: All of it is sent.
        self.is_whole = False
        self.task = asyncio.create_task(self._send())

    async def _send(self) -> None:
        to, chunked = self._to, self._chunked
        try:
            while to.is_open:
                # While the client is waited for, the instance can't be blamed for its silence.
                to.expect_head(False)
                piece = await anext(self._body, b"")
                to.expect_head(True)
                if not chunked:
                    self._due -= len(piece)
                if self._due < 0 or (self._due and not piece):
                    raise not_as_long()
                if not piece:
                    if chunked:
                        to.write(b"0\r\n\r\n")
                    self.is_whole = True
                    return
                to.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await to.writable()
        except Failure as failure:  # the client's body broke off or is too large
            to.cut_short(failure)


def not_as_long() -> BadRequest:
    """What follows would be taken for the rest of it: another client's request, perhaps."""
    return BadRequest("the request's body is not as long as its head says")
