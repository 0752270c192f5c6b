"""Finds one number in a JSON document that comes in pieces, without keeping the document.

It holds a stack as deep as the pointer, the beginning of one key and of one number. What is not on the
pointer's way is skipped, and checked no further than that strings and brackets end.
"""

import re
from collections.abc import Sequence
from enum import Enum, auto

import orjson

from middlewares.costs.deciding import (
    ABSENT,
    NUMBER_BYTES,
    Reading,
    Why,
    is_index,
    reading_of,
)

# No possessive quantifiers: CPython 3.11 matches some of them wrongly (python/cpython#106052).
_SPACE = re.compile(rb"[ \t\n\r]*")
_SCALAR = re.compile(rb'[^ \t\n\r,:"\[\]{}]*')
_STRING = re.compile(rb'[^"\\]*')
#: Everything up to the next bracket, or to a string with an escape or without an end in this piece.
_SKIPPED = re.compile(rb'[^"\[\]{}]*(?:"[^"\\]*"[^"\[\]{}]*)*')
#: A character of a key takes no more bytes than two \u escapes.
_ESCAPED_BYTES = 12
_QUOTE, _BACKSLASH = b'"\\'
_FIRST = ("0",)


class _At(Enum):
    """What comes next."""

    VALUE = auto()
    KEY = auto()
    COLON = auto()
    AFTER = auto()
    #: Within a string, a number or a word.
    STRING = auto()
    SCALAR = auto()
    #: Within something that is not on the way.
    SKIPPED = auto()
    END = auto()
    BROKEN = auto()


class _Container:
    """An array or object on the way, and where in it the scan is."""

    __slots__ = ("index", "is_array", "is_followed", "token")

    def __init__(self, token: str, is_array: bool) -> None:
        self.token = token
        self.is_array = is_array
        self.index = 0
        #: Whether the value that comes next is on the way.
        self.is_followed = is_array and token in _FIRST

    def next(self) -> None:
        self.index += 1
        self.is_followed = self.is_array and is_index(self.token) and self.token == str(self.index)


class JsonScan:
    """Reads the number that a pointer leads to; of members with the same name the last one counts."""

    def __init__(self, pointer: Sequence[str]) -> None:
        self._pointer = pointer
        self._found = ABSENT
        self._at = _At.VALUE
        self._open: list[_Container] = []
        self._skipped_depth = 0
        #: Whether the string is a key; its bytes so far, or None if it is too long for the token.
        self._is_key = False
        self._key: bytearray | None = None
        self._is_escaped = False
        self._scalar = bytearray()
        self._is_target = False

    def take(self, piece: bytes) -> None:
        """Scan one more piece."""
        position, end = 0, len(piece)
        while position < end:
            at = self._at
            if at is _At.SKIPPED:
                position = self._skip(piece, position)
            elif at is _At.STRING:
                position = self._string(piece, position)
            elif at is _At.SCALAR:
                position = self._in_scalar(piece, position)
            elif at is _At.BROKEN:
                return
            else:
                position = _match_end(_SPACE, piece, position)
                if position < end:
                    position = self._structure(piece, position)

    def end(self) -> Reading:
        """What was read; the document is complete."""
        if self._at is _At.SCALAR:
            self._scalar_ends()
        return self._found if self._at is _At.END else Reading(Why.NOT_JSON, self._found.units)

    @property
    def so_far(self) -> Reading:
        """What was read until now."""
        return self._found

    def _structure(self, piece: bytes, position: int) -> int:
        """Take one character between values, or the first one of a value."""
        byte, at = piece[position : position + 1], self._at
        inner = self._open[-1] if self._open else None
        if at is _At.VALUE and not (byte == b"]" and inner and inner.is_array):
            return self._value(byte, inner, position)
        if at is _At.KEY and byte == b'"':
            assert inner is not None
            self._at, self._is_key, self._key = _At.STRING, True, bytearray()
        elif at is _At.COLON and byte == b":":
            self._at = _At.VALUE
        elif at is _At.AFTER and byte == b"," and inner is not None:
            inner.next()
            self._at = _At.VALUE if inner.is_array else _At.KEY
        elif inner is not None and at is not _At.COLON and byte == _closing(inner):
            self._open.pop()
            self._value_ends()
        else:
            self._at = _At.BROKEN
        return position + 1

    def _value(self, byte: bytes, inner: _Container | None, position: int) -> int:
        """Take the first byte of a value; that of a number or a word is taken with the rest."""
        is_followed = inner is None or inner.is_followed
        self._is_target = is_followed and len(self._open) == len(self._pointer)
        if is_followed:
            self._found = Reading(Why.NO_NUMBER) if self._is_target else ABSENT
        if byte == b'"':
            self._at, self._is_key = _At.STRING, False
        elif byte in (b"{", b"["):
            if is_followed and not self._is_target:
                token = self._pointer[len(self._open)]
                self._open.append(_Container(token, byte == b"["))
                self._at = _At.VALUE if byte == b"[" else _At.KEY
            else:
                self._at, self._skipped_depth = _At.SKIPPED, 1
        elif byte in (b"}", b"]", b",", b":"):
            self._at = _At.BROKEN
        else:
            self._at = _At.SCALAR
            self._scalar.clear()
            return position
        return position + 1

    def _value_ends(self) -> None:
        self._at = _At.AFTER if self._open else _At.END

    def _skip(self, piece: bytes, position: int) -> int:
        position = _match_end(_SKIPPED, piece, position)
        if position == len(piece):
            return position
        byte = piece[position]
        if byte == _QUOTE:
            self._at, self._is_key = _At.STRING, False
        elif byte in b"[{":
            self._skipped_depth += 1
        else:
            self._skipped_depth -= 1
            if not self._skipped_depth:
                self._value_ends()
        return position + 1

    def _string(self, piece: bytes, position: int) -> int:
        begins, end = position, len(piece)
        if self._is_escaped:
            self._is_escaped = False
            position += 1
        position = _match_end(_STRING, piece, position)
        while position < end and piece[position] == _BACKSLASH:
            self._is_escaped = position + 1 == end  # the next piece has what is escaped
            position = _match_end(_STRING, piece, min(position + 2, end))
        if self._is_key:
            self._keep_of_key(piece, begins, position)
        if position < end:
            self._string_ends()
            position += 1
        return position

    def _keep_of_key(self, piece: bytes, begins: int, ends: int) -> None:
        if self._key is None:
            return
        if len(self._key) + ends - begins > _ESCAPED_BYTES * len(self._open[-1].token):
            self._key = None
        else:
            self._key += piece[begins:ends]

    def _string_ends(self) -> None:
        if self._skipped_depth:
            self._at = _At.SKIPPED
        elif self._is_key:
            inner = self._open[-1]
            inner.is_followed = self._key is not None and _text(self._key) == inner.token
            self._at = _At.COLON
        else:
            self._value_ends()

    def _in_scalar(self, piece: bytes, position: int) -> int:
        ends = _match_end(_SCALAR, piece, position)
        if self._is_target and len(self._scalar) <= NUMBER_BYTES:
            self._scalar += piece[position : min(ends, position + NUMBER_BYTES + 1)]
        if ends < len(piece):
            self._scalar_ends()
        return ends

    def _scalar_ends(self) -> None:
        if self._is_target:
            self._found = reading_of(bytes(self._scalar))
        self._value_ends()


def _match_end(pattern: re.Pattern[bytes], piece: bytes, position: int) -> int:
    found = pattern.match(piece, position)
    assert found is not None, "each of them matches nothing as well"
    return found.end()


def _closing(container: _Container) -> bytes:
    return b"]" if container.is_array else b"}"


def _text(key: bytearray) -> str | None:
    try:
        text = orjson.loads(b'"%b"' % bytes(key))
    except orjson.JSONDecodeError:
        return None
    return text if isinstance(text, str) else None
