"""How two JSON documents differ, by pointer, found in steps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from middlewares.mirror.deciding.pointers import ANY, Places, ignored_below

#: `absent`: only the original's answer has it; `added`: only the copy's.
Kind = Literal["absent", "added", "type", "value"]

_MISSING = object()

#: A member or element: its name, the name as it stands in a shape, and its two values.
_Item = tuple[str, str, Any, Any]


class Difference(NamedTuple):
    """One place where the documents differ; `shape` is its pointer with `*` for the indexes of arrays.

    `original` and `copy` are the two values; None where there is none.
    """

    kind: Kind
    tokens: tuple[str, ...]
    shape: tuple[str, ...]
    original: Any = None
    copy: Any = None


class _Level(NamedTuple):
    """Where a walk is in two objects or two arrays."""

    rest: Iterator[_Item]
    places: Places


def differences(original: Any, copy: Any, ignored: Places) -> Iterator[Difference | None]:
    """Each difference in turn, and None for each value that was looked at without one.

    Numbers are compared as such: 1 and 1.0 are the same. The order of members does not count, that of
    elements does. The walk holds no more than the documents are deep.
    """
    items = _items(original, copy)
    if items is None:
        kind = _kind(original, copy)
        yield None if kind is None else Difference(kind, (), (), original, copy)
        return
    levels = [_Level(items, ignored)]
    tokens: list[str] = []
    shape: list[str] = []
    while levels:
        rest, places = levels[-1]
        item = next(rest, None)
        if item is None:
            levels.pop()
            if tokens:
                tokens.pop()
                shape.pop()
            continue
        token, shaped, one, other = item
        below = ignored_below(places, token)
        if below is None:
            yield None
        elif (deeper := _items(one, other)) is not None:
            levels.append(_Level(deeper, below))
            tokens.append(token)
            shape.append(shaped)
            yield None
        elif (kind := _kind(one, other)) is None:
            yield None
        else:
            yield Difference(
                kind,
                (*tokens, token),
                (*shape, shaped),
                None if one is _MISSING else one,
                None if other is _MISSING else other,
            )


def _items(one: Any, other: Any) -> Iterator[_Item] | None:
    """What is in both or one of two objects or two arrays; None: the two are something else."""
    if isinstance(one, dict) and isinstance(other, dict):
        return _members(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return _elements(one, other)
    return None


def _members(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[_Item]:
    for name, value in one.items():
        yield name, name, value, other.get(name, _MISSING)
    for name, value in other.items():
        if name not in one:
            yield name, name, _MISSING, value


def _elements(one: Sequence[Any], other: Sequence[Any]) -> Iterator[_Item]:
    for index in range(max(len(one), len(other))):
        here = one[index] if index < len(one) else _MISSING
        there = other[index] if index < len(other) else _MISSING
        yield str(index), ANY, here, there


def _kind(one: Any, other: Any) -> Kind | None:
    if other is _MISSING:
        return "absent"
    if one is _MISSING:
        return "added"
    if type(one) is not type(other) and not (_is_number(one) and _is_number(other)):
        return "type"
    return None if one == other else "value"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
