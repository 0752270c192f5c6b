"""Reads responses: takes an instance's bytes and returns heads, pieces of a body, an end or a fault."""

from collections.abc import Sequence
from typing import Protocol

from gateway.upstream.messages import (
    WITHOUT_BODY,
    End,
    FieldLine,
    ReadPlain,
    Said,
)
from gateway.upstream.plain_bodies import ChunkedBody, CountedBody, whole_chunks
from gateway.upstream.response_parser import ResponseParser
from gateway.upstream.whole import Whole


class _Rest(Protocol):
    """Reads what comes after the first bytes of a response."""

    @property
    def trailers(self) -> Sequence[FieldLine]: ...

    def feed(self, data: bytes | memoryview) -> Sequence[Said]: ...


class ResponseReader:
    """Reads the responses of one connection in turn: `begin` each, then `feed` until End or Invalid.

    Heads that `read_plain` takes are read by it, and their bodies here; the parser reads all others. After
    the head of a 101 the pieces are the other protocol's bytes, and no End comes.
    """

    def __init__(self, head_bytes: int, read_plain: ReadPlain | None = None) -> None:
        """`head_bytes`: the longest head, and the most bytes between two pieces of a body."""
        self._head_bytes = head_bytes
        self._read_plain = read_plain
        self._parser: ResponseParser | None = None
        self.begin("")

    def begin(self, method: str, *, upgrades: bool = False) -> None:
        """Expect the response to a request."""
        self._method = method
        self._upgrades = upgrades
        #: Whether any byte of the response has come.
        self.has_begun = False
        self._rest: _Rest | None = None

    @property
    def trailers(self) -> Sequence[FieldLine]:
        """The trailers of a chunked body, complete at the End."""
        return self._rest.trailers if self._rest is not None else ()

    def feed(self, data: bytes | memoryview) -> Sequence[Said]:
        """Read these bytes and return what they say, in order; only copies of a memoryview are kept."""
        if self._rest is not None:
            return self._rest.feed(data)
        self.has_begun = True
        plain = self._read_plain(data) if self._read_plain is not None else None
        if plain is None or plain[1] > self._head_bytes:
            self._rest = parser = self._lasting_parser()
            parser.begin(self._method, upgrades=self._upgrades)
            return parser.feed(data)
        head, body_at, end = plain
        length = head.length
        if self._method == "HEAD" or head.status in WITHOUT_BODY:
            body_ends = body_at
        elif length is not None:
            body_ends = body_at + length
        else:
            whole = whole_chunks(data, body_at)
            if whole is not None:
                body, ends_at = whole
                return Whole((head, body, end if ends_at == len(data) else end.closing()))
            head_data = bytes(data[:body_at])
            self._rest = chunks = ChunkedBody(head_data, end, self._lasting_parser())
            return (head, *chunks.feed(data[body_at:])) if len(data) > body_at else (head,)
        left = body_ends - len(data)
        if left <= 0:
            body = bytes(data[body_at:body_ends])
            return Whole((head, body, end if left == 0 else end.closing()))
        self._rest = CountedBody(left, end)
        body = bytes(data[body_at:])
        return (head, body) if body else (head,)

    def finish(self) -> End | None:
        """Note that the instance has finished sending; return the End if the body runs until the close."""
        return self._rest.finish() if isinstance(self._rest, ResponseParser) else None

    def close(self) -> None:
        """Break the reference cycle with the parser; nothing more will be read."""
        if self._parser is not None:
            self._parser.close()

    def _lasting_parser(self) -> ResponseParser:
        """The connection's parser, which many connections never need."""
        if self._parser is None:
            self._parser = ResponseParser(self._head_bytes)
        return self._parser
