"""One HTTP/1.1 connection to an instance: an asyncio.Protocol around httptools' response parser."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

import httptools

from gateway.upstream.messages import FieldLine, RequestHead, ResponseHead
from middlewares.failures import Failure, UpstreamInvalid, UpstreamReset, UpstreamTimeout

MAX_HEAD_BYTES = 64 * 1024
#: Unread body bytes at which reading from the instance pauses, and goes on.
HIGH_WATER_BYTES = 64 * 1024
LOW_WATER_BYTES = 16 * 1024

_WITHOUT_BODY = frozenset([204, 304])
_SWITCHING_PROTOCOLS = 101


class Taker(Protocol):
    """Who takes a connection over that has switched protocols: gateway.tunnel.Tunnel."""

    def upstream_data(self, data: bytes) -> None: ...

    def upstream_finished(self) -> None: ...

    def upstream_paused(self, paused: bool) -> None: ...

    def upstream_lost(self) -> None: ...


class UpstreamConnection(asyncio.Protocol):
    """Carries one exchange: `request`, then `head`, then `read` until it gives b""; then `close`.

    Failures are those of middlewares.failures. What comes after the end of the response is never
    looked at, since the connection is closed.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._head: asyncio.Future[ResponseHead] = asyncio.get_running_loop().create_future()
        self._head_bytes = 0
        self._phrase = b""
        self._fields: list[FieldLine] = []
        self._method = ""
        self._upgrades = False
        self._taker: Taker | None = None
        self._pieces: deque[bytes] = deque()
        self._unread_bytes = 0
        self._reading_paused = False
        self._ended = False
        self._failure: Failure | None = None
        self._something = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._sending: asyncio.Task[None] | None = None
        #: When the instance last could not be blamed for silence; None while the client is waited for.
        self._waiting_since_s: float | None = time.monotonic()
        self.bytes_sent = 0

    # What the hop calls.

    def request(self, head: RequestHead, body: AsyncIterator[bytes] | None) -> None:
        """Send the head now, and the body as it comes, while the response is already awaited."""
        self._method = head.method
        self._upgrades = head.upgrades
        self._write(head.serialise())
        self._waiting_since_s = time.monotonic()
        if body is not None:
            self._sending = asyncio.create_task(self._send(body, head.chunked))

    async def head(self, timeout_s: float) -> ResponseHead:
        """The response's head, within `timeout_s` of the last byte that the instance was sent."""
        while not self._head.done():
            since_s = self._waiting_since_s
            left_s = timeout_s if since_s is None else since_s + timeout_s - time.monotonic()
            if left_s <= 0:
                raise UpstreamTimeout("the upstream did not answer in time")
            await asyncio.wait([self._head], timeout=left_s)
        return self._head.result()

    async def read(self) -> bytes:
        """The next piece of the response's body as it arrived, b"" at its end."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b""
            self._something.clear()
            await self._something.wait()
        piece = self._pieces.popleft()
        self._unread_bytes -= len(piece)
        if self._reading_paused and self._unread_bytes <= LOW_WATER_BYTES:
            self._reading_paused = False
            if self._transport is not None:
                self._transport.resume_reading()
        return piece

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None, "the connection is open"
        return self._transport

    def hand_over(self, taker: Taker) -> None:
        """After a 101: from now on the bytes are the taker's, beginning with those that came along."""
        self._taker = taker
        while self._pieces:
            taker.upstream_data(self._pieces.popleft())
        if self._failure is not None:
            taker.upstream_lost()
        elif self._reading_paused:
            self.transport.resume_reading()

    async def close(self) -> None:
        """End the connection, whatever it is at; an unfinished request is cut off, not ended."""
        if self._transport is not None and self._taker is None:
            self._transport.abort()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._head.done() and not self._head.cancelled():
            self._head.exception()  # it has been seen, or nobody needs it any more
        self._head.cancel()

    async def _send(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        try:
            while True:
                self._waiting_since_s = None
                piece = await anext(body, b"")
                self._waiting_since_s = time.monotonic()
                if not piece:
                    break
                self.bytes_sent += len(piece)
                self._write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await self._writable.wait()
            if chunked:
                self._write(b"0\r\n\r\n")
        except Failure as failure:  # the client's body broke off or is too large
            self._fail(failure)
            if self._transport is not None:
                self._transport.abort()

    def _write(self, data: bytes) -> None:
        # A connection that is closed for writing may have an answer (413, say) waiting to be read.
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._taker is not None:
            self._taker.upstream_data(data)
            return
        if self._ended or self._failure is not None:
            return
        if not self._head.done():
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._upgrades and self._head.done():
                self._keep(data[upgrade.args[0] :])
            else:
                self._fail(UpstreamInvalid("the upstream switched protocols unasked"))
        except httptools.HttpParserError:
            if not self._ended:
                self._fail(UpstreamInvalid("the upstream's response is not valid HTTP"))
        if not self._head.done() and self._head_bytes > MAX_HEAD_BYTES:
            self._fail(UpstreamInvalid("the upstream's response head is too large"))

    def eof_received(self) -> bool:
        if self._taker is None:
            return False
        self._taker.upstream_finished()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._writable.set()
        if self._taker is not None:
            self._taker.upstream_lost()
        if self._ended or self._failure is not None or self._head.cancelled():
            return
        if self._head.done() and exc is None and not self._is_framed:
            self._end()  # a body that runs until the close has come to its end
        else:
            self._fail(UpstreamReset("the upstream closed the connection early"))

    def pause_writing(self) -> None:
        self._writable.clear()
        if self._taker is not None:
            self._taker.upstream_paused(True)

    def resume_writing(self) -> None:
        self._waiting_since_s = time.monotonic()
        self._writable.set()
        if self._taker is not None:
            self._taker.upstream_paused(False)

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._phrase, self._fields = b"", []

    def on_status(self, phrase: bytes) -> None:
        self._phrase += phrase

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head.done():  # afterwards they are trailers, which are dropped
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._head.done() or (status < 200 and status != _SWITCHING_PROTOCOLS):
            return
        if status == _SWITCHING_PROTOCOLS and not self._upgrades:
            self._fail(UpstreamInvalid("the upstream switched protocols unasked"))
            return
        head = _response_head(status, self._phrase, tuple(self._fields))
        if head is None or sum(map(_size, self._fields)) > MAX_HEAD_BYTES:
            self._fail(UpstreamInvalid("the upstream's response head is not valid"))
            return
        self._head.set_result(head)
        if self._method == "HEAD" or status in _WITHOUT_BODY:
            self._end()

    def on_body(self, piece: bytes) -> None:
        if not self._ended and self._head.done():
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        if not piece:
            return
        self._pieces.append(piece)
        self._unread_bytes += len(piece)
        self._something.set()
        if self._unread_bytes > HIGH_WATER_BYTES and not self._reading_paused:
            self._reading_paused = True
            if self._transport is not None:
                self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._head.done() and self._head.result().status != _SWITCHING_PROTOCOLS:
            self._end()

    @property
    def _is_framed(self) -> bool:
        head = self._head.result()
        return head.chunked or head.length is not None

    def _end(self) -> None:
        self._ended = True
        self._something.set()

    def _fail(self, failure: Failure) -> None:
        if self._failure is not None:
            return
        self._failure = failure
        self._something.set()
        if not self._head.done():
            self._head.set_exception(failure)


def _size(field: FieldLine) -> int:
    return len(field[0]) + len(field[1]) + 4


def _response_head(
    status: int, phrase: bytes, fields: tuple[FieldLine, ...]
) -> ResponseHead | None:
    """The head with its framing (RFC 9112 §6.3), or None where that is ambiguous."""
    codings = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    lengths = {value.strip() for name, value in fields if name.lower() == b"content-length"}
    if codings:
        if [coding.strip().lower() for coding in codings] != [b"chunked"] or lengths:
            return None
        return ResponseHead(status, phrase, fields, chunked=True)
    if len(lengths) > 1 or not all(length.isdigit() for length in lengths):
        return None
    return ResponseHead(status, phrase, fields, length=int(lengths.pop()) if lengths else None)
