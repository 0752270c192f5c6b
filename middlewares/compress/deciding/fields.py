"""The fields of an answer that tell whether it may be compressed, and those that it then has."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

FieldLine = tuple[bytes, bytes]

VARY: Final = (b"Vary", b"Accept-Encoding")
#: They are of the bytes that were sent, before the coding (RFC 9530, sections 2 and 3).
DIGESTS: Final = frozenset((b"content-digest", b"repr-digest", b"digest", b"content-md5"))
#: What is not true of a compressed body: no part of it can be asked for.
_NO_LONGER_TRUE: Final = DIGESTS | {b"accept-ranges", b"content-length"}
_STRONG = re.compile(rb'"[\x21\x23-\x7e\x80-\xff]*"')
_TAG = re.compile(rb'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*+")')


@dataclass(slots=True)
class Seen:
    """What an answer's fields say about compressing it."""

    media_type: bytes | None = None
    etag: bytes | None = None
    is_coded: bool = False
    is_part: bool = False
    no_transform: bool = False
    varies: bool = False


def seen(fields: Sequence[FieldLine]) -> Seen:
    found = Seen()
    for name, value in fields:
        match name.lower():
            case b"content-type":
                # Of two that differ nobody knows which one a client takes.
                twice = found.media_type is not None and found.media_type != value
                found.media_type = b"" if twice else value
            case b"content-encoding":
                found.is_coded = True
            case b"content-range":
                found.is_part = True
            case b"cache-control":
                found.no_transform = found.no_transform or says_no_transform(value)
            case b"etag":
                found.etag = value
            case b"vary":
                found.varies = found.varies or names_accept_encoding(value)
    return found


def says_no_transform(cache_control: bytes) -> bool:
    """Whether it may stand in a value of Cache-Control; in doubt a body stays as it is."""
    return b"no-transform" in cache_control.lower()


def names_accept_encoding(vary: bytes) -> bool:
    return any(
        name.strip(b" \t").lower() in (b"*", b"accept-encoding") for name in vary.split(b",")
    )


def varied(fields: Sequence[FieldLine], found: Seen) -> Sequence[FieldLine]:
    """The fields of an answer that might have been compressed."""
    return fields if found.varies else [*fields, VARY]


def compressed(fields: Sequence[FieldLine], found: Seen, coding: bytes) -> Sequence[FieldLine]:
    """The fields of a compressed answer."""
    kept = [(name, value) for name, value in fields if name.lower() not in _NO_LONGER_TRUE]
    kept.append((b"Content-Encoding", coding))
    return varied(weakened(kept), found)


def weakened(fields: Sequence[FieldLine]) -> list[FieldLine]:
    """The fields with a weak entity tag: the bytes are others in each coding (RFC 9110, section 8.8.1)."""
    return [(name, _weak(value) if name.lower() == b"etag" else value) for name, value in fields]


def _weak(tag: bytes) -> bytes:
    return b"W/" + tag if _STRONG.fullmatch(tag) else tag


def without_digests(trailers: Sequence[FieldLine]) -> Iterator[FieldLine]:
    """The trailers that are still true."""
    return ((name, value) for name, value in trailers if name.lower() not in DIGESTS)


def strengthened(if_match: bytes) -> bytes:
    """If-Match with the strong tags that the service gave, in place of the weak ones that clients got of us.

    A weak tag never matches there (RFC 9110, section 13.1.1), so no client could change what it got compressed.
    """
    return _TAG.sub(rb"\1", if_match)


def holds_compressed(if_none_match: bytes | None, etag: bytes | None) -> bool | None:
    """Whether a client that is told 304 has a compressed answer, by the tag that it has sent; None: unknown."""
    if if_none_match is None or etag is None or not _STRONG.fullmatch(etag):
        return None
    # The strong tag is also the end of the weak one.
    return None if etag not in if_none_match else b"W/" + etag in if_none_match
