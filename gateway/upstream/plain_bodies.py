"""Reads bodies behind plain heads: those with a length, and those in chunks with nothing else between them."""

import re
from collections.abc import Sequence
from typing import Final

from gateway.upstream.messages import End, FieldLine, Said
from gateway.upstream.response_parser import ResponseParser

#: A chunk's size, behind the line end of the chunk before it. The end of the head counts as one.
_SIZE: Final = re.compile(rb"\r\n([0-9A-Fa-f]{1,8})\r\n")
#: The same at the beginning of what has come.
_SIZE_FIRST: Final = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_LAST: Final = re.compile(rb"\r\n0{1,8}\r\n\r\n")
#: The beginning of either.
_BEGUN: Final = re.compile(rb"\r(?:\n(?:[0-9A-Fa-f]{1,8}(?:\r(?:\n\r?)?)?)?)?")
_LINE_END: Final = b"\r\n"


class CountedBody:
    """A body of which `left` bytes are still to come."""

    trailers: Sequence[FieldLine] = ()

    def __init__(self, left: int, end: End) -> None:
        self._left = left
        self._end = end

    def feed(self, data: bytes | memoryview) -> Sequence[Said]:
        left = self._left = self._left - len(data)
        if left > 0:
            return (bytes(data),)
        return (bytes(data), self._end) if left == 0 else (bytes(data[:left]), self._end.closing())


class ChunkedBody:
    """A body in chunks. The parser takes over before an extension, a trailer or a fault."""

    def __init__(self, head: bytes, end: End, parser: ResponseParser) -> None:
        self._head = head
        self._end = end
        self._parser = parser
        self._is_parsed = False
        #: Bytes of the chunk that are still to come, without its line end.
        self._left = 0
        #: Bytes behind the chunk that are no whole line yet.
        self._held = _LINE_END
        #: Bytes of the response before those that are held.
        self._before = len(head) - len(_LINE_END)

    @property
    def trailers(self) -> Sequence[FieldLine]:
        return self._parser.trailers if self._is_parsed else ()

    def feed(self, data: bytes | memoryview) -> Sequence[Said]:
        if self._is_parsed:
            return self._parser.feed(data)
        if self._held is _LINE_END and (chunk := _only_chunk(data)):
            self._before += len(data)
            return (chunk,)
        if self._held:
            data = memoryview(self._held + data)
            self._held = b""
        pieces = [data[: self._left]] if self._left else []
        at = _take_chunks(data, self._left, pieces)
        size = len(data)
        if at < size:
            self._left = 0
            said = self._read_other(bytes(data[at:]), at)
        else:
            self._left = at - size
            said = ()
        self._before += size - len(self._held)
        body = b"".join(pieces)
        return (body, *said) if body else said

    def _read_other(self, rest: bytes, at: int) -> Sequence[Said]:
        """Read all that has come behind a chunk, which is not the next chunk."""
        last = _LAST.match(rest)
        if last is not None:
            return (self._end if last.end() == len(rest) else self._end.closing(),)
        if _BEGUN.fullmatch(rest):
            self._held = rest if rest != _LINE_END else _LINE_END
            return ()
        # The parser gets the head, and one byte for all the chunks that have come.
        self._is_parsed = True
        self._parser.begin("GET")
        self._parser.feed(self._head + b"1\r\n-")
        self._parser.skip_to(self._before + at)
        return self._parser.feed(rest)


def _only_chunk(data: bytes | memoryview) -> bytes:
    """The one whole chunk that the data are, as instances send events; b"" if they are anything else."""
    line = _SIZE_FIRST.match(data)
    if line is None:
        return b""
    begun = line.end()
    ends = begun + int(line[1], 16)
    if ends + len(_LINE_END) == len(data) and data[ends:] == _LINE_END:
        return bytes(data[begun:ends])
    return b""


def whole_chunks(data: bytes | memoryview, at: int) -> tuple[bytes, int] | None:
    """The body in chunks that begins at `at`, behind a head, and where it ends; None if it is not all here."""
    pieces: list[bytes | memoryview] = []
    last = _LAST.match(data, _take_chunks(data, at - len(_LINE_END), pieces))
    return (b"".join(pieces), last.end()) if last is not None else None


def _take_chunks(data: bytes | memoryview, at: int, pieces: list[bytes | memoryview]) -> int:
    """Take the data of the chunks; return where the first byte is that belongs to none of them."""
    while (line := _SIZE.match(data, at)) and (size := int(line[1], 16)):
        begun = line.end()
        at = begun + size
        pieces.append(data[begun:at])
    return at
