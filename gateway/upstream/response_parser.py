"""Reads any response by httptools' parser, and holds it to the rules that the parser does not know."""

import re
from collections.abc import Sequence

import httptools

from gateway.upstream.chunk_lines import ChunkLines
from gateway.upstream.invalid_answers import first_invalid_byte
from gateway.upstream.messages import (
    SWITCHING_PROTOCOLS,
    WITHOUT_BODY,
    End,
    FieldLine,
    Invalid,
    ResponseHead,
    Said,
    idle_limit_s,
)
from middlewares.hygiene.content_length import content_length

#: The log quotes this much of a wrong status line.
SAID = 200
_CONTINUE = 100
#: The parser also takes RTSP, ICE, HTTP/0.9 and 2.0 for HTTP, and control characters in a phrase.
_FIRST_BYTES = b"H\r\n"
_VERSIONS = frozenset(["1.1", "1.0"])
_PHRASE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
#: Lengths of the fields about the connection, so that other fields are skipped quickly.
_CONNECTION_FIELDS = frozenset([b"content-length", b"transfer-encoding", b"keep-alive"])
_CONNECTION_FIELD_LENGTHS = frozenset(map(len, _CONNECTION_FIELDS))


class ResponseParser:
    """Reads the responses of one connection in turn: `begin` each, then `feed` until End or Invalid."""

    def __init__(self, head_bytes: int) -> None:
        self._most_bytes = head_bytes
        self._parser = httptools.HttpResponseParser(self)

    def begin(self, method: str, *, upgrades: bool = False) -> None:
        self._method = method
        self._upgrades = upgrades
        self._said: list[Said] = []
        #: The trailers of a chunked body, complete at the End.
        self.trailers: list[FieldLine] = []
        self._head: ResponseHead | None = None
        self._invalid: Invalid | None = None
        self._ended = False
        self._reusable = False
        self._idle_limit_s: float | None = None
        self._head_bytes = 0
        self._trailer_bytes = 0
        #: Bytes since the beginning or since the last piece of the body: extensions and trailers.
        self._bytes_between = 0
        self._head_tail = b""
        #: Bytes that the parser has taken.
        self._parsed_bytes = 0
        self._chunk_lines: ChunkLines | None = None
        #: Where the body begins in these bytes, and the last bytes of a body in chunks.
        self._body_at = 0
        self._chunks_end = b""
        self._phrase = b""
        self._fields: list[FieldLine] = []
        self._about_connection: list[FieldLine] = []

    def feed(self, data: bytes | memoryview) -> Sequence[Said]:
        """Read these bytes and return what they say, in order; only copies of a memoryview are kept."""
        if self._head is None:
            data = bytes(data)
            if not self._parsed_bytes and data[0] not in _FIRST_BYTES:
                evidence = f"it begins with the byte 0x{data[0]:02x}"
                return (Invalid("the upstream's response is not HTTP", evidence),)
            self._head_bytes += len(data)
        elif self._head.status == SWITCHING_PROTOCOLS:
            return (bytes(data),)
        said = self._said = []
        self._parse(data)
        self._bytes_between += len(data)
        if self._bytes_between > self._most_bytes:
            self._hold_to_limit(len(data))
        if self._invalid is not None:
            said.append(self._invalid)
        elif self._ended:
            said.append(End(self._reusable and not self._is_surplus(data), self._idle_limit_s))
        return said

    def skip_to(self, read_bytes: int) -> None:
        """Go on at this byte of the response."""
        self._parsed_bytes = read_bytes
        self._bytes_between = 0

    def finish(self) -> End | None:
        """Note that the instance has finished sending; return the End if the body runs until the close."""
        head = self._head
        if head is None or head.chunked or head.length is not None:
            return None
        return End(False)

    def close(self) -> None:
        """Break the reference cycle with the parser; nothing more will be read."""
        del self._parser

    def _parse(self, data: bytes | memoryview) -> None:
        """Parse the head by itself, and then the rest as the head says."""
        begun = 0
        try:
            while self._head is None and self._invalid is None and begun < len(data):
                end = self._head_end(bytes(data[begun:])) + begun
                self._parser.feed_data(data[begun:end])
                begun = end
            self._body_at = begun
            if self._chunk_lines is not None:
                self._chunks_end = (self._chunks_end + bytes(data[begun:][-5:]))[-5:]
                for piece in self._chunk_lines.plain(memoryview(data)[begun:]):
                    if piece:
                        self._parser.feed_data(piece)
            elif begun < len(data):
                self._parser.feed_data(data[begun:])
        except httptools.HttpParserUpgrade as upgrade:
            if self._upgrades and self._head is not None:
                if piece := bytes(data[begun + upgrade.args[0] :]):
                    self._said.append(piece)
            else:
                self._refuse("the upstream switched protocols unasked", "101 Switching Protocols")
        except httptools.HttpParserError as error:
            self._reusable = False  # the response may have ended before the invalid bytes
            at, end = self._parsed_bytes + begun, self._parsed_bytes + len(data)
            where = (
                f"from byte {at} to {end}" if at else f"at byte {first_invalid_byte(bytes(data))}"
            )
            self._refuse(
                "the upstream's response is not valid HTTP", f"{error}, {where} of the answer"
            )
        self._parsed_bytes += len(data)

    def _is_surplus(self, data: bytes | memoryview) -> bool:
        """Tell whether anything follows the response in these bytes; the parser skips CR and LF there."""
        if self._chunk_lines is None:
            body = sum(len(one) for one in self._said if isinstance(one, bytes))
            return len(data) - self._body_at > body
        before, end = self._chunks_end[:-4], self._chunks_end[-4:]
        return end != b"\r\n\r\n" or before in (b"\r", b"\n")

    def _head_end(self, data: bytes) -> int:
        """The number of bytes of `data` that belong to the current head."""
        before = self._head_tail
        joined = before + data
        at = joined.find(b"\r\n\r\n")
        if at < 0:
            self._head_tail = joined[-3:]
            return len(data)
        self._head_tail = b""
        return at + 4 - len(before)

    def _hold_to_limit(self, size: int) -> None:
        """Refuse a head that is too large, or too much between two pieces; `size` bytes may hold some of each."""
        if self._head is None:
            self._refuse("the upstream's response head is too large", self._too_many)
        elif self._bytes_between > self._most_bytes + size:
            self._refuse("what is between the upstream's chunks is too large", self._too_many)

    @property
    def _too_many(self) -> str:
        return f"more than MAX_RESPONSE_HEAD_BYTES={self._most_bytes}"

    def _refuse(self, detail: str, evidence: str) -> None:
        """Keep the first fault; ignore faults after the end."""
        if self._invalid is None and not self._ended:
            self._invalid = Invalid(detail, evidence)

    # httptools' callbacks

    def on_message_begin(self) -> None:
        if self._ended:
            self._reusable = False  # bytes after the end, in the same read
        self._phrase, self._fields, self._about_connection = b"", [], []

    def on_status(self, phrase: bytes) -> None:
        self._phrase += phrase

    def on_header(self, name: bytes, raw: bytes) -> None:
        value = raw.rstrip(b" \t")
        if self._head is not None:
            self.trailers.append((name, value))
            self._trailer_bytes += _size((name, value))
            if self._trailer_bytes > self._most_bytes:
                self._refuse("the upstream's trailers are too large", self._too_many)
            return
        self._fields.append((name, value))
        if len(name) in _CONNECTION_FIELD_LENGTHS:
            self._about_connection.append((name.lower(), raw))

    def on_headers_complete(self) -> None:
        if self._head is not None or self._invalid is not None:
            return
        status = self._parser.get_status_code()
        if not self._is_http(status):
            line = b"HTTP/%b %d %b" % (
                self._parser.get_http_version().encode(),
                status,
                self._phrase,
            )
            evidence = f"its status line is {line!r}"[:SAID]
            self._refuse("the upstream's response is not HTTP", evidence)
        elif status == SWITCHING_PROTOCOLS and not self._may_switch:
            self._refuse(
                "the upstream switched protocols unasked",
                "101 without `Connection: Upgrade` and `Upgrade`"
                if self._upgrades
                else "101 to a request that asked for no upgrade",
            )
        elif status < 200 and status != SWITCHING_PROTOCOLS:
            self._interim_complete(status)
        else:
            self._head_complete(ResponseHead(status, self._phrase, self._fields))

    def _interim_complete(self, status: int) -> None:
        if not self._parser.should_keep_alive():
            self._idle_limit_s = 0.0  # the instance closes after the answer
            self._parser = httptools.HttpResponseParser(self)  # the old one takes no more
        if status != _CONTINUE:
            self._said.append(ResponseHead(status, self._phrase, self._fields))
        self._fields = []  # trailers of an interim answer are not among its fields

    def _head_complete(self, head: ResponseHead) -> None:
        wrong = self._frame(head)
        if self._head_bytes > self._most_bytes and sum(map(_size, head.fields)) > self._most_bytes:
            wrong = self._too_many
        if wrong:
            self._refuse("the upstream's response head is not valid", wrong)
            return
        self._head = head
        self._said.append(head)
        if self._method == "HEAD" or head.status in WITHOUT_BODY:
            # The parser does not know HEAD and would wait for a body, so a new parser follows.
            self._ended = True
            self._reusable = self._parser.should_keep_alive()
            self._parser = httptools.HttpResponseParser(self)
        elif head.chunked:
            self._chunk_lines = ChunkLines()

    def on_body(self, piece: bytes) -> None:
        if self._ended:
            self._reusable = False  # this answer can't have a body
        elif self._head is not None:
            self._bytes_between = 0
            self._said.append(piece)

    def on_message_complete(self) -> None:
        head = self._head
        if head is not None and not self._ended and head.status != SWITCHING_PROTOCOLS:
            self._ended = True
            self._reusable = self._parser.should_keep_alive()

    @property
    def _may_switch(self) -> bool:
        return self._upgrades and self._parser.should_upgrade()

    def _is_http(self, status: int) -> bool:
        return (
            status >= 100
            and self._parser.get_http_version() in _VERSIONS
            and _PHRASE.fullmatch(self._phrase) is not None
        )

    def _frame(self, head: ResponseHead) -> str:
        """Find out how the body is framed (RFC 9112 §6.3); return why if that is ambiguous, else ""."""
        length: int | None = None
        for name, value in self._about_connection:
            if name == b"content-length":
                said = content_length(value.strip(b" \t"))
                if said is None:
                    return "its Content-Length is not a length"
                if length is not None and said != length:
                    return "it has two lengths"
                length = said
            elif name == b"transfer-encoding":
                # The parser does not know the coding with a tab behind it.
                if head.chunked or value.rstrip(b" ").lower() != b"chunked":
                    return "its Transfer-Encoding is not `chunked`"
                if self._parser.get_http_version() == "1.0":
                    return "it has a Transfer-Encoding over HTTP/1.0"  # RFC 9112 §6.1
                head.chunked = True
            elif name == b"keep-alive":
                self._idle_limit_s = idle_limit_s(value, self._idle_limit_s)
        if head.chunked and length is not None:
            return "it has both Content-Length and Transfer-Encoding"
        head.length = length
        return ""


def _size(field: FieldLine) -> int:
    return len(field[0]) + len(field[1]) + 4
