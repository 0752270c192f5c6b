"""Reads TOML, and finds the lines of its keys, which tomllib does not tell."""

import re
import tomllib
from typing import Any

from gateway.cli.importing.model import Place, Unreadable
from gateway.cli.importing.tree import MAX_DEPTH, Entry, Items, Node, Table, Text

#: tomllib's time grows faster than the text, and as the square of the parts of a key.
MAX_CHARACTERS = 256 * 1024
MAX_DOTS = 1_000
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TABLE = re.compile(r"\s*\[\[?(?P<path>[^\]]+)\]\]?\s*(?:#.*)?")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")


def from_toml(text: str, file: str) -> Table:
    """The file's table; a value whose line is not found has that of the table around it."""
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(Place(file, 1), f"the file is larger than {MAX_CHARACTERS // 1024} KiB")
    for number, line in enumerate(text.splitlines(), 1):
        if line.count(".") > MAX_DOTS:
            raise Unreadable(Place(file, number), f"the line has more than {MAX_DOTS:,} dots")
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise Unreadable(Place(file, 1), f"more than {MAX_DEPTH} levels") from None
    except ValueError as error:
        found = _PLACE.search(str(error))
        lines = text.splitlines() or [""]
        place = Place(file, len(lines), len(lines[-1]) + 1)
        if found and found[1]:
            place = Place(file, int(found[1]), int(found[2]))
        message = _PLACE.sub("", str(error))
        raise Unreadable(place, f"not TOML: {message[:1].lower()}{message[1:]}") from None
    node = _node(document, (), _Lines(text, file), Place(file, 1))
    assert isinstance(node, Table)
    return node


class _Lines:
    """The lines of tables and keys, found by their spelling; a list of tables has several."""

    def __init__(self, text: str, file: str) -> None:
        self._places: dict[tuple[str, ...], list[Place]] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), 1):
            place = Place(file, number, len(line) - len(line.lstrip()) + 1)
            if found := _TABLE.fullmatch(line[:1000]):
                table = _parts(found["path"])
                for count in range(1, len(table)):
                    self._places.setdefault(table[:count], [place])
                self._places.setdefault(table, []).append(place)
            elif "=" in line:
                path = (*table, *_parts(line[:1000].partition("=")[0]))
                self._places.setdefault(path, []).append(place)

    def find(self, path: tuple[str, ...], index: int, otherwise: Place) -> Place:
        places = self._places.get(path)
        return places[min(index, len(places) - 1)] if places else otherwise


def _parts(path: str) -> tuple[str, ...]:
    return tuple("".join(found) for found in _PART.findall(path))


def _node(value: Any, path: tuple[str, ...], lines: _Lines, place: Place, index: int = 0) -> Node:
    if len(path) > MAX_DEPTH:
        raise Unreadable(place, f"more than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        table = Table(place)
        for key, one in value.items():
            at = lines.find((*path, key), index, place)
            table.entries[key] = Entry(at, _node(one, (*path, key), lines, at))
        return table
    if isinstance(value, list):
        nodes = [
            _node(one, path, lines, lines.find(path, number, place), number)
            for number, one in enumerate(value)
        ]
        return Items(place, nodes)
    return Text(place, str(value).lower() if isinstance(value, bool) else str(value))
