"""What a rule does to a JSON text, as frozen values."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from middlewares.transform.bodies.deciding.pointers import Pointer
from middlewares.transform.deciding.variables import Landing, Template, Values

_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A JSON text with variables in its strings: the text between these strings, and the strings."""

    pieces: tuple[str | Template, ...]

    @property
    def templates(self) -> Iterator[Template]:
        return (piece for piece in self.pieces if isinstance(piece, Template))

    def written(self, values: Values | None) -> str | None:
        """The text with the values of its variables; None if one of them is missing."""
        made = ""
        for piece in self.pieces:
            if isinstance(piece, Template):
                if values is None:
                    return None
                text = piece.fill(values, Landing.JSON)
                if text is None:
                    return None
                made += string_of(text)
            else:
                made += piece
        return made


def string_of(text: str) -> str:
    """The text as a JSON string; lone surrogates are escaped."""
    string = json.dumps(text, ensure_ascii=False)
    return string if string.isascii() else _SURROGATES.sub(_escaped, string)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


@dataclass(frozen=True, slots=True)
class Remove:
    """Takes out every member and item that one of the pointers leads to, all at once."""

    pointers: tuple[Pointer, ...]


@dataclass(frozen=True, slots=True)
class Rename:
    """Gives a member another name in its object; a member that has this name already goes."""

    pointer: Pointer
    name: str

    @property
    def target(self) -> Pointer:
        return (*self.pointer[:-1], self.name)


@dataclass(frozen=True, slots=True)
class Set:
    """Puts a value where the pointer leads to; objects that are missing on the way are made."""

    pointer: Pointer
    value: JsonValue


@dataclass(frozen=True, slots=True)
class Keep:
    """Takes out everything that none of the pointers leads to, or that is not on the way there."""

    pointers: tuple[Pointer, ...]


@dataclass(frozen=True, slots=True)
class Wrap:
    """Makes the whole text the value of this member of a new object, or of objects in objects."""

    names: Pointer


@dataclass(frozen=True, slots=True)
class Query:
    """Makes the text what an expression of JMESPath yields."""

    expression: str


Rule = Remove | Rename | Set | Keep | Wrap | Query
