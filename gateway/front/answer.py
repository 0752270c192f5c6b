"""An instance's unsent answer: its head, its unread body, and what this comes from."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from gateway.forwarding.changed_heads import changed_head, check_field, edited_head
from gateway.forwarding.fields import ANEW, CONNECTION, DROP, LENGTH, in_answer
from gateway.forwarding.responses import response_head, trailer_lines
from gateway.front.plain_request import PlainRequest
from gateway.upstream.messages import FieldLine, ResponseHead, lines
from middlewares.bodies import Abandoned, AnswerBody, Fanout, Reader, Sink, Trailers, WhenSlow
from middlewares.changed_bodies import ReadBody
from middlewares.errors import abort
from middlewares.failures import RequestTimeout
from middlewares.head_changes import FieldEdits, has_marks
from middlewares.proxied_answers import UNCHANGED, ProxiedAnswer, Unchanged

#: Layers can't set these fields: they frame the answer or describe the client's connection.
_DECIDED_HERE = (DROP, CONNECTION, ANEW, LENGTH)
SWITCHING_PROTOCOLS = 101
_WITHOUT_LENGTH = frozenset([SWITCHING_PROTOCOLS, 204, 304])
#: The end of an answer waits until no more than this is unread, so that memory holds little of it.
MOST_UNREAD_BYTES = 64 * 1024


def _open(transport: asyncio.Transport | None) -> asyncio.Transport:
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client is gone")
    return transport


class Answer(web.StreamResponse, Sink, ProxiedAnswer):
    """The hop returns it. Layers may add to `headers`, or `release` it and return another answer.

    Once its head is sent, it is the sink that takes the body to the client.

    `source` is the body: an instance's connection, or what is kept of an earlier answer. `give_back` takes it
    when the answer is released. `head` is the instance's, or what layers have made of it. `headers` holds the
    fields that layers add. aiohttp's own fields (Server, Content-Type) are never added.

    `send_timeout_s` is how long the client may read nothing (0: for ever). `without_cors`: the gateway owns
    the Access-Control-* fields, and the instance's are dropped. `takes_trailers`: the client accepts
    trailers, so the instance's are sent after a chunked body.
    """

    #: The field lines that every answer gets.
    added = b""
    #: The names (lower-case) whose lines from the instance are dropped for ours.
    replaced: frozenset[bytes] = frozenset()
    bytes_out = 0
    #: The body's readers besides the client.
    others: Fanout | None = None
    #: Those of the body as it was before layers changed it.
    _earlier: tuple[Fanout, ...] = ()
    _own_headers: CIMultiDict[str] | None = None
    _client: web.RequestHandler | None = None
    _in_chunks = False
    _begun = False
    _finished = False
    # aiohttp's are properties.
    status = 0
    keep_alive = True

    def __init__(
        self,
        head: ResponseHead,
        source: AnswerBody,
        give_back: Callable[[Any], None] | None,
        *,
        send_timeout_s: float = 0.0,
        without_cors: bool = False,
        takes_trailers: bool = False,
    ) -> None:
        # The parent's __init__ would make a state, headers and a reason, which are not needed here.
        self.head = head
        self.status = head.status
        self.source = source
        #: What `give_back` takes, however layers change the body.
        self._given = source
        #: None once the source is given back, or if nobody wants it back.
        self._give_back: Callable[[Any], None] | None = give_back
        self._without_cors = without_cors
        self._takes_trailers = takes_trailers
        self._send_timeout_s = send_timeout_s

    def release(self) -> None:
        """Give the source back; the exchange does it at the latest, so a layer that forgets it leaks nothing."""
        if self.others is not None:
            self.others.broke(Abandoned())  # unless they have seen its end
        for readers in self._earlier:  # a body that nobody reads any more tells them nothing
            readers.broke(Abandoned())
        give_back, self._give_back = self._give_back, None
        if give_back is None:
            return
        if not self._begun and self._given.is_complete():
            self._given.rest()  # drop the body, so that the connection can be reused
        give_back(self._given)

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
        return self._begun

    def force_close(self) -> None:
        self.keep_alive = False

    @property  # type: ignore[misc]  # nobody sets it here
    def content_length(self) -> int | None:
        return self.head.length

    @property
    def is_event_stream(self) -> bool:
        return self.head.is_event_stream

    @property
    def answered(self) -> int:
        return self.head.status

    @property
    def field_lines(self) -> Sequence[FieldLine]:
        return self.head.fields

    @property
    def announced_length(self) -> int | None:
        return self.head.length

    @property
    def streams_events(self) -> bool:
        return self.head.is_event_stream

    def change_head(self, fields: Sequence[FieldLine]) -> None:
        head = self.head
        self.head = changed_head(head, fields, head.length, has_other_body=False)

    def edit_head(self, edits: FieldEdits) -> None:
        self.head = edited_head(self.head, edits)

    def may_have(self, marks: tuple[bytes, ...]) -> bool:
        lines = self.head.ready_lines
        return not lines or has_marks(lines, marks)

    def body_for_change(self) -> AnswerBody:
        if self.others is not None:
            self.source = ReadBody(self.source, self.others)
            self._earlier, self.others = (*self._earlier, self.others), None
        return self.source

    def change_body(
        self,
        body: AnswerBody,
        length: int | None,
        fields: Sequence[FieldLine] | Unchanged = UNCHANGED,
    ) -> None:
        lines = self.head.fields if isinstance(fields, Unchanged) else fields
        self.head = changed_head(self.head, lines, length, has_other_body=True)
        self.source = body

    def add_reader(
        self, sink: Sink, *, when_slow: WhenSlow = WhenSlow.LEAVE, cap: int | None = None
    ) -> Reader:
        if self.others is None:
            self.others = Fanout()
        return self.others.add(sink, when_slow=when_slow, cap=cap)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the head; the body follows through `take`, and then `end` or `broke`."""
        if not self._begun:
            self._client = request.protocol
            self._send(request, self._head_bytes(request))
        return request.writer

    def send_whole(self, request: web.BaseRequest, body: bytes) -> bool:
        """Send the head and all of the body in one write; False if the client has much to read."""
        head = self.head
        if (
            isinstance(request, PlainRequest)
            and request.keep_alive
            and self.keep_alive
            and self._own_headers is None
            and self._cookies is None
            and not self._without_cors
            and head.ready_lines
            and (head.length is not None or head.status == 304)
        ):
            # The head goes out as it came, before the lines in `added`.
            data = b"HTTP/1.1 %b%b\r\n%b" % (head.ready_lines, self.added, body)
        else:
            data = self._head_bytes(request)
            if self._in_chunks:
                chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
                data += chunk + self._last_chunk(self.source.trailers)
            else:
                data += body
        self.bytes_out = len(body)
        self._finished = True
        self._send(request, data)
        if len(data) <= MOST_UNREAD_BYTES:
            return True
        self._client = request.protocol
        return False

    def take(self, piece: bytes) -> bool:
        """Send a piece of the body at once; False if the client is too slow for that."""
        client = self._client
        if client is None or client.writing_paused:
            return False
        if client.transport is None or client.transport.is_closing():
            return False
        self.bytes_out += len(piece)
        client.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self._in_chunks else piece)
        return True

    async def room(self) -> None:
        """Wait while the client is slow. Raises RequestTimeout in the end, ConnectionError if it is gone."""
        assert self._client is not None
        try:
            async with asyncio.timeout(self._send_timeout_s or None):
                await self._client._drain_helper()
        except TimeoutError:
            raise RequestTimeout("the client reads nothing of its answer") from None
        _ = self._transport

    def end(self, trailers: Trailers = ()) -> None:
        self._finished = True
        if self._in_chunks:
            self._transport.write(self._last_chunk(trailers))

    def broke(self, why: Exception) -> None:
        """Abort the connection: once the head is out, nothing else tells the client that the body is incomplete."""
        client = self._client
        if client is not None and client.transport and not client.transport.is_closing():
            abort(client)
        self.abandon()

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Call `take` under aiohttp's name, and wait if necessary."""
        piece = bytes(data)
        while not self.take(piece):
            await self.room()

    async def write_eof(self, _data: bytes = b"") -> None:
        """Call `end` under aiohttp's name; never called for a body that broke off."""
        if not self._finished and self._begun:
            self.end(self.source.trailers)

    @property
    def _transport(self) -> asyncio.Transport:
        return _open(self._client.transport if self._client is not None else None)

    def ask(self) -> None:
        """Probe for a client that is gone, whose reset comes back: send a zero before the next chunk's size.

        A size may have any number of zeros (RFC 9112 §7.1). An answer with a length has no place for them.
        """
        client = self._client
        if self._in_chunks and not self._finished and client is not None and client.transport:
            client.transport.write(b"0")

    def abandon(self) -> None:
        """Send nothing more, because the connection was aborted."""
        self._finished = True
        self.keep_alive = False

    def _send(self, request: web.BaseRequest, data: bytes) -> None:
        if isinstance(request, PlainRequest):
            request.send(data)
        else:
            _open(request.transport).write(data)
            request.writer.output_size += len(data)
        self._begun = True

    def _last_chunk(self, trailers: Trailers) -> bytes:
        if not self._takes_trailers:
            return b"0\r\n\r\n"
        lines = trailer_lines(trailers, self.head, without_cors=self._without_cors)
        return b"0\r\n%b\r\n" % lines

    def _head_bytes(self, request: web.BaseRequest) -> bytes:
        """The head as it goes to the client; it decides how the body is framed, and what follows it."""
        head, version = self.head, request.version
        if head.length is None and head.status not in _WITHOUT_LENGTH and request.method != "HEAD":
            if version >= HttpVersion11:
                self._in_chunks = True
                self.added += b"Transfer-Encoding: chunked\r\n"
            else:
                self.keep_alive = False
        if head.status == SWITCHING_PROTOCOLS:
            self.keep_alive = False  # the connection ends with the tunnel
            self.added += b"Connection: Upgrade\r\n"
        elif not (self.keep_alive and request.keep_alive):
            self.keep_alive = False
            self.added += b"Connection: close\r\n"
        elif version is not HttpVersion11:
            self.added += b"Connection: keep-alive\r\n"
        own = self._own_fields() if self._own_headers or self._cookies else []
        # Our fields replace the instance's of the same name; Vary, Link and Set-Cookie are added.
        names = frozenset(name.lower() for name, _ in own) - {b"vary", b"link", b"set-cookie"}
        return response_head(
            head,
            HttpVersion10 if version == HttpVersion10 else HttpVersion11,
            self.added + lines(own) if own else self.added,
            replaced=self.replaced | names if names else self.replaced,
            careful=bool(own),
            without_cors=self._without_cors,
            trailers=self._in_chunks and self._takes_trailers,
        )

    def _own_fields(self) -> list[FieldLine]:
        """The fields that layers have put into `headers` and `cookies`, without those of every answer."""
        said = {line.partition(b":")[0].lower() for line in self.added.split(b"\r\n")}
        put = list(self.headers.items())
        put += [("Set-Cookie", one.OutputString()) for one in (self._cookies or {}).values()]
        own = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in put]
        own = [field for field in own if field[0].lower() not in said]
        for field in own:
            check_field(field)
            if in_answer(field[0]) in _DECIDED_HERE:
                raise ValueError(f"{field[0].decode()} can't be set in an instance's answer")
        return own
