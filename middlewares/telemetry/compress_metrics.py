"""Metrics of compression."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter


class Compressed(Protocol):
    """Counts by encoding."""

    @property
    def answers(self) -> Mapping[str, int]: ...
    @property
    def bytes_before(self) -> Mapping[str, int]: ...
    @property
    def bytes_after(self) -> Mapping[str, int]: ...


class CompressCollector(Collector):
    """Shows the counts when the metrics are scraped, once there are some."""

    def __init__(self, counts: Compressed) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        counts = self._counts
        if not counts.answers:
            return
        yield counter(
            "gateway_compressed_answers",
            "Answers that were compressed.",
            ["encoding"],
            {(name,): number for name, number in counts.answers.items()},
        )
        yield counter(
            "gateway_compressed_bytes",
            "Bytes of their bodies before and after.",
            ["encoding", "when"],
            {
                (name, when): number
                for when, numbers in (
                    ("before", counts.bytes_before),
                    ("after", counts.bytes_after),
                )
                for name, number in numbers.items()
            },
        )
