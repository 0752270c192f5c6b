"""Metrics behind one small module: plain numbers while requests run, Prometheus' shapes when scraped."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

METHODS = frozenset(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"]
)
#: Counts by label values.
Numbers = Mapping[Any, int]

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Durations:
    """One histogram's numbers; seconds."""

    __slots__ = ("_counts", "_sum_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._sum_s = 0.0

    def observe(self, duration_s: float) -> None:
        self._counts[bisect_left(BUCKETS_S, duration_s)] += 1
        self._sum_s += duration_s

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus has them."""
        total, buckets = 0, []
        for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets

    @property
    def sum_s(self) -> float:
        return self._sum_s


class RequestMetrics(Collector):
    """Counts and times requests; the gateway (`gateway_…`) and the services (`service_…`) share it."""

    def __init__(self, namespace: str, registry: CollectorRegistry) -> None:
        self._namespace = namespace
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._durations: dict[str, Durations] = defaultdict(Durations)
        registry.register(self)

    def request_finished(self, service: str, method: str, status: int, duration_s: float) -> None:
        self._requests[service, method if method in METHODS else "other", status] += 1
        self._durations[service].observe(duration_s)

    def collect(self) -> Iterable[Metric]:
        yield _counter(
            f"{self._namespace}_requests",
            "Requests answered.",
            ["service", "method", "status"],
            {(service, m, str(status)): n for (service, m, status), n in self._requests.items()},
        )
        yield _histogram(
            f"{self._namespace}_request_duration_seconds",
            "From the request's head to the answer's last byte.",
            self._durations,
        )


class GatewayMetrics(RequestMetrics):
    """What the gateway counts besides; the names are the contract's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        #: Requests being proxied, open tunnels: by service.
        self.in_flight: dict[str, int] = defaultdict(int)
        self.tunnels: dict[str, int] = defaultdict(int)
        #: Open connections to instances, by service and state (`active`, `idle`): asked when scraped.
        self.connections_of: Callable[[], Mapping[tuple[str, str], int]] = dict
        #: Clients refused for want of descriptors: asked when scraped.
        self.clients_refused: Callable[[], int] = int
        #: Of requests: fields that said what only the gateway may say.
        self.fields_dropped = 0
        #: Lines of the log that nobody read in time: asked when scraped.
        self.log_lines_dropped: Callable[[], int] = int
        self._attempts: dict[tuple[str, str], int] = defaultdict(int)
        self._upstream: dict[str, Durations] = defaultdict(Durations)
        self._decisions: dict[tuple[str, str], int] = defaultdict(int)
        super().__init__("gateway", registry)
        ProcessCollector(registry=registry)  # process_open_fds and process_max_fds among them
        self.background_failures = Counter(
            "gateway_background_failures",
            "Rounds of background work that failed.",
            ["work"],
            registry=registry,
        )
        self.background_running = Gauge(
            "gateway_background_running",
            "Background work that is running.",
            ["work"],
            registry=registry,
        )

    def attempt_finished(self, service: str, outcome: str, duration_s: float) -> None:
        self._attempts[service, outcome] += 1
        if outcome == "answered":
            self._upstream[service].observe(duration_s)

    def limit_decided(self, policy: str, decision: str) -> None:
        """`decision`: `allowed`, `refused`, or either with `_locally` while the registry is away."""
        self._decisions[policy, decision] += 1

    def collect(self) -> Iterable[Metric]:
        yield from super().collect()
        yield _counter(
            "gateway_attempts",
            "Tries at an instance, by how they ended.",
            ["service", "outcome"],
            self._attempts,
        )
        yield _histogram(
            "gateway_upstream_duration_seconds",
            "From sending a request's head to an instance to its answer's head.",
            self._upstream,
        )
        yield _counter(
            "gateway_rate_limit_decisions",
            "Rate limit decisions.",
            ["policy", "decision"],
            self._decisions,
        )
        yield _counter(
            "gateway_fields_dropped",
            "Request fields not passed on since they said what only the gateway may say.",
            [],
            {(): self.fields_dropped},
        )
        yield _counter(
            "gateway_log_lines_dropped",
            "Log lines not written since nobody read those before them.",
            [],
            {(): self.log_lines_dropped()},
        )
        yield _counter(
            "gateway_connections_refused",
            "Connections refused since few descriptors were left.",
            [],
            {(): self.clients_refused()},
        )
        yield _gauge(
            "gateway_requests_in_flight",
            "Requests being proxied now.",
            ["service"],
            {(service,): count for service, count in self.in_flight.items()},
        )
        yield _gauge(
            "gateway_tunnels",
            "Connections that switched protocols and are open now.",
            ["service"],
            {(service,): count for service, count in self.tunnels.items()},
        )
        yield _gauge(
            "gateway_upstream_connections",
            "Open connections to instances.",
            ["service", "state"],
            self.connections_of(),
        )


class DiscoveryCollector(Collector):
    """What follows from the gateway's view, computed when scraped.

    `instances` counts them by service and status (`total` is all of them), `registry_up` says whether the watcher is
    connected, `registry_writable` whether it takes changes, `view_age_s` how old the view is in seconds
    (None: there is none), `mass_losses` how often each service lost most of its instances at once.
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
        yield _gauge("discovery_instances", "Instances in the view.", ["service", "status"], counts)
        yield GaugeMetricFamily(
            "discovery_registry_up", "1 while the registry answers.", value=self._registry_up()
        )
        yield GaugeMetricFamily(
            "discovery_registry_writable",
            "1 while the registry takes changes.",
            value=self._registry_writable(),
        )
        yield _counter(
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


def _counter(name: str, about: str, labels: list[str], numbers: Numbers) -> Metric:
    family = CounterMetricFamily(name, about, labels=labels)
    for key, number in list(numbers.items()):
        family.add_metric(key, number)
    return family


def _gauge(name: str, about: str, labels: list[str], numbers: Numbers) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for key, number in sorted(numbers.items()):
        family.add_metric(key, number)
    return family


def _histogram(name: str, about: str, numbers: dict[str, Durations]) -> Metric:
    family = HistogramMetricFamily(name, about, labels=["service"])
    for service, durations in list(numbers.items()):
        family.add_metric([service], durations.buckets(), durations.sum_s)
    return family
