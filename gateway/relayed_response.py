"""The proxied answer: an upstream's head as byte lines with our fields behind, and its body as it comes."""

from email.utils import formatdate

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from gateway.forwarding import response_fields, values_of
from gateway.upstream.messages import ResponseHead, lines


class RelayedResponse(web.StreamResponse):
    """A StreamResponse that sends the upstream's head unchanged.

    `headers` holds only what the layers add. Nothing that aiohttp would put into an answer of its
    own (Server, Content-Type) gets in here. `without_cors`: the gateway owns the Access-Control-*
    fields, so the upstream's are dropped.
    """

    def __init__(self, head: ResponseHead, *, without_cors: bool = False) -> None:
        super().__init__(status=head.status)
        self._without_cors = without_cors
        self._upstream_head = head
        self._writer: AbstractStreamWriter | None = None
        self._finished = False
        self._keeps_alive = True
        self.bytes_out = 0

    @property
    def prepared(self) -> bool:
        return self._writer is not None

    @property
    def keep_alive(self) -> bool:
        return self._keeps_alive

    def force_close(self) -> None:
        self._keeps_alive = False

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the head; the body follows by `write`, and `write_eof` ends it."""
        if self._writer is not None:
            return self._writer
        if isinstance(request, web.Request):
            await request.app.on_response_prepare.send(request, self)
        writer = request.writer
        has_body = request.method != "HEAD" and self.status not in (101, 204, 304)
        unframed = has_body and self._upstream_head.length is None
        chunked = unframed and request.version >= HttpVersion11
        self._decide_keep_alive(request, closes=unframed and not chunked)
        head = self._head_bytes(request, chunked=chunked)
        self._writer = writer
        await writer.write(head)
        if chunked:
            writer.enable_chunking()
        return writer

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a piece of the body; it waits while the client is slow."""
        assert self._writer is not None
        self.bytes_out += len(data)
        await self._writer.write(data)

    async def write_eof(self, data: bytes = b"") -> None:
        """End the body cleanly; never called for one that broke off."""
        if self._finished or self._writer is None:
            return
        self._finished = True
        await self._writer.write_eof(data)

    def abandon(self) -> None:
        """The connection was aborted: nothing may follow."""
        self._finished = True
        self._keeps_alive = False

    def _decide_keep_alive(self, request: web.BaseRequest, *, closes: bool) -> None:
        asked = self.headers.get("Connection", "").lower() == "close"
        self._keeps_alive = self._keeps_alive and request.keep_alive and not (closes or asked)
        if self.status == 101:
            self._keeps_alive = False  # when the tunnel is over, so is the connection
            self.headers["Connection"] = "Upgrade"
            return
        if not self._keeps_alive:
            self.headers["Connection"] = "close"
        elif request.version == HttpVersion10:
            self.headers["Connection"] = "keep-alive"

    def _head_bytes(self, request: web.BaseRequest, *, chunked: bool) -> bytes:
        upstream = self._upstream_head
        fields = response_fields(upstream.fields)
        if upstream.status == 101:
            fields += [(b"Upgrade", value) for value in values_of(upstream.fields, b"upgrade")]
        if self._without_cors:
            fields = [f for f in fields if not f[0].lower().startswith(b"access-control-")]
        names = {name.lower() for name, _ in fields}
        ours = {name.lower().encode("ascii") for name in self.headers}
        # Our own fields replace the upstream's of the same name; Vary alone is added to.
        kept = [field for field in fields if field[0].lower() not in ours - {b"vary"}]
        added = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in self.headers.items()]
        if b"date" not in names:
            added.append((b"Date", formatdate(usegmt=True).encode("ascii")))
        if chunked:
            added.append((b"Transfer-Encoding", b"chunked"))
        version = b"1.0" if request.version == HttpVersion10 else b"1.1"
        status_line = b"HTTP/%b %d %b\r\n" % (version, upstream.status, upstream.phrase)
        return b"".join((status_line, lines(kept), lines(added), b"\r\n"))
