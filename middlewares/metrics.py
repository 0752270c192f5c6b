"""Prometheus metrics behind one small module: nothing else names a metric or a label."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

METHODS = frozenset(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"]
)
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class RequestMetrics:
    """Count and time requests; the gateway (`gateway_…`) and the services (`service_…`) share it."""

    def __init__(self, namespace: str, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            f"{namespace}_requests_total",
            "Requests answered.",
            ["service", "method", "status"],
            registry=registry,
        )
        self._duration_s = Histogram(
            f"{namespace}_request_duration_seconds",
            "From the request's head to the answer's last byte.",
            ["service"],
            registry=registry,
            buckets=BUCKETS_S,
        )

    def request_finished(self, service: str, method: str, status: int, duration_s: float) -> None:
        label = method if method in METHODS else "other"
        self._requests.labels(service, label, str(status)).inc()
        self._duration_s.labels(service).observe(duration_s)


class GatewayMetrics(RequestMetrics):
    """What the gateway counts besides; the names are the contract's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__("gateway", registry)
        self.registry = registry
        self._upstream_s = Histogram(
            "gateway_upstream_duration_seconds",
            "From sending a request's head to an instance to its answer's head.",
            ["service"],
            registry=registry,
            buckets=BUCKETS_S,
        )
        self._in_flight = Gauge(
            "gateway_requests_in_flight",
            "Requests being proxied now.",
            ["service"],
            registry=registry,
        )
        self._tunnels = Gauge(
            "gateway_tunnels",
            "Connections that switched protocols and are open now.",
            ["service"],
            registry=registry,
        )
        self._attempts = Counter(
            "gateway_attempts_total",
            "Tries at an instance, by how they ended.",
            ["service", "outcome"],
            registry=registry,
        )
        self._decisions = Counter(
            "gateway_rate_limit_decisions_total",
            "Rate limit decisions.",
            ["policy", "decision"],
            registry=registry,
        )
        self._connections = Gauge(
            "gateway_upstream_connections",
            "Open connections to instances.",
            ["service", "state"],
            registry=registry,
        )
        self.background_s = Histogram(
            "gateway_background_duration_seconds",
            "Rounds of background work.",
            ["work"],
            registry=registry,
            buckets=BUCKETS_S,
        )
        self.background_failures = Counter(
            "gateway_background_failures_total",
            "Rounds of background work that failed.",
            ["work"],
            registry=registry,
        )

    def in_flight(self, service: str) -> AbstractContextManager[None]:
        """Counts one request while the block runs."""
        return self._in_flight.labels(service).track_inprogress()

    def tunnel(self, service: str) -> AbstractContextManager[None]:
        """Counts one tunnel while the block runs."""
        return self._tunnels.labels(service).track_inprogress()

    def attempt_finished(self, service: str, outcome: str, duration_s: float) -> None:
        self._attempts.labels(service, outcome).inc()
        if outcome == "answered":
            self._upstream_s.labels(service).observe(duration_s)

    def limit_decided(self, policy: str, decision: str) -> None:
        """`decision` is `allowed`, `refused`, or either with `_locally` while the registry is away."""
        self._decisions.labels(policy, decision).inc()

    def connections(self, service: str, state: str, change: int) -> None:
        self._connections.labels(service, state).inc(change)


class DiscoveryCollector(Collector):
    """What follows from the gateway's view, computed when scraped.

    `instances` yields (service, status) of each instance, `registry_up` says whether the watcher is
    connected, `view_age_s` how old the view is in seconds (None: there is none).
    """

    def __init__(
        self,
        *,
        instances: Callable[[], Iterable[tuple[str, str]]],
        registry_up: Callable[[], bool],
        view_age_s: Callable[[], float | None],
    ) -> None:
        self._instances = instances
        self._registry_up = registry_up
        self._view_age_s = view_age_s

    def collect(self) -> Iterable[Metric]:
        counts: dict[tuple[str, str], int] = {}
        for key in self._instances():
            counts[key] = counts.get(key, 0) + 1
        instances = GaugeMetricFamily(
            "discovery_instances", "Instances in the view.", labels=["service", "status"]
        )
        for key, count in sorted(counts.items()):
            instances.add_metric(key, count)
        yield instances
        yield GaugeMetricFamily(
            "discovery_registry_up", "1 while the registry answers.", value=self._registry_up()
        )
        age_s = self._view_age_s()
        if age_s is not None:
            yield GaugeMetricFamily(
                "discovery_view_age_seconds", "Age of the gateway's view.", value=age_s
            )
