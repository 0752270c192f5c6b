"""The grammar of JSON (RFC 8259): where values end, in steps and with all of it checked.

Most values are passed by the scanner of `json`, which is C. It can't be interrupted, and has a level of its
own for each level of the text, so large or deep values are passed in pieces here.

A pattern that could fail late has bounds, so that it never goes back over a long stretch.
"""

import json
import re
from collections.abc import Generator, Iterable
from typing import NoReturn

# No possessive quantifiers: CPython 3.11 matches some of them wrongly (python/cpython#106052).
_CHARS = r'[^"\\\x00-\x1f]'
_ESCAPE = r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
_WS = r"[ \t\n\r]*"
_STRING = rf'"{_CHARS}{{0,200}}(?:{_ESCAPE}{_CHARS}{{0,200}}){{0,8}}"'
#: A string, number or word of usual length.
SCALAR = (
    rf"(?:{_STRING}|true|false|null"
    r"|-?(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,4})?(?![0-9.eE+-]))"
)
_MEMBER = rf"{_STRING}{_WS}:{_WS}{SCALAR}"
#: A scalar, or a container that has no other one in it.
VALUE = (
    rf"(?:{SCALAR}|\[{_WS}(?:{SCALAR}(?:{_WS},{_WS}{SCALAR}){{0,30}}{_WS})?\]"
    rf"|\{{{_WS}(?:{_MEMBER}(?:{_WS},{_WS}{_MEMBER}){{0,30}}{_WS})?\}})"
)

_space = re.compile(_WS).match
#: What follows a value in a container, and the space behind it.
separator = re.compile(rf"{_WS}([,\]}}]){_WS}").match
#: A name without escapes, and the space up to its value.
_plain_name = re.compile(rf'"({_CHARS}*)"{_WS}:{_WS}').match
_colon = re.compile(rf"{_WS}:{_WS}").match
#: Values, and members, with the comma behind each.
_values = re.compile(rf"(?:{VALUE}{_WS},{_WS}){{0,50}}").match
_members = re.compile(rf"(?:{_STRING}{_WS}:{_WS}{VALUE}{_WS},{_WS}){{0,50}}").match
_number = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").match

_CLOSING = {"{": "}", "[": "]"}
#: A text with more levels is refused: no reader of JSON takes as many.
MOST_LEVELS = 10_000
#: A text of this size is scanned at once; that takes half a millisecond.
AT_ONCE = 64 * 1024
#: So much of a larger text is first given to the scanner.
_TRIED = (2 * 1024, AT_ONCE)
_TOO_DEEP = -1
#: So many values are not given to the scanner after one that was too deep for it.
_DEEP = 300
#: A walk yields after so many values, which take a millisecond or two at most.
STEP = 16


class NotJson(ValueError):
    """The bytes are no JSON text, or one with too many levels."""


class TooLarge(NotJson):
    """The text, or what rules put into it, is too large."""


def _refuse(name: str) -> NoReturn:
    raise NotJson(f"{name} is no value of JSON")


# Nothing of the values is needed; `len` costs less than a number.
_scan = json.JSONDecoder(
    parse_float=len, parse_int=len, parse_constant=_refuse, object_pairs_hook=len
).raw_decode


def space_end(text: str, position: int) -> int:
    """Where the space ends that may be here."""
    found = _space(text, position)
    assert found is not None
    return found.end()


def name_at(text: str, position: int) -> tuple[str, int, int]:
    """A member's name, where it ends, and where its value begins. Raises NotJson."""
    found = _plain_name(text, position)
    if found is not None:
        return found[1], found.end(1) + 1, found.end()
    if text[position : position + 1] != '"':
        raise NotJson("a member has no name")
    end = _string_end(text, position)
    found = _colon(text, end)
    if found is None:
        raise NotJson("a member has no value")
    return json.loads(text[position:end]), end, found.end()


def usual_end(text: str, position: int) -> int | None:
    """Where the value ends that begins here; None: it is large, deep, or no value."""
    if len(text) <= AT_ONCE:
        try:
            return _scan(text, position)[1]
        except (ValueError, RecursionError):
            return None
    end = _scanned_end(text, position)
    return None if end == _TOO_DEEP else end


def _scanned_end(text: str, position: int) -> int | None:
    """As in `usual_end`, but _TOO_DEEP if it is too deep."""
    try:
        if len(text) <= AT_ONCE:
            return _scan(text, position)[1]
        for size in _TRIED:
            piece = text[position : position + size]
            try:
                end = _scan(piece)[1]
            except NotJson:
                return None
            except ValueError:  # the value may be longer than the piece
                continue
            if end < len(piece) or position + end == len(text):
                return position + end
    except RecursionError:
        return _TOO_DEEP
    except ValueError:
        pass
    return None


def skipped(text: str, position: int) -> Generator[None, None, int]:
    """Where the value ends that begins here. Raises NotJson."""
    closings: list[str] = []
    values = unscanned = 0
    while True:
        values += 1
        if not values % STEP:
            yield
        end = None
        if unscanned:
            unscanned -= 1
        else:
            end = _scanned_end(text, position)
            if end == _TOO_DEEP:  # and so will be what is right below
                end, unscanned = None, _DEEP
        if end is None:
            closing = _CLOSING.get(text[position : position + 1])
            if closing is not None:
                closings.append(closing)
                if len(closings) > MOST_LEVELS:
                    raise NotJson("it has too many levels")
                position = _first_value(text, position + 1, closing)
                continue
            end = _scalar_end(text, position)
        after = _after(text, end, closings)
        if not closings:
            return after
        position = _first_value(text, after, closings[-1])


def _after(text: str, end: int, closings: list[str]) -> int:
    """Where the next value or member begins behind a value that ends here, or where the last container ends."""
    while closings:
        found = separator(text, end)
        if found is None:
            raise NotJson("a comma or the end of a container is missing")
        if found[1] == ",":
            return found.end()
        if found[1] != closings.pop():
            raise NotJson("a container ends as the other kind")
        end = found.end(1)
    return end


def _first_value(text: str, position: int, closing: str) -> int:
    """Pass over many usual values or members, and over the name of the next one, up to its value."""
    position = space_end(text, position)
    if closing == "]":
        found = _values(text, position)
        assert found is not None
        return found.end()
    found = _members(text, position)
    assert found is not None
    return name_at(text, found.end())[2]


def _string_end(text: str, position: int) -> int:
    """Where the string ends that begins here. Raises NotJson."""
    try:
        return _scan(text, position)[1]
    except ValueError:
        raise NotJson("a string has no end, or what no string has") from None


def _scalar_end(text: str, position: int) -> int:
    """Where the string, number or word ends that begins here. Raises NotJson."""
    if text[position : position + 1] == '"':
        return _string_end(text, position)
    for word in ("true", "false", "null"):
        if text.startswith(word, position):
            return position + len(word)
    found = _number(text, position)
    if found is None:
        raise NotJson("a value is missing")
    return found.end()


def run_of(pattern: str, names: Iterable[str] = (), *, named: bool) -> re.Pattern[str]:
    """What matches one value or more, or members with names other than these, up to where the last one ends."""
    if named:
        others = "|".join(map(re.escape, names))
        without = rf'(?!(?:{others})")' if others else ""
        pattern = rf'"{without}{_CHARS}{{0,200}}"{_WS}:{_WS}{pattern}'
    # From the second one on, a comma stands before each. Written twice, the pattern takes twice as long to compile.
    return re.compile(rf"(?:(?(1){_WS},{_WS}|){pattern}()){{1,50}}")
