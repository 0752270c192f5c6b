"""Metrics of transformation."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter


class TransformCollector(Collector):
    """Shows the counts when the metrics are scraped, once there are some.

    The keys are the route, `request` or `answer`, and why.
    """

    def __init__(self, not_changed: Mapping[tuple[str, str, str], int]) -> None:
        self._not_changed = not_changed

    def collect(self) -> Iterable[Metric]:
        if self._not_changed:
            yield counter(
                "gateway_bodies_not_changed",
                "Bodies that the rules for JSON could not change.",
                ["route", "of", "why"],
                self._not_changed,
            )
