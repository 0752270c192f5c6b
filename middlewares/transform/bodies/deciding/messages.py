"""What the fields of a message say of its body, and those that it has once its body is another one."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

from middlewares.codings import is_readable
from middlewares.compress.deciding.fields import DIGESTS, weakened

FieldLine = tuple[bytes, bytes]

_JSON = re.compile(
    rb"application/json|text/json|[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+\+json"
)
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


def kind_of(fields: Sequence[FieldLine]) -> Kind | None:
    """How the JSON stands in the body of a message with these fields; None: there is none by its type.

    Where two lines name types, one of them is enough: nobody knows which one a reader takes.
    """
    for name, value in fields:
        if name.lower() != b"content-type":
            continue
        media_type = value.partition(b";")[0].strip(b" \t").lower()
        if media_type in _LINES:
            return Kind.LINES
        if media_type == _EVENTS:
            return Kind.EVENTS
        if _JSON.fullmatch(media_type):
            return Kind.WHOLE
    return None


def has_type(fields: Sequence[FieldLine]) -> bool:
    """Whether the type of the body is told."""
    return any(name.lower() == b"content-type" for name, _ in fields)


def coding_of(fields: Sequence[FieldLine]) -> bytes:
    """The body's coding in lower case, b"" if it has none; of several, all of them, which is none that is known."""
    values = (value for name, value in fields if name.lower() == _CODING)
    coding = b",".join(value.strip(b" \t").lower() for value in values)
    return b"" if coding == b"identity" else coding


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
