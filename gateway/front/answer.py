"""The answer of an instance, unsent: its head, the body not read yet, and the connection that it comes on."""

import asyncio
import re
from collections.abc import Callable
from typing import NoReturn

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from gateway.forwarding.fields import ANEW, CONNECTION, DROP, LENGTH, in_answer
from gateway.forwarding.memories import ForwardingMemories
from gateway.forwarding.responses import response_head, trailer_lines
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.messages import FieldLine, ResponseHead
from middlewares.failures import RequestTimeout

#: What frames an answer, or speaks of the client's connection, is decided when it is sent.
_DECIDED_HERE = (DROP, CONNECTION, ANEW, LENGTH)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def _taken_by_nobody(_piece: bytes) -> bool:
    return False


class Answer(web.StreamResponse):
    """What the hop returns. Layers may add to `headers`, or `release` it and return another answer.

    `head` is the instance's, which goes out unchanged. `headers` holds only what is added, and `added` the
    same as byte lines for what is added always; `replaced` are the names (lower-case) of which the
    instance's own lines give way to these. Nothing that aiohttp would put into an answer of its own
    (Server, Content-Type) gets in here.

    `send_timeout_s` is how long the client may read nothing (0: for ever). `without_cors`: the gateway
    owns the Access-Control-* fields, the instance's are dropped. `takes_trailers`: the client said so;
    the instance's are then sent behind a body in chunks.
    """

    def __init__(
        self,
        head: ResponseHead,
        connection: UpstreamConnection,
        give_back: Callable[[UpstreamConnection], None],
        met: ForwardingMemories,
        *,
        send_timeout_s: float = 0.0,
        without_cors: bool = False,
        takes_trailers: bool = False,
    ) -> None:
        # The parent's __init__ would make what is not needed here: a state, headers, a reason.
        self.head = head
        self.connection = connection
        self.added: list[FieldLine] = []
        self.replaced: frozenset[bytes] = frozenset()
        self.bytes_out = 0
        self._met = met
        #: None once the connection was given back.
        self._give_back: Callable[[UpstreamConnection], None] | None = give_back
        self._without_cors = without_cors
        self._takes_trailers = takes_trailers
        self._send_timeout_s = send_timeout_s
        self._own_headers: CIMultiDict[str] | None = None
        self._writer: AbstractStreamWriter | None = None
        self._client: web.RequestHandler | None = None
        self._in_chunks = False
        #: A piece is in hand that waits for the client.
        self._waits = False
        self._finished = False
        self._keeps_alive = True

    def release(self) -> None:
        """Give the connection back; the exchange does it at its end, so whoever forgets it leaks nothing."""
        give_back, self._give_back = self._give_back, None
        if give_back is None:
            return
        if self._client is not None:
            self.connection.forward_to(_taken_by_nobody)  # the two would hold each other
        elif self._writer is None and self.connection.is_complete:
            self.connection.rest()  # nobody will read it, and the connection can carry another
        give_back(self.connection)

    @property
    def status(self) -> int:
        return self.head.status

    @property
    def reason(self) -> str:
        return self.head.phrase.decode("latin-1")

    def set_status(self, status: int, reason: str | None = None) -> NoReturn:
        raise TypeError("an instance's status stays: release its answer, and return another")

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
        return self.head.length

    @property
    def is_event_stream(self) -> bool:
        """Its body goes on until somebody ends it."""
        return self.head.length is None and any(
            name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream")
            for name, value in self.head.fields
        )

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the head; the body follows by `write`, and `write_eof` ends it."""
        if self._writer is None:
            await self._begin(request, b"", whole=False)
        return self._writer

    async def send_whole(self, request: web.BaseRequest, body: bytes) -> None:
        """Send the head and all of the body in one write."""
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
        if self._in_chunks:
            self._transport.write(self._last_chunk())

    @property
    def _transport(self) -> asyncio.Transport:
        client = self._client
        if client is None or client.transport is None or client.transport.is_closing():
            raise ConnectionResetError("the client is gone")
        return client.transport

    def _send(self, transport: asyncio.Transport, data: bytes) -> None:
        self.bytes_out += len(data)
        transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._in_chunks else data)

    def ask(self) -> None:
        """Send what has a client that is gone answer with a reset: a zero before the next chunk's size.

        A size may have any number of them (RFC 9112 §7.1). An answer with a length has no such place.
        """
        client = self._client
        if self._in_chunks and not self._finished and client is not None and client.transport:
            client.transport.write(b"0")

    def abandon(self) -> None:
        """The connection was aborted: nothing may follow."""
        self._finished = True
        self._keeps_alive = False

    async def _begin(self, request: web.BaseRequest, body: bytes, *, whole: bool) -> None:
        head = self.head
        unframed = (
            head.length is None and request.method != "HEAD" and head.status not in (101, 204, 304)
        )
        chunked = unframed and request.version >= HttpVersion11
        self._decide_keep_alive(request, closes=unframed and not chunked)
        data = self._head_bytes(request, chunked=chunked)
        writer = self._writer = request.writer
        self.bytes_out = len(body)
        if not whole:
            await writer.write(data)
            self._client, self._in_chunks = request.protocol, chunked
        elif chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            await writer.write(data + chunk + self._last_chunk())
        else:
            await writer.write(data + body)

    def _last_chunk(self) -> bytes:
        if not self._takes_trailers:
            return b"0\r\n\r\n"
        came = self.connection.trailers
        trailers = trailer_lines(came, self.head, without_cors=self._without_cors)
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
        own = self._own_fields() if self._own_headers or self._cookies else None
        if own:
            # Ours replace the instance's of the same name; these two are added to.
            replaced |= frozenset(name.lower() for name, _ in own) - {b"vary", b"set-cookie"}
            added = added + own
        if chunked:
            added = [*added, (b"Transfer-Encoding", b"chunked")]
        version = (1, 0) if request.version == HttpVersion10 else (1, 1)
        return response_head(
            self.head,
            version,
            added,
            self._met,
            replaced=replaced,
            careful=bool(own),
            without_cors=self._without_cors,
            trailers=chunked and self._takes_trailers,
        )

    def _own_fields(self) -> list[FieldLine]:
        """What layers have put into `headers` and `cookies`; what is added always is not theirs."""
        said = {name.lower() for name, _ in self.added}
        put = list(self.headers.items())
        put += [("Set-Cookie", one.OutputString()) for one in (self._cookies or {}).values()]
        own = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in put]
        own = [field for field in own if field[0].lower() not in said]
        for name, value in own:
            if not _NAME.fullmatch(name) or _CONTROLS.search(value):
                raise ValueError(f"no field can be {name!r}: {value!r}")
            if in_answer(name) in _DECIDED_HERE:
                raise ValueError(f"{name.decode()} can't be set in an instance's answer")
        return own
