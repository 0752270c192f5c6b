"""Makes Prometheus' metric families from plain numbers."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

#: Counts by label values.
Numbers = Mapping[Any, float]

#: Bounds for requests, which are short.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: Bounds from a second to a day, for tunnels and event streams, which stay open until somebody ends them.
STREAM_BUCKETS_S = (
    *(1.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0),
    *(3600.0, 7200.0, 14400.0, 28800.0, 86400.0),
)


class Durations:
    """The numbers of one histogram, in seconds."""

    __slots__ = ("_bounds_s", "_counts", "sum_s")

    def __init__(self, bounds_s: Sequence[float] = BUCKETS_S) -> None:
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def observe(self, duration_s: float) -> None:
        self._counts[bisect_left(self._bounds_s, duration_s)] += 1
        self.sum_s += duration_s

    @property
    def count(self) -> int:
        return sum(self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """The cumulative counts by upper bound, as Prometheus wants them."""
        total, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds_s), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets


def counter(name: str, about: str, labels: list[str], numbers: Numbers) -> Metric:
    family = CounterMetricFamily(name, about, labels=labels)
    for key, number in list(numbers.items()):
        family.add_metric(key, number)
    return family


def gauge(name: str, about: str, labels: list[str], numbers: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for key, number in sorted(numbers.items()):
        family.add_metric(key, number)
    return family


def histogram(
    name: str, about: str, labels: list[str], numbers: Iterable[tuple[Sequence[str], Durations]]
) -> Metric:
    family = HistogramMetricFamily(name, about, labels=labels)
    for key, durations in numbers:
        # A histogram without labels is there from the start; one with labels once it has an observation.
        if durations.count or not labels:
            family.add_metric(key, durations.buckets(), durations.sum_s)
    return family
