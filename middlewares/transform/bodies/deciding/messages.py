"""What the fields of a message say of its body, and those that it has once its body is another one."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from middlewares.codings import is_readable
from middlewares.compress.deciding.fields import DIGESTS, weakened

FieldLine = tuple[bytes, bytes]

_JSON = re.compile(rb"text/json|[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+\+json")
_LINES: Final = frozenset(
    b"application/" + one
    for one in (b"x-ndjson", b"ndjson", b"jsonl", b"x-jsonlines", b"jsonlines", b"stream+json")
)
_EVENTS: Final = b"text/event-stream"
_PARTS: Final = b"multipart/byteranges"
#: A charset, also one in the form of RFC 8187, which is none of those below.
_CHARSET = re.compile(rb'charset[*0-9]*[ \t]*=[ \t]*"?([^", \t;]*)', re.IGNORECASE)
_CHARSETS: Final = frozenset(
    (b"", b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"latin1", b"windows-1252")
)
_NO_CODING: Final = (b"", b"identity")
_CODING: Final = b"content-encoding"
#: What is not true of another body: no part of it can be asked for either.
_NO_LONGER_TRUE: Final = DIGESTS | {b"accept-ranges", b"content-length"}


class Kind(Enum):
    """How the JSON texts stand in a body."""

    WHOLE = "whole"
    LINES = "lines"
    EVENTS = "events"
    #: Parts of a body, which can't be read.
    PARTS = "parts"


class Described(NamedTuple):
    """What fields say of a body: how JSON stands in it (None: there is none by its type), and its coding.

    `coding` is in lower case, and empty if there is none; of several it is all of them, which is none that is
    known. `has_type`: they name a type. `is_utf8`: a text of this charset that is UTF-8 says what it says there.
    """

    kind: Kind | None
    coding: bytes
    has_type: bool
    is_utf8: bool = True


def described(fields: Sequence[FieldLine]) -> Described:
    """What the fields of a message say of its body.

    Where two lines name types, one of them is enough: nobody knows which one a reader takes.
    """
    kind, has_type, is_utf8 = None, False, True
    codings: list[bytes] = []
    for name, value in fields:
        lower = name.lower()
        if lower == b"content-type":
            kind, has_type = kind or _kind_of(value), True
            is_utf8 = is_utf8 and (b";" not in value or _is_utf8(value))
        elif lower == _CODING:
            codings += [one.strip(b" \t").lower() for one in value.split(b",")]
    coding = b",".join([one for one in codings if one not in _NO_CODING])
    return Described(kind, coding, has_type, is_utf8)


def _is_utf8(content_type: bytes) -> bool:
    """Whether the charsets that a type has are UTF-8, or alike for all that is UTF-8 in practice.

    In another one, UTF-7 say, members could have names that nobody finds here.
    """
    return all(
        found[1].lower().strip(b"'") in _CHARSETS for found in _CHARSET.finditer(content_type)
    )


def _kind_of(content_type: bytes) -> Kind | None:
    media_type = content_type.partition(b";")[0].strip(b" \t").lower()
    if media_type == b"application/json":
        return Kind.WHOLE
    if media_type in _LINES:
        return Kind.LINES
    if media_type == _EVENTS:
        return Kind.EVENTS
    if media_type == _PARTS:
        return Kind.PARTS
    return Kind.WHOLE if _JSON.fullmatch(media_type) else None


def changed_fields(fields: Sequence[FieldLine], *, decoded: bool) -> list[FieldLine]:
    """The fields of an answer whose body was changed; `decoded`: and sent without its coding."""
    gone = _NO_LONGER_TRUE | {_CODING} if decoded else _NO_LONGER_TRUE
    return weakened([field for field in fields if field[0].lower() not in gone])


def asked_codings(accept_encoding: bytes) -> bytes:
    """What an instance is asked to encode answers with, of what a client accepts: only what is read here."""
    kept = []
    for item in accept_encoding.split(b","):
        coding = item.partition(b";")[0].strip(b" \t").lower()
        if coding == b"identity" or is_readable(coding):
            kept.append(item.strip(b" \t"))
    return b", ".join(kept) or b"identity"
