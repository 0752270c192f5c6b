"""What a client gets of a kept answer: all of it, some ranges, or the word that it has it already."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from middlewares.cache.deciding.conditions import (
    NO_CONDITIONS,
    Conditions,
    Validators,
    is_not_modified,
    range_holds,
)
from middlewares.cache.deciding.ranges import Range, asked_ranges
from middlewares.cache.entry import Entry, FieldLine, Head

_OK: Final = 200
#: These answers have neither a body nor a Content-Length.
_WITHOUT_LENGTH: Final = frozenset([204, 304])
#: They describe the content of a message, so they are wrong beside another content.
_OF_CONTENT: Final = frozenset([b"content-md5", b"content-digest", b"content-range"])
#: They describe the representation; a client that gets 304 has it, with these fields (RFC 9110 §15.4.5).
_OF_REPRESENTATION: Final = _OF_CONTENT | {
    b"content-type",
    b"content-encoding",
    b"content-language",
    b"content-length",
    b"accept-ranges",
}
#: A 416 is neither this representation nor to be kept by any cache on its way.
_NOT_OF_416: Final = _OF_REPRESENTATION | {
    b"content-location",
    b"content-disposition",
    b"etag",
    b"last-modified",
    b"repr-digest",
    b"digest",
    b"cache-control",
    b"cdn-cache-control",
    b"surrogate-control",
    b"expires",
}


class Served(NamedTuple):
    """An answer to one client, with neither Age nor Content-Length among its fields.

    `length` is the value of Content-Length, that of the body which GET would get if the method is HEAD; None:
    there is no such field. `is_whole`: the body is all that is kept, or all that is still arriving.
    """

    status: int
    phrase: bytes
    fields: tuple[FieldLine, ...]
    pieces: tuple[bytes, ...]
    length: int | None
    is_whole: bool


def new_boundary() -> bytes:
    """A boundary that no body contains: whoever writes a body can't know it."""
    return secrets.token_hex(16).encode()


def serve(
    method: str,
    conditions: Conditions,
    entry: Entry,
    *,
    boundary: Callable[[], bytes] = new_boundary,
) -> Served:
    """The answer of a complete entry. Its pieces are shared; only the ends of a range are copied."""
    length = None if entry.status in _WITHOUT_LENGTH else entry.length
    if method == "HEAD":
        if _not_modified(conditions, entry):
            return _unmodified(entry)
        return Served(entry.status, entry.phrase, entry.fields, (), length, False)
    if conditions is not NO_CONDITIONS:
        if _not_modified(conditions, entry):
            return _unmodified(entry)
        partial = _ranges(conditions, entry)
        if partial == ():
            return _unsatisfiable(entry)
        if partial is not None:
            served = _partial(entry, partial, boundary)
            if served is not None:
                return served
    return Served(entry.status, entry.phrase, entry.fields, entry.pieces, length, True)


def serve_head(
    method: str,
    conditions: Conditions,
    head: Head,
    *,
    etag: bytes | None = None,
    last_modified: bytes | None = None,
) -> Served:
    """The answer while the body still arrives: its head, or 304; Range is ignored, as it may be.

    `head` is as it is kept. There are no pieces; if `is_whole`, the body follows as it arrives.
    """
    validators = Validators(etag, last_modified, head.fields)
    if is_not_modified(conditions, head.status, validators):
        return Served(304, b"Not Modified", _without(head.fields, _of_304(etag)), (), None, False)
    length = None if head.status in _WITHOUT_LENGTH else head.length
    fields = tuple(head.fields)
    return Served(head.status, head.phrase, fields, (), length, method != "HEAD")


def validators(entry: Entry) -> Validators:
    """What the conditions of a request are compared with."""
    return Validators(entry.etag, entry.last_modified, entry.fields)


def _not_modified(conditions: Conditions, entry: Entry) -> bool:
    return is_not_modified(conditions, entry.status, validators(entry))


def _unmodified(entry: Entry) -> Served:
    fields = _without(entry.fields, _of_304(entry.etag))
    return Served(304, b"Not Modified", fields, (), None, False)


def _of_304(etag: bytes | None) -> frozenset[bytes]:
    """The fields that a 304 does not have: beside an ETag, Last-Modified says nothing more."""
    return _OF_REPRESENTATION | {b"last-modified"} if etag is not None else _OF_REPRESENTATION


def _ranges(conditions: Conditions, entry: Entry) -> tuple[Range, ...] | None:
    """The ranges to send; None: all of the body."""
    value = conditions.range
    if value is None or entry.status != _OK or not range_holds(conditions, validators(entry)):
        return None
    return asked_ranges(value.strip(b" \t"), entry.length)


def _unsatisfiable(entry: Entry) -> Served:
    """416: the body ends before each of the ranges (RFC 9110 §15.5.17)."""
    fields = (
        *_without(entry.fields, _NOT_OF_416),
        (b"Content-Range", b"bytes */%d" % entry.length),
        (b"Cache-Control", b"no-store"),
    )
    return Served(416, b"Range Not Satisfiable", fields, (), 0, False)


def _partial(entry: Entry, ranges: Sequence[Range], boundary: Callable[[], bytes]) -> Served | None:
    """206 (RFC 9110 §15.3.7); None: several parts with their heads are longer than all of the body."""
    fields = _without(entry.fields, _OF_CONTENT)
    if len(ranges) == 1:
        (one,) = ranges
        fields += ((b"Content-Range", one.content_range(entry.length)),)
        return _of_206(fields, _cut(entry.pieces, one), one.length)
    mark = boundary()
    types = [line for line in fields if line[0].lower() == b"content-type"]
    heads = [_part_head(mark, types, one, entry.length) for one in ranges]
    end = b"\r\n--%b--\r\n" % mark
    length = sum(map(len, heads)) + sum(one.length for one in ranges) + len(end)
    if length > entry.length:
        return None
    pieces: list[bytes] = []
    for head, one in zip(heads, ranges, strict=True):
        pieces += (head, *_cut(entry.pieces, one))
    several = (b"Content-Type", b"multipart/byteranges; boundary=" + mark)
    fields = (*_without(fields, frozenset([b"content-type"])), several)
    return _of_206(fields, (*pieces, end), length)


def _of_206(fields: tuple[FieldLine, ...], pieces: tuple[bytes, ...], length: int) -> Served:
    return Served(206, b"Partial Content", fields, pieces, length, False)


def _part_head(mark: bytes, types: Iterable[FieldLine], one: Range, whole: int) -> bytes:
    lines = (*types, (b"Content-Range", one.content_range(whole)))
    return b"\r\n--%b\r\n%b\r\n" % (mark, b"".join([b"%b: %b\r\n" % line for line in lines]))


def _cut(pieces: Iterable[bytes], one: Range) -> tuple[bytes, ...]:
    """The pieces with these bytes; those that lie inside are shared."""
    cut: list[bytes] = []
    at = 0
    for piece in pieces:
        begin, end = max(0, one.first - at), min(len(piece), one.last + 1 - at)
        if begin < end:
            cut.append(piece[begin:end])
        at += len(piece)
        if at > one.last:
            break
    return tuple(cut)


def _without(fields: Iterable[FieldLine], names: frozenset[bytes]) -> tuple[FieldLine, ...]:
    return tuple(line for line in fields if line[0].lower() not in names)
