"""Metrics of what is held against OpenAPI documents."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter, gauge

Counts = Callable[[], Mapping[tuple[str, str], int]]


class ValidationCollector(Collector):
    """Asks for the numbers when the metrics are scraped; `ages_s` are by service and version."""

    def __init__(
        self,
        *,
        requests: Counts,
        answers: Counts,
        fetches: Callable[[], Mapping[str, int]],
        ages_s: Counts,
    ) -> None:
        self._requests = requests
        self._answers = answers
        self._fetches = fetches
        self._ages_s = ages_s

    def collect(self) -> Iterable[Metric]:
        yield counter(
            "gateway_validated_requests",
            "Requests held against the OpenAPI document of their service, by what was found.",
            ["service", "outcome"],
            self._requests(),
        )
        yield counter(
            "gateway_validated_answers",
            "Answers held against the OpenAPI document of their service, by what was found.",
            ["service", "outcome"],
            self._answers(),
        )
        yield counter(
            "gateway_openapi_failures",
            "Attempts to get the OpenAPI document of a service that failed.",
            ["service"],
            {(name,): number for name, number in self._fetches().items()},
        )
        yield gauge(
            "gateway_openapi_age_seconds",
            "The time since an OpenAPI document was last found to be current.",
            ["service", "version"],
            self._ages_s(),
        )
