"""Makes one document of those of all workers, by a table that says for each member how."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: What becomes of the values that workers have for a member: a function of them, the asked worker's first,
#: or the ways of the members of objects; `EACH` stands for names that are not known before.
Way = Callable[[Sequence[Any]], Any]
Ways = Mapping[str, "Way | Ways"]

EACH = "*"
#: Raised by values that a worker of another release says in another form.
_NOT_UNDERSTOOD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def own(values: Sequence[Any]) -> Any:
    """The asked worker's, or that of another one if it has none: all say the same."""
    return values[0]


def added(values: Sequence[Any]) -> Any:
    return sum(value for value in values if value is not None)


def most(values: Sequence[Any]) -> Any:
    """The greatest; None if none has any."""
    return max((value for value in values if value is not None), default=None)


def least(values: Sequence[Any]) -> Any:
    return min((value for value in values if value is not None), default=None)


def oldest(values: Sequence[Any]) -> Any:
    """The greatest age; None, which is without one, is older than any."""
    return None if None in values else max(values)


def every(values: Sequence[Any]) -> bool:
    return all(values)


def some(values: Sequence[Any]) -> bool:
    return any(values)


def first_said(values: Sequence[Any]) -> Any:
    """The first that is not empty, such as a mistake that one of them has found."""
    return next((value for value in values if value), values[0])


def union(values: Sequence[Any]) -> list[Any]:
    """All elements of lists, each once."""
    found: list[Any] = []
    for value in values:
        found += [one for one in value if one not in found]
    return found


def pooled(documents: Sequence[Mapping[str, Any]], ways: Ways) -> dict[str, Any]:
    """The document of the gateway; the first one is the asked worker's.

    A member without a way is its own, and so is one that a worker of another release says in another form.
    """
    made: dict[str, Any] = {}
    for name in dict.fromkeys(name for document in documents for name in document):
        values = [document[name] for document in documents if name in document]
        way = ways.get(name, ways.get(EACH, own))
        if callable(way):
            try:
                made[name] = way(values)
            except _NOT_UNDERSTOOD:
                made[name] = values[0]
        else:
            objects = [value for value in values if isinstance(value, Mapping)]
            made[name] = pooled(objects, way) if objects else values[0]
    return made
