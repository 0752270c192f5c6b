"""Metrics of instances that are out for what they answer, and of services that get a pause."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter, gauge

#: The value of each state of a breaker.
STATES = {"closed": 0, "returning": 1, "half_open": 2, "open": 3}


class WatchedCollector(Collector):
    """Asks when the metrics are scraped, by service: who is out, how often somebody was put out, and the
    state of each breaker."""

    def __init__(
        self,
        *,
        ejected: Callable[[], Mapping[str, int]],
        ejections: Callable[[], Mapping[str, int]],
        breakers: Callable[[], Mapping[str, str]],
    ) -> None:
        self._ejected = ejected
        self._ejections = ejections
        self._breakers = breakers

    def collect(self) -> Iterable[Metric]:
        labels = ["service"]
        yield gauge(
            "gateway_ejected_instances",
            "Instances that get no requests because of what they have answered.",
            labels,
            {(name,): number for name, number in self._ejected().items()},
        )
        yield counter(
            "gateway_ejections",
            "Times that an instance was put out, or kept out by a failed trial.",
            labels,
            {(name,): number for name, number in self._ejections().items()},
        )
        yield gauge(
            "gateway_breaker_state",
            "0: closed, 1: requests return little by little, 2: trials, 3: open.",
            labels,
            {(name,): STATES[state] for name, state in self._breakers().items()},
        )
