"""The metric of who still uses deprecated versions."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter


class VersionCollector(Collector):
    """Asks for the numbers by route and deprecated range when the metrics are scraped."""

    def __init__(self, deprecated: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        self._deprecated = deprecated

    def collect(self) -> Iterable[Metric]:
        yield counter(
            "gateway_deprecated_requests",
            "Requests for versions that a file calls deprecated.",
            ["route", "version"],
            self._deprecated(),
        )
