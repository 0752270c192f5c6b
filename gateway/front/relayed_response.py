"""The proxied answer: an upstream's head as byte lines with our fields behind, and its body as it comes."""

import asyncio
from collections.abc import Sequence

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from gateway.forwarding.memories import ForwardingMemories
from gateway.forwarding.responses import response_head, trailer_lines
from gateway.upstream.messages import FieldLine, ResponseHead
from middlewares.failures import RequestTimeout


class RelayedResponse(web.StreamResponse):
    """A StreamResponse that sends the upstream's head unchanged.

    `headers` holds only what is added, and `added` the same as byte lines for what is added always;
    `replaced` are the names (lower-case) of which the upstream's own lines give way to these.
    Nothing that aiohttp would put into an answer of its own (Server, Content-Type) gets in here.
    `without_cors`: the gateway owns the Access-Control-* fields, the upstream's are dropped.
    `takes_trailers`: the client said so; `trailers` are then sent behind a body in chunks.
    """

    def __init__(
        self,
        head: ResponseHead,
        met: ForwardingMemories,
        *,
        send_timeout_s: float = 0.0,
        without_cors: bool = False,
        takes_trailers: bool = False,
    ) -> None:
        # The parent's __init__ would make what is not needed here: a state, headers, a reason.
        self.added: list[FieldLine] = []
        self.replaced: frozenset[bytes] = frozenset()
        self.bytes_out = 0
        self._upstream_head = head
        self._met = met
        self.trailers: Sequence[FieldLine] = ()
        self._without_cors = without_cors
        self._takes_trailers = takes_trailers
        self._send_timeout_s = send_timeout_s
        self._own_headers: CIMultiDict[str] | None = None
        self._writer: AbstractStreamWriter | None = None
        self._client: web.RequestHandler | None = None
        self._chunked = False
        #: A piece is in hand that waits for the client.
        self._waits = False
        self._finished = False
        self._keeps_alive = True

    @property
    def status(self) -> int:
        return self._upstream_head.status

    @property
    def headers(self) -> CIMultiDict[str]:
        if self._own_headers is None:
            self._own_headers = CIMultiDict()
        return self._own_headers

    @property
    def prepared(self) -> bool:
        return self._writer is not None

    @property
    def keep_alive(self) -> bool:
        return self._keeps_alive

    def force_close(self) -> None:
        self._keeps_alive = False

    @property  # type: ignore[misc]  # nobody sets it here
    def content_length(self) -> int | None:
        return self._upstream_head.length

    @property
    def is_event_stream(self) -> bool:
        """Its body goes on until somebody ends it."""
        return self._upstream_head.length is None and any(
            name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream")
            for name, value in self._upstream_head.fields
        )

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the head; the body follows by `write`, and `write_eof` ends it."""
        if self._writer is None:
            await self._begin(request, b"", whole=False)
        return self._writer

    async def send_whole(self, request: web.BaseRequest, body: bytes) -> None:
        """Send the head and all of the body in one write."""
        self.bytes_out = len(body)
        await self._begin(request, body, whole=True)
        self._finished = True

    def forward(self, data: bytes) -> bool:
        """Send a piece of the body at once; False where that can't be, because the client is slow."""
        client = self._client
        if client is None or client.writing_paused or self._waits:
            return False
        if client.transport is None or client.transport.is_closing():
            return False
        self._send(client.transport, data)
        return True

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a piece of the body; it waits while the client is slow, but RequestTimeout in the end."""
        assert self._writer is not None
        # What is forwarded meanwhile would overtake this piece.
        self._waits = True
        try:
            async with asyncio.timeout(self._send_timeout_s or None):
                await self._writer.drain()
        except TimeoutError:
            raise RequestTimeout("the client reads nothing of its answer") from None
        finally:
            self._waits = False
        self._send(self._transport, bytes(data))

    async def write_eof(self, _data: bytes = b"") -> None:
        """End the body cleanly; never called for one that broke off."""
        if self._finished or self._writer is None:
            return
        self._finished = True
        if self._chunked:
            self._transport.write(self._last_chunk())

    @property
    def _transport(self) -> asyncio.Transport:
        client = self._client
        if client is None or client.transport is None or client.transport.is_closing():
            raise ConnectionResetError("the client is gone")
        return client.transport

    def _send(self, transport: asyncio.Transport, data: bytes) -> None:
        self.bytes_out += len(data)
        transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def ask(self) -> None:
        """Send what has a client that is gone answer with a reset: a zero before the next chunk's size.

        A size may have any number of them (RFC 9112 §7.1). An answer with a length has no such place.
        """
        client = self._client
        if self._chunked and not self._finished and client is not None and client.transport:
            client.transport.write(b"0")

    def abandon(self) -> None:
        """The connection was aborted: nothing may follow."""
        self._finished = True
        self._keeps_alive = False

    async def _begin(self, request: web.BaseRequest, body: bytes, *, whole: bool) -> None:
        if isinstance(request, web.Request):
            await request.app.on_response_prepare.send(request, self)
        head = self._upstream_head
        unframed = (
            head.length is None and request.method != "HEAD" and head.status not in (101, 204, 304)
        )
        chunked = unframed and request.version >= HttpVersion11
        self._decide_keep_alive(request, closes=unframed and not chunked)
        writer = self._writer = request.writer
        data = self._head_bytes(request, chunked=chunked)
        if not whole:
            await writer.write(data)
            self._client, self._chunked = request.protocol, chunked
        elif chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            await writer.write(data + chunk + self._last_chunk())
        else:
            await writer.write(data + body)

    def _last_chunk(self) -> bytes:
        if not self._takes_trailers:
            return b"0\r\n\r\n"
        trailers = trailer_lines(
            self.trailers, self._upstream_head, without_cors=self._without_cors
        )
        return b"0\r\n%b\r\n" % trailers

    def _decide_keep_alive(self, request: web.BaseRequest, *, closes: bool) -> None:
        self._keeps_alive = self._keeps_alive and request.keep_alive and not closes
        if self.status == 101:
            self._keeps_alive = False  # when the tunnel is over, so is the connection
            self.added.append((b"Connection", b"Upgrade"))
        elif not self._keeps_alive:
            self.added.append((b"Connection", b"close"))
        elif request.version == HttpVersion10:
            self.added.append((b"Connection", b"keep-alive"))

    def _head_bytes(self, request: web.BaseRequest, *, chunked: bool) -> bytes:
        added, replaced = self.added, self.replaced
        if self._own_headers:
            own = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in self._own_headers.items()]
            # Ours replace the upstream's of the same name; Vary alone is added to.
            replaced |= frozenset(name.lower() for name, _ in own) - {b"vary"}
            added = added + own
        if chunked:
            added = [*added, (b"Transfer-Encoding", b"chunked")]
        version = (1, 0) if request.version == HttpVersion10 else (1, 1)
        return response_head(
            self._upstream_head,
            version,
            added,
            self._met,
            replaced=replaced,
            careful=bool(self._own_headers),
            without_cors=self._without_cors,
            trailers=chunked and self._takes_trailers,
        )
