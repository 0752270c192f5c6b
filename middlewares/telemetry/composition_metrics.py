"""Metrics of compositions."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter, gauge

#: The parts that were asked or left out, by route, part and the reason why they are missing (`ok`: they are not).
PartCounts = Mapping[tuple[str, str, str], int]


class CompositionCollector(Collector):
    """Asks for the numbers when the metrics are scraped."""

    def __init__(self, parts: Callable[[], PartCounts], held_bytes: Callable[[], int]) -> None:
        self._parts = parts
        self._held_bytes = held_bytes

    def collect(self) -> Iterable[Metric]:
        yield counter(
            "gateway_parts",
            "Parts of compositions, by what became of them.",
            ["route", "part", "reason"],
            self._parts(),
        )
        yield gauge(
            "gateway_parts_held_bytes",
            "Bytes of answers that are being put together.",
            [],
            {(): self._held_bytes()},
        )
