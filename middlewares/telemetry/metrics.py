"""Metrics of requests: plain numbers that become Prometheus' metrics when scraped."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Info
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from middlewares.memory import Memory
from middlewares.telemetry.metric_families import (
    STREAM_BUCKETS_S,
    Durations,
    counter,
    gauge,
    histogram,
)
from middlewares.telemetry.process_metrics import add_process_metrics

METHODS = frozenset(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"]
)
#: Answers that last until somebody ends them: a connection that switched protocols, a text/event-stream.
Stream = Literal["tunnel", "event_stream"]


class Finished:
    """The finished requests of one service with one method and status."""

    __slots__ = ("bytes_in", "bytes_out", "count", "durations")

    def __init__(self, durations: Durations) -> None:
        self.count = 0
        #: Bytes of bodies, streams included.
        self.bytes_in = 0
        self.bytes_out = 0
        #: Those of the service, with any method and status.
        self.durations = durations


class Counted:
    """Counts one in a table of current things until it is released."""

    __slots__ = ("_counts", "_label")

    def __init__(self, counts: dict[str, int], label: str) -> None:
        self._counts = counts
        self._label = label
        counts[label] += 1

    def release(self) -> None:
        self._counts[self._label] -= 1


class RequestMetrics(Collector):
    """Counts and times requests, for the gateway (`gateway_…`) and for services (`service_…`)."""

    def __init__(self, namespace: str, registry: CollectorRegistry) -> None:
        self._namespace = namespace
        self._finished: dict[tuple[str, str, int], Finished] = {}
        self._durations: dict[str, Durations] = defaultdict(Durations)
        self._streams: dict[tuple[str, Stream], Durations] = defaultdict(
            lambda: Durations(STREAM_BUCKETS_S)
        )
        registry.register(self)

    def request_finished(
        self,
        service: str,
        method: str,
        status: int,
        duration_s: float,
        bytes_in: int = 0,
        bytes_out: int = 0,
        stream: Stream | None = None,
    ) -> None:
        """Count a finished request; the duration of a stream goes to a histogram of its own."""
        finished = self._finished.get((service, method, status)) or self._finished_of(
            service, method if method in METHODS else "other", status
        )
        finished.count += 1
        finished.bytes_in += bytes_in
        finished.bytes_out += bytes_out
        durations = finished.durations if stream is None else self._streams[service, stream]
        durations.observe(duration_s)

    def _finished_of(self, service: str, method: str, status: int) -> Finished:
        made = Finished(self._durations[service])
        return self._finished.setdefault((service, method, status), made)

    def collect(self) -> Iterable[Metric]:
        yield counter(
            f"{self._namespace}_requests",
            "Requests answered.",
            ["service", "method", "status"],
            {(s, m, str(status)): f.count for (s, m, status), f in self._finished.items()},
        )
        yield histogram(
            f"{self._namespace}_request_duration_seconds",
            "From the request's head to the answer's last byte; tunnels and event streams are not in it.",
            ["service"],
            [([service], durations) for service, durations in self._durations.items()],
        )
        yield histogram(
            f"{self._namespace}_stream_duration_seconds",
            "How long tunnels and event streams were open, counted when they end.",
            ["service", "kind"],
            list(self._streams.items()),
        )


class GatewayMetrics(RequestMetrics):
    """Adds what only the gateway counts; the names are the contract's.

    `build` has the labels of `gateway_build_info`: versions.
    """

    def __init__(self, registry: CollectorRegistry, build: Mapping[str, str] | None = None) -> None:
        self.registry = registry
        #: Requests being proxied and open tunnels, by service.
        self.in_flight: dict[str, int] = defaultdict(int)
        self.tunnels: dict[str, int] = defaultdict(int)
        #: Open connections to instances, by service and state (`active`, `idle`): asked when scraped.
        self.connections_of: Callable[[], Mapping[tuple[str, str], int]] = dict
        #: Open connections of clients, by state (`active`, `idle`, `stream`): asked when scraped.
        self.client_connections: Callable[[], Mapping[str, int]] = dict
        #: Clients refused for want of descriptors: asked when scraped.
        self.clients_refused: Callable[[], int] = int
        #: TLS handshakes of clients, by how they ended: asked when scraped; empty without TLS.
        self.handshakes: Callable[[], Mapping[str, int]] = dict
        #: Request fields that were dropped because only the gateway may send them.
        self.fields_dropped = 0
        #: Log lines that were dropped because nobody read them in time: asked when scraped.
        self.log_lines_dropped: Callable[[], int] = int
        #: The worker's memories: asked when scraped.
        self.memories: Callable[[], Iterable[Memory[Any, Any]]] = tuple
        #: What requests of this worker hold of limits now, by the limit's name: asked when scraped.
        self.limits_reserved: Callable[[], Mapping[str, int]] = dict
        #: How late the event loop ran a timer.
        self.loop_lag = Durations()
        self._attempts: dict[tuple[str, str], int] = defaultdict(int)
        self._upstream: dict[str, Durations] = defaultdict(Durations)
        self._retries: dict[tuple[str, str], int] = defaultdict(int)
        self._budgets_exhausted: dict[tuple[str], int] = defaultdict(int)
        self._decisions: dict[tuple[str, str], int] = defaultdict(int)
        self._auth_decisions: dict[tuple[str, str], int] = defaultdict(int)
        #: Units by the budget's name.
        self._spent: dict[str, int] = defaultdict(int)
        self._overdrafts: dict[str, int] = defaultdict(int)
        self._costs_not_read: dict[tuple[str, str], int] = defaultdict(int)
        super().__init__("gateway", registry)
        add_process_metrics(registry)
        Info("gateway_build", "What runs: versions.", registry=registry).info(dict(build or {}))
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

    def request_repeated(self, service: str, why: str) -> None:
        """Count a repeat, by what the attempt before ended in."""
        self._retries[service, why] += 1

    def budget_exhausted(self, service: str) -> None:
        """Count a request that was not repeated because the service's budget for repeats was used up."""
        self._budgets_exhausted[service,] += 1

    def limit_decided(self, policy: str, decision: str) -> None:
        """Count a decision: `allowed`, `refused` or `shadow_refused`, with `_locally` while the registry is away."""
        self._decisions[policy, decision] += 1

    def auth_decided(self, way: str, decision: str) -> None:
        """Count what a way of authentication decided.

        It is `admitted`, `refused`, `forbidden`, `undecided`, `answered` or `shadow_refused`.
        """
        self._auth_decisions[way, decision] += 1

    def budget_settled(self, policy: str, spent: int, overdraft: int) -> None:
        """Count the units that a request was charged, and those of them above what it had reserved."""
        self._spent[policy] += spent
        self._overdrafts[policy] += overdraft

    def cost_not_read(self, policy: str, why: str) -> None:
        """Count an answer whose cost was not read."""
        self._costs_not_read[policy, why] += 1

    def collect(self) -> Iterable[Metric]:
        yield from super().collect()
        yield from self._bytes()
        yield from self._upstream_side()
        yield from self._client_side()
        yield counter(
            "gateway_log_lines_dropped",
            "Log lines not written since nobody read those before them, or the disk was full.",
            [],
            {(): self.log_lines_dropped()},
        )
        yield counter(
            "gateway_memory_lookups",
            "Lookups of what might have been met before.",
            ["memory", "result"],
            {
                (memory.name, result): count
                for memory in self.memories()
                for result, count in (("hit", memory.hits), ("miss", memory.misses))
            },
        )
        yield histogram(
            "gateway_event_loop_lag_seconds",
            "How much later than asked for the event loop came to a timer, looked at twice a second.",
            [],
            [([], self.loop_lag)],
        )

    def _bytes(self) -> Iterable[Metric]:
        bytes_in: dict[tuple[str], int] = defaultdict(int)
        bytes_out: dict[tuple[str], int] = defaultdict(int)
        for (service, _, _), finished in list(self._finished.items()):
            bytes_in[service,] += finished.bytes_in
            bytes_out[service,] += finished.bytes_out
        yield counter(
            "gateway_request_bytes",
            "Bytes of request bodies, and of tunnels from clients, counted when the request is over.",
            ["service"],
            bytes_in,
        )
        yield counter(
            "gateway_response_bytes",
            "Bytes of answers' bodies, and of tunnels to clients, counted when the request is over.",
            ["service"],
            bytes_out,
        )

    def _upstream_side(self) -> Iterable[Metric]:
        yield counter(
            "gateway_attempts",
            "Tries at an instance, by how they ended.",
            ["service", "outcome"],
            self._attempts,
        )
        yield counter(
            "gateway_retries",
            "Repeats of requests, by what the attempt before ended in.",
            ["service", "why"],
            self._retries,
        )
        yield counter(
            "gateway_retry_budget_exhausted",
            "Requests that were not repeated since their service had too many repeats already.",
            ["service"],
            self._budgets_exhausted,
        )
        yield histogram(
            "gateway_upstream_duration_seconds",
            "From sending a request's head to an instance to its answer's head.",
            ["service"],
            [([service], durations) for service, durations in self._upstream.items()],
        )
        yield gauge(
            "gateway_upstream_connections",
            "Open connections to instances.",
            ["service", "state"],
            self.connections_of(),
        )

    def _client_side(self) -> Iterable[Metric]:
        yield counter(
            "gateway_rate_limit_decisions",
            "Rate limit decisions.",
            ["policy", "decision"],
            self._decisions,
        )
        yield counter(
            "gateway_auth_decisions",
            "Decisions of ways of authentication.",
            ["way", "decision"],
            self._auth_decisions,
        )
        yield gauge(
            "gateway_limit_reserved",
            "Requests in flight and units of budgets that requests hold now.",
            ["policy"],
            {(policy,): units for policy, units in self.limits_reserved().items()},
        )
        yield counter(
            "gateway_limit_spent",
            "Units of budgets that requests have cost.",
            ["policy"],
            {(policy,): units for policy, units in self._spent.items()},
        )
        yield counter(
            "gateway_limit_overdraft",
            "Units of budgets that requests have cost above what was reserved for them.",
            ["policy"],
            {(policy,): units for policy, units in self._overdrafts.items()},
        )
        yield counter(
            "gateway_limit_costs_not_read",
            "Answers whose cost was not read, so that at least what was reserved is charged.",
            ["policy", "why"],
            self._costs_not_read,
        )
        yield counter(
            "gateway_fields_dropped",
            "Request fields not passed on since they said what only the gateway may say.",
            [],
            {(): self.fields_dropped},
        )
        if handshakes := self.handshakes():
            yield counter(
                "gateway_tls_handshakes",
                "TLS handshakes of clients, by how they ended.",
                ["result"],
                {(result,): count for result, count in handshakes.items()},
            )
        yield counter(
            "gateway_connections_refused",
            "Connections refused since few descriptors were left.",
            [],
            {(): self.clients_refused()},
        )
        yield gauge(
            "gateway_client_connections",
            "Open connections of clients.",
            ["state"],
            {(state,): count for state, count in self.client_connections().items()},
        )
        yield gauge(
            "gateway_requests_in_flight",
            "Requests being proxied now.",
            ["service"],
            {(service,): count for service, count in self.in_flight.items()},
        )
        yield gauge(
            "gateway_tunnels",
            "Connections that switched protocols and are open now.",
            ["service"],
            {(service,): count for service, count in self.tunnels.items()},
        )
