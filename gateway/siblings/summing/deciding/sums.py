"""Makes the metrics of a gateway of those of its workers, without a clock and without I/O."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from discovery.base.steps import Steps, slices
from gateway.siblings.summing.deciding.series import Described, Family, Labels, Series
from gateway.siblings.summing.deciding.ways import Way, is_added_up, way_of

_Key = tuple[str, Labels]

_JOINED: Mapping[Way, Callable[[float, float], float]] = {
    Way.SUM: lambda one, other: one + other,
    Way.MAX: max,
    Way.MIN: min,
}
#: Of workers, whether there are some in it or not.
STATES = ("starting", "ready", "stopping")
#: When a counter began; a sum begins with the gateway.
_CREATED = "_created"


def summed(
    workers: Iterable[Sequence[Family]], departed: Iterable[Family], began_s: float
) -> Steps[list[Family]]:
    """The families of the gateway.

    `workers` are those of the workers that have answered, the asked one first; `departed` are the counters
    of all others, among them those that have ended.
    """
    described: dict[str, Described] = {}
    values: dict[str, dict[_Key, float]] = {}
    for families in (*workers, departed):
        for family in families:
            name, kind = family.described.name, family.described.kind
            if name not in described:
                described[name], values[name] = family.described, {}
            elif described[name].kind != kind:
                continue  # of another release, which means something else by it
            yield from _join(values[name], family, way_of(name, kind), began_s)
    made = []
    for name, family_described in described.items():
        of_family = values[name]
        if family_described.kind == "histogram":
            series = yield from _histograms(of_family)
        else:
            series = [Series(*key, value) for key, value in of_family.items()]
            yield
        made.append(Family(family_described, series))
    return made


def members(states: Iterable[str]) -> Family:
    """How many workers there are, by their states."""
    count = Counter(states)
    about = "Worker processes of this gateway."
    return Family(
        Described("gateway_workers", "gauge", about),
        [Series("", ("state", state), count[state]) for state in STATES],
    )


def counters_of(families: Iterable[Family]) -> Iterable[tuple[Described, Iterable[Series]]]:
    """The families whose series go on after their worker has ended, and these series."""
    for family in families:
        if is_added_up(family.described.kind):
            yield family.described, (one for one in family.series if one.suffix != _CREATED)


def _join(into: dict[_Key, float], family: Family, way: Way, began_s: float) -> Steps[None]:
    if way is Way.ONE and into:
        return
    if way is Way.BEGAN:
        into.update({(one.suffix, one.labels): began_s for one in family.series})
        return
    joined = _JOINED.get(way)
    for some in slices(family.series):
        for suffix, labels, value in some:
            key = suffix, labels
            if suffix == _CREATED:
                into[key] = began_s
            elif joined is not None and key in into:
                into[key] = joined(into[key], value)
            else:
                into[key] = value
        yield


def _histograms(values: Mapping[_Key, float]) -> Steps[list[Series]]:
    """The series in the order that the format wants.

    No bucket has less than the one before it, even if workers of two releases have other bounds.
    """
    buckets: dict[Labels, list[tuple[float, Labels, float]]] = {}
    sums: dict[Labels, float] = {}
    created: dict[Labels, float] = {}
    for some in slices(values.items()):
        for (suffix, labels), value in some:
            if suffix == "_bucket":
                bound, rest = _without_bound(labels)
                buckets.setdefault(rest, []).append((bound, labels, value))
            elif suffix == "_sum":
                sums[labels] = value
            elif suffix == _CREATED:
                created[labels] = value
        yield
    made: list[Series] = []
    for some_labels in slices(buckets):
        for rest in some_labels:
            most = 0.0
            for _, labels, value in sorted(buckets[rest]):
                most = max(most, value)
                made.append(Series("_bucket", labels, most))
            made.append(Series("_count", rest, most))
            made.append(Series("_sum", rest, sums.get(rest, 0.0)))
            if rest in created:
                made.append(Series(_CREATED, rest, created[rest]))
        yield
    return made


def _without_bound(labels: Labels) -> tuple[float, Labels]:
    at = labels[::2].index("le") * 2
    return float(labels[at + 1]), labels[:at] + labels[at + 2 :]
