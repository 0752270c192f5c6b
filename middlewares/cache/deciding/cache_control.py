"""What stands in Cache-Control and in fields like it: names with values (RFC 9111 §5.2)."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

#: Seconds that are too many are these (RFC 9111 §1.2.2).
MOST_SECONDS: Final = 2.0**31

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_DIRECTIVE = re.compile(
    rb"(" + _TOKEN + rb')(?:=(?:"((?:[^"\\]++|\\.)*+)"|([^", \t]*+)))?[ \t]*+(?=,|\Z)',
    re.DOTALL,
)
_NAME = re.compile(_TOKEN)
_NEXT = re.compile(rb"[ \t,]*")
_DIGITS = re.compile(rb"[0-9]+")


class Unreadable:
    """The value of a directive that cannot be read."""


UNREADABLE: Final = Unreadable()
#: The name under which a quote that is not closed, or not followed by a comma, is told.
OPEN_QUOTE: Final = b'"'

Value = bytes | Unreadable | None
Directive = tuple[bytes, Value]


def read(lines: Iterable[bytes]) -> Iterator[Directive]:
    """Yield each directive's name in lower case with its value, None without one.

    A line is read by itself, so a quoted string that one line leaves open hides nothing on the next one. What is
    malformed is yielded as each name in it, and whatever follows the next comma counts, though an OPEN_QUOTE says
    that it may have been meant as part of a string.
    """
    for line in lines:
        yield from _line(line)


def _line(line: bytes) -> Iterator[Directive]:
    at = _after_commas(line, 0)
    while at < len(line):
        if (found := _DIRECTIVE.match(line, at)) is not None:
            name, quoted, plain = found.groups()
            yield name.lower(), _unquoted(quoted) if quoted is not None else plain
            at = found.end()
        else:
            comma = line.find(b",", at)
            end = len(line) if comma < 0 else comma
            for name in _malformed(line[at:end]):
                yield name, UNREADABLE
            at = end
        at = _after_commas(line, at)


def seconds(value: Value) -> float | None:
    """Read delta-seconds, at most 2^31 of them; None if they are none."""
    if not isinstance(value, bytes) or _DIGITS.fullmatch(value) is None:
        return None
    digits = value.lstrip(b"0")
    # Python refuses to read a number of thousands of digits.
    return MOST_SECONDS if len(digits) > 10 else min(float(digits or b"0"), MOST_SECONDS)


def field_names(value: Value) -> frozenset[bytes] | None:
    """Read a list of field names, in lower case; None if it is none, or names nothing."""
    if not isinstance(value, bytes):
        return None
    names = [name for part in value.lower().split(b",") if (name := part.strip(b" \t"))]
    return frozenset(names) if names and all(_NAME.fullmatch(name) for name in names) else None


def _malformed(part: bytes) -> list[bytes]:
    names = _NAME.findall(part.lower())
    return [*names, OPEN_QUOTE] if b'"' in part else names


def _unquoted(text: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", text, flags=re.DOTALL) if b"\\" in text else text


def _after_commas(line: bytes, at: int) -> int:
    found = _NEXT.match(line, at)
    return found.end() if found is not None else at
