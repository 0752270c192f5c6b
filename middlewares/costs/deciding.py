"""What an answer says that its request has cost, and what is charged for it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

#: A larger cost is taken for a fault of the service: no budget can be as large.
MOST_UNITS = 10**12
#: A longer number is not read.
NUMBER_BYTES = 64
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_INDEX = re.compile("0|[1-9][0-9]*")

#: Where the cost stands: in a field of the answer, in its JSON body, in the events of its event stream.
Place = Literal["response_header", "json", "event_stream"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Where an answer says what its request has cost.

    `field` is the field's name in lower case, `pointer` the reference tokens of a JSON pointer (RFC 6901).
    """

    place: Place
    field: bytes = b""
    pointer: tuple[str, ...] = ()

    @property
    def place_in_it(self) -> str:
        """The field's name, or the pointer, as text."""
        if self.place == "response_header":
            return self.field.decode("ascii")
        escaped = (token.replace("~", "~0").replace("/", "~1") for token in self.pointer)
        return "".join(f"/{token}" for token in escaped)


class Why(Enum):
    """Whether a cost was read, and if not, why; the values are labels of a metric."""

    READ = "read"
    ABSENT = "absent"
    REPEATED = "repeated"
    NO_NUMBER = "no_number"
    NEGATIVE = "negative"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    ENCODED = "encoded"
    EVENT_TOO_LARGE = "event_too_large"
    BROKE_OFF = "broke_off"
    NO_ANSWER = "no_answer"


class Reading(NamedTuple):
    """A cost in units, rounded up, or why there is none; BROKE_OFF may have what was read until then."""

    why: Why
    units: int = 0


ABSENT = Reading(Why.ABSENT)


def reading_of(number: bytes) -> Reading:
    """Read a number as JSON writes it."""
    if len(number) > NUMBER_BYTES:
        return Reading(Why.TOO_LARGE)
    if not _NUMBER.fullmatch(number):
        return Reading(Why.NO_NUMBER)
    value = float(number)
    if value < 0:
        return Reading(Why.NEGATIVE)
    if value > MOST_UNITS:  # infinity too
        return Reading(Why.TOO_LARGE)
    return Reading(Why.READ, math.ceil(value))


def reading_of_value(value: object) -> Reading:
    """Read a value of a JSON document."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Reading(Why.NO_NUMBER)
    return reading_of(repr(value).encode("ascii"))


def reading_of_field(fields: Sequence[tuple[bytes, bytes]], name: bytes) -> Reading:
    """Read the cost from an answer's field lines; `name` is in lower case."""
    values = [value for one, value in fields if one.lower() == name]
    if not values:
        return ABSENT
    if len(values) > 1:
        return Reading(Why.REPEATED)
    return reading_of(values[0].strip(b" \t"))


def broken_off(reading: Reading) -> Reading:
    """The reading of a body that ended too early: more may have been spent than it had said."""
    return Reading(Why.BROKE_OFF, reading.units)


def charge_of(reading: Reading, reserved: int) -> int:
    """The units that a budget is charged: without a cost, all that was reserved."""
    if reading.why is Why.READ:
        return reading.units
    return max(reserved, reading.units)


def tokens_of(pointer: str) -> tuple[str, ...]:
    """The reference tokens of a JSON pointer. Raises ValueError if it is none (RFC 6901, section 3)."""
    if pointer and not pointer.startswith("/"):
        raise ValueError("a JSON pointer begins with /")
    if re.search("~(?![01])", pointer):
        raise ValueError("in a JSON pointer ~ is written ~0 and / is written ~1")
    tokens = pointer.split("/")[1:]
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens)


def is_index(token: str) -> bool:
    """Whether a token can be an array's index (RFC 6901, section 4)."""
    return _INDEX.fullmatch(token) is not None


def value_at(document: object, pointer: Sequence[str]) -> Reading:
    """Read the number that a pointer leads to."""
    for token in pointer:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and is_index(token) and _has(document, token):
            document = document[int(token)]
        else:
            return ABSENT
    return reading_of_value(document)


def _has(array: Sequence[object], token: str) -> bool:
    # A long token must not be made a number.
    return len(token) < 10 and int(token) < len(array)
