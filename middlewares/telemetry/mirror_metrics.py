"""Metrics of mirrors."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter, gauge

_ByMirror = Mapping[tuple[str, str, str], float]


@dataclass(frozen=True, slots=True)
class MirrorNumbers:
    """What a worker's mirrors have done since they began; keys are route, mirror, and what the metric names."""

    copies: _ByMirror
    results: _ByMirror
    kinds: _ByMirror
    unread: _ByMirror
    seconds: _ByMirror
    in_flight: Mapping[tuple[str, str], int]


class MirrorCollector(Collector):
    """Asks for the numbers when the metrics are scraped."""

    def __init__(self, numbers: Callable[[], MirrorNumbers]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        now = self._numbers()
        mirror = ["route", "mirror"]
        yield counter(
            "gateway_mirror_copies",
            "Requests that were drawn for a mirror, by what became of the copy.",
            [*mirror, "outcome"],
            now.copies,
        )
        yield counter(
            "gateway_mirror_compared",
            "Pairs of answers, by how they compare.",
            [*mirror, "result"],
            now.results,
        )
        yield counter(
            "gateway_mirror_differences",
            "Pairs of answers that differ, by each kind of difference.",
            [*mirror, "kind"],
            now.kinds,
        )
        yield counter(
            "gateway_mirror_not_compared",
            "Pairs of answers whose bodies were not compared, by why.",
            [*mirror, "why"],
            now.unread,
        )
        yield counter(
            "gateway_mirror_seconds",
            "Time to the heads of answers that were compared, of the client's own and of the mirror's.",
            [*mirror, "answer"],
            now.seconds,
        )
        yield gauge("gateway_mirror_in_flight", "Copies that are under way.", mirror, now.in_flight)
