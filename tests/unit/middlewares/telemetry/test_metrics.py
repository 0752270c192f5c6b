"""What a scrape shows: Prometheus' formats, under the contract's names."""

import random
import shutil
import subprocess
from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from middlewares.telemetry.discovery_metrics import DiscoveryCollector
from middlewares.telemetry.metric_families import BUCKETS_S, STREAM_BUCKETS_S, Durations
from middlewares.telemetry.metrics import METHODS, GatewayMetrics, RequestMetrics

#: The contract's names, with their types and labels.
CONTRACT = {
    "gateway_requests_total": ("counter", {"service", "method", "status"}),
    "gateway_request_duration_seconds": ("histogram", {"service"}),
    "gateway_upstream_duration_seconds": ("histogram", {"service"}),
    "gateway_requests_in_flight": ("gauge", {"service"}),
    "gateway_attempts_total": ("counter", {"service", "outcome"}),
    "gateway_rate_limit_decisions_total": ("counter", {"policy", "decision"}),
    "gateway_upstream_connections": ("gauge", {"service", "state"}),
    "gateway_stream_duration_seconds": ("histogram", {"service", "kind"}),
    "gateway_request_bytes_total": ("counter", {"service"}),
    "gateway_response_bytes_total": ("counter", {"service"}),
    "gateway_client_connections": ("gauge", {"state"}),
    "gateway_event_loop_lag_seconds": ("histogram", set()),
    "gateway_build_info": ("gauge", {"version", "python"}),
    "process_cpu_seconds_total": ("counter", set()),
    "process_resident_memory_bytes": ("gauge", set()),
    "process_start_time_seconds": ("gauge", set()),
    "process_open_fds": ("gauge", set()),
    "discovery_instances": ("gauge", {"service", "status"}),
    "discovery_registry_up": ("gauge", set()),
    "discovery_registry_writable": ("gauge", set()),
    "discovery_view_age_seconds": ("gauge", set()),
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def scraped(registry: CollectorRegistry) -> dict[str, Metric]:
    """The families as a Prometheus server reads them from the text."""
    text = generate_latest(registry).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def discovery(
    instances: Mapping[str, Mapping[str, int]] | None = None,
    up: bool = True,
    writable: bool = True,
    age_s: float | None = 1.5,
) -> DiscoveryCollector:
    return DiscoveryCollector(
        instances=lambda: instances or {},
        registry_up=lambda: up,
        registry_writable=lambda: writable,
        view_age_s=lambda: age_s,
        mass_losses=lambda: {"orders": 2},
    )


def busy(registry: CollectorRegistry) -> GatewayMetrics:
    """The metrics of a gateway that has done a little of everything."""
    metrics = GatewayMetrics(registry, {"version": "1.2.3", "python": "3.11.7"})
    registry.register(discovery({"orders": {"total": 1, "healthy": 1, "starting": 0}}))
    metrics.request_finished("orders", "GET", 200, 0.004, 0, 146)
    metrics.request_finished("orders", "GET", 101, 7200, 5, 10, "tunnel")
    metrics.client_connections = lambda: {"idle": 3, "active": 1, "stream": 1}
    metrics.loop_lag.observe(0.002)
    metrics.attempt_finished("orders", "answered", 0.003)
    metrics.limit_decided("default", "allowed")
    metrics.in_flight["orders"] += 1
    metrics.connections_of = lambda: {("orders", "idle"): 2, ("orders", "active"): 1}
    return metrics


def test_every_name_of_the_contract_is_there_with_its_type_and_labels(
    registry: CollectorRegistry,
) -> None:
    busy(registry)

    families = scraped(registry)

    for name, (kind, labels) in CONTRACT.items():
        family = families[name.removesuffix("_total") if kind == "counter" else name]
        assert family.type == kind, name
        assert family.documentation, name
        assert family.samples, name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == labels, name


def test_no_sample_comes_twice(registry: CollectorRegistry) -> None:
    busy(registry)

    samples = [
        (sample.name, *sorted(sample.labels.items()))
        for family in scraped(registry).values()
        for sample in family.samples
    ]

    assert len(samples) == len(set(samples))


def test_requests_are_counted_by_service_method_and_status(registry: CollectorRegistry) -> None:
    metrics = GatewayMetrics(registry)
    for service, method, status in [
        ("a", "GET", 200),
        ("a", "GET", 200),
        ("a", "POST", 200),
        ("a", "GET", 502),
        ("b", "GET", 200),
    ]:
        metrics.request_finished(service, method, status, 0.1)

    def count(service: str, method: str, status: str) -> float | None:
        labels = {"service": service, "method": method, "status": status}
        return registry.get_sample_value("gateway_requests_total", labels)

    assert count("a", "GET", "200") == 2
    assert count("a", "POST", "200") == 1
    assert count("a", "GET", "502") == 1
    assert count("b", "GET", "200") == 1
    assert count("b", "POST", "200") is None


@pytest.mark.parametrize("method", ["PURGE", "get", "", "X" * 5000, 'a"b\n'])
def test_methods_that_nobody_knows_share_one_label(
    registry: CollectorRegistry, method: str
) -> None:
    """A label set for each method that a client invents would use up all memory."""
    metrics = GatewayMetrics(registry)

    metrics.request_finished("a", method, 400, 0.0)

    labels = {"service": "a", "method": "other", "status": "400"}
    assert registry.get_sample_value("gateway_requests_total", labels) == 1


def test_methods_that_everybody_knows_have_their_own(registry: CollectorRegistry) -> None:
    metrics = GatewayMetrics(registry)
    for method in METHODS:
        metrics.request_finished("a", method, 200, 0.0)

    samples = scraped(registry)["gateway_requests"].samples

    assert {sample.labels["method"] for sample in samples} == METHODS


@pytest.mark.parametrize("seed", range(5))
def test_a_histogram_is_the_one_that_prometheus_would_make(seed: int) -> None:
    rng = random.Random(seed)
    seconds = [rng.choice([*BUCKETS_S, 0.0, 31.0, 1e6, rng.expovariate(3)]) for _ in range(500)]
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    metrics = RequestMetrics("gateway", ours)
    histogram = Histogram(
        "gateway_request_duration_seconds", "", ["service"], buckets=BUCKETS_S, registry=theirs
    )
    for one in seconds:
        metrics.request_finished("a", "GET", 200, one)
        histogram.labels("a").observe(one)

    def samples(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
        family = scraped(registry)["gateway_request_duration_seconds"]
        return {(s.name, s.labels.get("le", "")): s.value for s in family.samples}

    expected = {
        key: value for key, value in samples(theirs).items() if not key[0].endswith("_created")
    }
    assert samples(ours) == pytest.approx(expected)


def test_a_duration_on_a_bound_is_within_it() -> None:
    durations = Durations()
    durations.observe(0.001)
    durations.observe(0.0011)

    assert durations.buckets()[:2] == [("0.001", 1.0), ("0.0025", 2.0)]
    assert durations.buckets()[-1] == ("+Inf", 2.0)
    assert durations.sum_s == pytest.approx(0.0021)


def test_a_stream_of_two_hours_does_not_make_requests_look_slow(
    registry: CollectorRegistry,
) -> None:
    """A tunnel of hours counted among requests of milliseconds, and determined the sum and every mean."""
    metrics = GatewayMetrics(registry)
    metrics.request_finished("chat", "GET", 200, 0.01)
    metrics.request_finished("chat", "GET", 101, 7200.0, stream="tunnel")
    metrics.request_finished("chat", "GET", 499, 90_000.0, stream="event_stream")

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"gateway_{name}", {"service": "chat", **labels})

    assert value("request_duration_seconds_count") == 1
    assert value("request_duration_seconds_sum") == 0.01
    assert value("stream_duration_seconds_sum", kind="tunnel") == 7200.0
    assert value("stream_duration_seconds_bucket", kind="tunnel", le="7200.0") == 1
    assert value("stream_duration_seconds_bucket", kind="tunnel", le="3600.0") == 0
    assert value("stream_duration_seconds_bucket", kind="event_stream", le="86400.0") == 0
    assert value("stream_duration_seconds_count", kind="event_stream") == 1
    assert value("requests_total", method="GET", status="101") == 1, "it is a request all the same"


def test_a_service_of_streams_alone_has_no_empty_histogram_of_requests(
    registry: CollectorRegistry,
) -> None:
    GatewayMetrics(registry).request_finished("chat", "GET", 101, 60.0, stream="tunnel")

    assert scraped(registry)["gateway_request_duration_seconds"].samples == []


def test_the_bounds_of_streams_go_from_a_second_to_a_day() -> None:
    assert (STREAM_BUCKETS_S[0], STREAM_BUCKETS_S[-1]) == (1.0, 86400.0)
    assert list(STREAM_BUCKETS_S) == sorted(set(STREAM_BUCKETS_S))


def test_bytes_are_summed_by_service(registry: CollectorRegistry) -> None:
    metrics = GatewayMetrics(registry)
    metrics.request_finished("a", "POST", 200, 0.1, 1000, 20)
    metrics.request_finished("a", "GET", 101, 60.0, 7, 3, "tunnel")
    metrics.request_finished("b", "GET", 200, 0.1, 0, 5)

    def value(name: str, service: str) -> float | None:
        return registry.get_sample_value(f"gateway_{name}_bytes_total", {"service": service})

    assert (value("request", "a"), value("response", "a")) == (1007, 23)
    assert (value("request", "b"), value("response", "b")) == (0, 5)


def test_both_formats_can_be_read(registry: CollectorRegistry) -> None:
    """OpenMetrics' parser is stricter about names, suffixes and the order of buckets."""
    busy(registry)

    text = scraped(registry)
    strict = {
        family.name: family
        for family in openmetrics_families(openmetrics.generate_latest(registry).decode())
    }

    assert strict.keys() - {"gateway_build"} == text.keys() - {"gateway_build_info"}
    assert strict["gateway_build"].type == "info"
    for family in strict.values():
        assert family.type != "unknown", family.name


def test_promtool_has_nothing_to_say(registry: CollectorRegistry) -> None:
    """Names, units and help texts are as Prometheus wants them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool, of the package prometheus, is not installed")
    busy(registry)

    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=generate_latest(registry),
        capture_output=True,
        check=False,
    )

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_only_attempts_that_were_answered_are_timed(registry: CollectorRegistry) -> None:
    metrics = GatewayMetrics(registry)
    metrics.attempt_finished("a", "answered", 0.5)
    metrics.attempt_finished("a", "upstream_timeout", 30.0)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"service": "a", **labels})

    assert value("gateway_attempts_total", outcome="answered") == 1
    assert value("gateway_attempts_total", outcome="upstream_timeout") == 1
    assert value("gateway_upstream_duration_seconds_count") == 1
    assert value("gateway_upstream_duration_seconds_sum") == 0.5


def test_gauges_follow_what_is_now(registry: CollectorRegistry) -> None:
    metrics = busy(registry)
    metrics.in_flight["orders"] -= 1
    metrics.tunnels["orders"] += 1
    metrics.connections_of = lambda: {("orders", "idle"): 5}

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"service": "orders", **labels})

    assert value("gateway_requests_in_flight") == 0
    assert value("gateway_tunnels") == 1
    assert value("gateway_upstream_connections", state="idle") == 5
    assert value("gateway_upstream_connections", state="active") is None


@pytest.mark.parametrize(("up", "value"), [(True, 1.0), (False, 0.0)])
def test_the_registrys_state_is_a_number(
    registry: CollectorRegistry, up: bool, value: float
) -> None:
    registry.register(discovery(up=up, writable=not up))

    assert registry.get_sample_value("discovery_registry_up") == value
    assert registry.get_sample_value("discovery_registry_writable") == 1 - value


def test_mass_losses_are_counted_by_service(registry: CollectorRegistry) -> None:
    registry.register(discovery())

    (sample,) = scraped(registry)["discovery_mass_losses"].samples

    assert (sample.name, sample.labels) == ("discovery_mass_losses_total", {"service": "orders"})
    assert sample.value == 2


def test_without_a_view_there_is_no_age(registry: CollectorRegistry) -> None:
    registry.register(discovery(age_s=None))

    assert registry.get_sample_value("discovery_view_age_seconds") is None


def test_instances_are_counted_by_service_and_status(registry: CollectorRegistry) -> None:
    registry.register(
        discovery(
            {
                "a": {"total": 3, "healthy": 2, "draining": 1, "starting": 0},
                "b": {"total": 1, "starting": 1},
            }
        )
    )

    samples = scraped(registry)["discovery_instances"].samples
    assert {(s.labels["service"], s.labels["status"]): s.value for s in samples} == {
        ("a", "healthy"): 2,
        ("a", "draining"): 1,
        ("b", "starting"): 1,
    }


def test_services_have_the_same_under_their_own_name(registry: CollectorRegistry) -> None:
    RequestMetrics("service", registry).request_finished("price", "GET", 200, 0.1)

    assert set(scraped(registry)) == {
        "service_requests",
        "service_request_duration_seconds",
        "service_stream_duration_seconds",
    }
