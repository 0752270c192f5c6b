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
_CODING: Final = b"content-encoding"
#: What is not true of another body: no part of it can be asked for either.
_NO_LONGER_TRUE: Final = DIGESTS | {b"accept-ranges", b"content-length"}


class Kind(Enum):
    """How the JSON texts stand in a body."""

    WHOLE = "whole"
    LINES = "lines"
    EVENTS = "events"


class Described(NamedTuple):
    """What fields say of a body: how JSON stands in it (None: there is none by its type), and its coding.

    `coding` is in lower case, and empty if there is none; of several it is all of them, which is none that is
    known. `has_type`: they name a type.
    """

    kind: Kind | None
    coding: bytes
    has_type: bool


def described(fields: Sequence[FieldLine]) -> Described:
    """What the fields of a message say of its body.

    Where two lines name types, one of them is enough: nobody knows which one a reader takes.
    """
    kind, has_type = None, False
    coding = b""
    for name, value in fields:
        lower = name.lower()
        if lower == b"content-type":
            kind, has_type = kind or _kind_of(value), True
        elif lower == _CODING:
            value = value.strip(b" \t").lower()
            coding = b"%b,%b" % (coding, value) if coding else value
    return Described(kind, b"" if coding == b"identity" else coding, has_type)


def _kind_of(content_type: bytes) -> Kind | None:
    media_type = content_type.partition(b";")[0].strip(b" \t").lower()
    if media_type == b"application/json":
        return Kind.WHOLE
    if media_type in _LINES:
        return Kind.LINES
    if media_type == _EVENTS:
        return Kind.EVENTS
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
