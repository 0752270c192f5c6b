"""Puts the values of parts together to one JSON text; a value that nothing is put into keeps its bytes."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from middlewares.compose.deciding.json_spans import Span, members


class Placed(NamedTuple):
    """A value and the place that it gets: names of members, from the outermost on."""

    into: Sequence[str]
    value: Span


class _Place:
    """A place in the answer: it holds a value as it came, or members; at first it is empty."""

    __slots__ = ("members", "value", "written")

    def __init__(self, written: str = "", value: Span | None = None) -> None:
        #: The name of the member as it is written.
        self.written = written
        self.value = value
        self.members: dict[str, _Place] | None = None

    def put(self, value: Span) -> None:
        """Put a value here: two objects are merged, anything else takes the place of what was here."""
        if not value.is_object or not self._is_object:
            self.value, self.members = value, None
            return
        inner = self.opened()
        for one in members(value):
            self._enter(inner, one.name, one.written).replace(one.value)

    def replace(self, value: Span) -> None:
        self.value, self.members = value, None

    def at(self, name: str) -> "_Place":
        """The place of a member; what is no object gives way to one."""
        return self._enter(self.opened(), name, json.dumps(name, ensure_ascii=False))

    def opened(self) -> "dict[str, _Place]":
        """The members here, which can be changed."""
        if self.members is None:
            self.members = {}
            if self.value is not None and self.value.is_object:
                for one in members(self.value):
                    self._enter(self.members, one.name, one.written).replace(one.value)
            self.value = None
        return self.members

    def write(self, made: list[str]) -> None:
        if self.members is None:
            made.append("{}" if self.value is None else self.value.raw)
            return
        made.append("{")
        for index, one in enumerate(self.members.values()):
            made.append(f",{one.written}:" if index else f"{one.written}:")
            one.write(made)
        made.append("}")

    @property
    def _is_object(self) -> bool:
        """Whether there is an object here that has members already."""
        return self.members is not None or (self.value is not None and self.value.is_object)

    @staticmethod
    def _enter(inner: "dict[str, _Place]", name: str, written: str) -> "_Place":
        place = inner.get(name)
        if place is None:
            place = inner[name] = _Place(written)
        return place


def put_together(parts: Iterable[Placed]) -> str:
    """The JSON text with each value in its place, in their order; without any it is an empty object.

    Where two objects get the same place, their members are merged: of one name the last counts, where the first
    stands. Anything else that was at a place, or on the way to it, gives way to what comes later.
    """
    root = _Place()
    for into, value in parts:
        place = root
        for name in into:
            place = place.at(name)
        place.put(value)
    made: list[str] = []
    root.write(made)
    return "".join(made)


def is_object(text: str) -> bool:
    """Whether a JSON text without space before it is an object."""
    return text.startswith("{")
