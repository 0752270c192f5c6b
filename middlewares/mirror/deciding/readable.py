"""JSON bodies as they were before their content coding, read in steps."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

import orjson

from discovery.base.steps import Steps
from middlewares.codings import Decoder, NotDecoded, is_readable

FieldLine = tuple[bytes, bytes]

#: No longer body is compared: to read one of this size takes some milliseconds at worst.
MOST_BODY_BYTES: Final = 128 * 1024
#: A body with more codings, one around another, is not read.
_MOST_CODINGS = 3
_JSON = re.compile(rb"application/(?:[a-z0-9!#$&^_.+-]+\+)?json[ \t]*(?:;|\Z)", re.IGNORECASE)


class Unread(Enum):
    """Why a body can't be compared; the values are labels of a metric."""

    TOO_LARGE = "too_large"
    CODING = "coding"


#: In place of the value of a body that is no JSON.
NOT_JSON: Final = object()


def is_json(fields: Sequence[FieldLine]) -> bool:
    """Whether an answer with these fields says that it is JSON."""
    types = [value for name, value in fields if name.lower() == b"content-type"]
    return len(types) == 1 and _JSON.match(types[0]) is not None


def decoded(fields: Sequence[FieldLine], body: bytes) -> Steps[bytes | Unread]:
    """The body before its codings."""
    said = b",".join(value for name, value in fields if name.lower() == b"content-encoding")
    named = (part.strip() for part in said.lower().split(b","))
    codings = [one for one in named if one and one != b"identity"]
    if len(codings) > _MOST_CODINGS:
        return Unread.CODING
    for coding in reversed(codings):
        if not is_readable(coding):
            return Unread.CODING
        pieces: list[bytes] = []
        size = 0
        decoder = Decoder(coding)
        try:
            for piece in decoder.slices(body):
                pieces.append(piece)
                size += len(piece)
                if size > MOST_BODY_BYTES:
                    return Unread.TOO_LARGE
                yield
            decoder.end()
        except NotDecoded:
            return Unread.CODING
        body = b"".join(pieces)
    return body if len(body) <= MOST_BODY_BYTES else Unread.TOO_LARGE


def value_of(body: bytes) -> Any:
    """The value of a JSON text; NOT_JSON: it is none, or one that can't be read.

    Numbers beyond 64 bits are read as floating-point ones, of members with the same name the last counts,
    and no more than 1,024 levels are read.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON
