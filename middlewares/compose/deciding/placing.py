"""Puts the values of parts together to one JSON text; a value that nothing is put into keeps its bytes."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from discovery.base.steps import Steps
from middlewares.compose.deciding.json_spans import AT_ONCE, Span, members


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

    def put(self, value: Span) -> Steps[None]:
        """Put a value here: two objects are merged, anything else takes the place of what was here."""
        if not value.is_object or not self._is_object:
            self.value, self.members = value, None
            return
        inner = yield from self.opened()
        yield from self._enter_all(inner, value)

    def replace(self, value: Span) -> None:
        self.value, self.members = value, None

    def at(self, name: str) -> "Steps[_Place]":
        """The place of a member; what is no object gives way to one."""
        inner = yield from self.opened()
        return self._enter(inner, name, json.dumps(name, ensure_ascii=False))

    def opened(self) -> "Steps[dict[str, _Place]]":
        """The members here, which can be changed."""
        if self.members is None:
            self.members = {}
            if self.value is not None and self.value.is_object:
                yield from self._enter_all(self.members, self.value)
            self.value = None
        return self.members

    def write(self, made: list[str]) -> Steps[None]:
        if self.members is None:
            made.append("{}" if self.value is None else self.value.raw)
            return
        made.append("{")
        for index, one in enumerate(self.members.values()):
            made.append(f",{one.written}:" if index else f"{one.written}:")
            if one.members is None and one.value is not None:
                made.append(one.value.raw)
            else:
                yield from one.write(made)
            if not (index + 1) % AT_ONCE:
                yield
        made.append("}")

    @property
    def _is_object(self) -> bool:
        """Whether there is an object here that has members already."""
        return self.members is not None or (self.value is not None and self.value.is_object)

    @classmethod
    def _enter_all(cls, inner: "dict[str, _Place]", value: Span) -> Steps[None]:
        for index, one in enumerate(members(value), 1):
            cls._enter(inner, one.name, one.written).replace(one.value)
            if not index % AT_ONCE:
                yield

    @staticmethod
    def _enter(inner: "dict[str, _Place]", name: str, written: str) -> "_Place":
        place = inner.get(name)
        if place is None:
            place = inner[name] = _Place(written)
        return place


def put_together(parts: Iterable[Placed]) -> Steps[str]:
    """The JSON text with each value in its place, in their order; without any it is an empty object.

    Where two objects get the same place, their members are merged: of one name the last counts, where the first
    stands. Anything else that was at a place, or on the way to it, gives way to what comes later.
    """
    root = _Place()
    for into, value in parts:
        place = root
        for name in into:
            place = yield from place.at(name)
        yield from place.put(value)
    made: list[str] = []
    yield from root.write(made)
    return "".join(made)
