"""What a worker tells of its metrics: plain lists, which JSON can carry."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from discovery.base.steps import Steps, slices

#: The first member of a key that describes a family; its value is 0.
_DESCRIBES = "#"

#: Labels, sorted by name, as name, value, name, value…
Labels = tuple[str, ...]


class Described(NamedTuple):
    """What the lines HELP and TYPE say of a family."""

    name: str
    kind: str
    about: str


class Series(NamedTuple):
    """One value: `suffix` is what the name of the sample has after that of its family."""

    suffix: str
    labels: Labels
    value: float


class Family(NamedTuple):
    """A family with its series, in the order in which they are shown."""

    described: Described
    series: list[Series]


def labels_of(labels: Mapping[str, str]) -> Labels:
    return tuple(part for pair in sorted(labels.items()) for part in pair)


def key_of_family(described: Described) -> str:
    """Under this the master keeps the description for as long as it keeps the counters."""
    return orjson.dumps([_DESCRIBES, *described]).decode()


def key_of(family: str, series: Series) -> str:
    """Under this the master keeps the value of a counter."""
    return orjson.dumps([family, series.suffix, *series.labels]).decode()


def families_of(counters: Mapping[str, float]) -> Steps[list[Family]]:
    """What was kept under such keys; a series whose family was never described is left out."""
    found: dict[str, Family] = {}
    kept: list[tuple[str, Series]] = []
    for some in slices(counters.items()):
        for key, value in some:
            name, second, *rest = orjson.loads(key)
            if name == _DESCRIBES:
                found[second] = Family(Described(second, *rest), [])
            else:
                kept.append((name, Series(second, tuple(rest), value)))
        yield
    for some_kept in slices(kept):
        for name, series in some_kept:
            if name in found:
                found[name].series.append(series)
        yield
    return [*found.values()]


def to_plain(families: Iterable[Family]) -> list[Any]:
    """For JSON; `of_plain` reads it."""
    return [[*family.described, [list(one) for one in family.series]] for family in families]


def of_plain(plain: list[Any]) -> list[Family]:
    """The families of another worker. A value that JSON has no number for is left out."""
    return [
        Family(
            Described(name, kind, about),
            [
                Series(suffix, tuple(labels), value)
                for suffix, labels, value in series
                if value is not None
            ],
        )
        for name, kind, about, series in plain
    ]
