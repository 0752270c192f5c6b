"""Metrics of the registry and of the registered instances as the gateway knows them."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter, gauge

#: Upper edges, in seconds; a verdict should be with the siblings within 10 ms.
VERDICT_DELAYS_S = (0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.5)


def verdict_delays(registry: CollectorRegistry) -> Callable[[float], None]:
    """What takes how long a verdict was on its way from one worker to another; for a gateway of several."""
    histogram = Histogram(
        "discovery_verdict_delay_seconds",
        "How long a verdict was on its way to another worker.",
        buckets=VERDICT_DELAYS_S,
        registry=registry,
    )
    return histogram.observe


class DiscoveryCollector(Collector):
    """Computes metrics from the gateway's view when they are scraped.

    `instances` counts instances by service and status (`total`: all of them). `registry_up` says
    whether the watcher is connected, `registry_writable` whether the registry takes changes. `view_age_s`
    is the view's age in seconds (None: no view yet). `mass_losses` counts for each service how often it
    lost most of its instances at once.
    """

    def __init__(
        self,
        *,
        instances: Callable[[], Mapping[str, Mapping[str, int]]],
        registry_up: Callable[[], bool],
        registry_writable: Callable[[], bool],
        view_age_s: Callable[[], float | None],
        mass_losses: Callable[[], Mapping[str, int]],
    ) -> None:
        self._instances = instances
        self._registry_up = registry_up
        self._registry_writable = registry_writable
        self._view_age_s = view_age_s
        self._mass_losses = mass_losses

    def collect(self) -> Iterable[Metric]:
        counts = {
            (service, status): count
            for service, by_status in self._instances().items()
            for status, count in by_status.items()
            if count and status != "total"
        }
        yield gauge("discovery_instances", "Instances in the view.", ["service", "status"], counts)
        yield GaugeMetricFamily(
            "discovery_registry_up", "1 while the registry answers.", value=self._registry_up()
        )
        yield GaugeMetricFamily(
            "discovery_registry_writable",
            "1 while the registry takes changes.",
            value=self._registry_writable(),
        )
        yield counter(
            "discovery_mass_losses",
            "Times that a service lost more than half of its instances within a minute.",
            ["service"],
            {(service,): count for service, count in self._mass_losses().items()},
        )
        age_s = self._view_age_s()
        if age_s is not None:
            yield GaugeMetricFamily(
                "discovery_view_age_seconds", "Age of the gateway's view.", value=age_s
            )
