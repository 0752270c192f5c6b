"""Where values stand in a JSON text: no number is converted, and no byte of a value is written anew.

The scanner is that of Python's own json, which checks the grammar of RFC 8259 and tells where each value ends.
Its hooks only measure what it finds, so that a number of thousands of digits costs no more than its length.
"""

import json
import re
from collections.abc import Iterator, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.scanner import make_scanner
from typing import NamedTuple, NoReturn

from discovery.base.steps import Steps
from middlewares.costs.deciding import is_index

_SPACE = re.compile(r"[ \t\n\r]*")
_FRAMES = 40
_SURROGATES = re.compile("[\ud800-\udfff]")
#: So many members or items are looked at in one step, about a millisecond.
AT_ONCE = 500
_NAME_ENDS = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")


class NotJson(ValueError):
    """The bytes are not one JSON value; the message says why."""


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"it has {name}, which JSON does not know")


_ends = make_scanner(
    json.JSONDecoder(  # type: ignore[arg-type]
        object_pairs_hook=len, parse_int=len, parse_float=len, parse_constant=_no_constant
    )
)


class Span(NamedTuple):
    """A value of JSON within a valid text."""

    text: str
    start: int
    end: int

    @property
    def raw(self) -> str:
        """The value as it is written."""
        return self.text[self.start : self.end]

    @property
    def is_object(self) -> bool:
        return self.text[self.start] == "{"


class Member(NamedTuple):
    """A member of an object: its name, the name as it is written, and its value."""

    name: str
    written: str
    value: Span


def read(body: bytes) -> Span:
    """The value that the bytes are. Raises NotJson."""
    try:
        text = body.decode()
        start = _after_space(text, 0)
        end = _end_deeper(text, start, _FRAMES)
    except UnicodeDecodeError:
        raise NotJson("it is not UTF-8") from None
    except RecursionError:
        raise NotJson("it is nested too deep") from None
    except StopIteration as stop:
        raise NotJson(f"it has no value at character {stop.value}") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at character {error.pos}") from None
    if _after_space(text, end) < len(text):
        raise NotJson(f"it goes on behind its value, at character {end}")
    return Span(text, start, end)


def members(value: Span) -> Iterator[Member]:
    """The members of an object in their order; of the same name there may be several."""
    text = value.text
    at = _after_space(text, value.start + 1)
    while text[at] != "}":
        name, name_end = _string(text, at)
        found = _NAME_ENDS.match(text, name_end)
        assert found is not None, "the text is valid"
        _, end = _ends(text, found.end())
        yield Member(name, text[at:name_end], Span(text, found.end(), end))
        at = _next(text, end)


def items(value: Span) -> Iterator[Span]:
    """The items of an array."""
    text = value.text
    at = _after_space(text, value.start + 1)
    while text[at] != "]":
        _, end = _ends(text, at)
        yield Span(text, at, end)
        at = _next(text, end)


def value_at(value: Span, pointer: Sequence[str]) -> Steps[Span | None]:
    """The value that a pointer leads to (RFC 6901); None: there is none. Of members of one name the last counts.

    It goes in steps, since a text of 1 MiB may have half a million members or items.
    """
    for token in pointer:
        inner: Span | None = None
        if value.is_object:
            for place, member in enumerate(members(value), 1):
                if member.name == token:
                    inner = member.value
                if not place % AT_ONCE:
                    yield
        elif value.text[value.start] == "[" and is_index(token) and len(token) < 10:
            index = int(token)
            for place, item in enumerate(items(value)):
                if place == index:
                    inner = item
                    break
                if not (place + 1) % AT_ONCE:
                    yield
        if inner is None:
            return None
        value = inner
    return value


def text_of(value: Span) -> str | None:
    """A value as text: what a string says, a number as it is written, true or false; None for all else.

    A string with half of a surrogate pair is no text: it has no UTF-8.
    """
    first = value.text[value.start]
    if first == '"':
        said = _string(value.text, value.start)[0]
        return None if _SURROGATES.search(said) else said
    return None if first in "{[n" else value.raw


def _string(text: str, start: int) -> tuple[str, int]:
    """What a string says, and where it ends."""
    said, end = scanstring(text, start + 1, True)
    return said, end


def _end_deeper(text: str, start: int, frames: int) -> int:
    """Find where a value ends, from so many frames further up the stack.

    CPython 3.11 counts these and the levels of the text together: whoever reads a valid text again has room for it.
    """
    return _end_deeper(text, start, frames - 1) if frames else _ends(text, start)[1]


def _next(text: str, end: int) -> int:
    """Where the next member or item begins, or the bracket stands that closes."""
    at = _after_space(text, end)
    return _after_space(text, at + 1) if text[at] == "," else at


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
