"""The tables of README.md and docs/operations.md name what there is, no more and no less."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from discovery.settings import RegistrySettings
from gateway.app import create_app
from gateway.settings import GatewaySettings
from middlewares.metrics import DiscoveryCollector, GatewayMetrics
from middlewares.problems import PROBLEMS
from services.base.failures import SERVICE_PROBLEMS
from services.market_data.settings import MarketDataSettings
from tests.support.documents import ROOT

OPERATIONS = "docs/operations.md"
#: How a default is written that is no number or word.
IN_WORDS = {None: "unset", "": "empty", (): "empty"}
REGISTRY = RegistrySettings()
OF_THE_REGISTRY = {
    "REDIS_URL": REGISTRY.redis_url,
    "REGISTRY_NAMESPACE": REGISTRY.namespace,
    "HEARTBEAT_INTERVAL": REGISTRY.heartbeat_interval_s,
    "INSTANCE_TTL": REGISTRY.instance_ttl_s,
}


def rows(document: str, heading: str) -> list[list[str]]:
    """The rows of the table under a heading, as cells without their code marks."""
    section = (ROOT / document).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]
    ]


def settings_of_the_readme() -> dict[str, str]:
    """Each variable with the default that the table gives it."""
    defaults = {}
    for names, values, *_ in rows("README.md", "Configuration"):
        variables, shown = names.split(", "), values.split(", ")
        shown = shown * len(variables) if len(shown) == 1 else shown
        defaults |= dict(zip(variables, shown, strict=True))
    return defaults


def as_written(value: Any) -> str:
    if isinstance(value, str | tuple | None) and value in IN_WORDS:
        return IN_WORDS[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_each_setting_is_in_the_readme_with_its_default() -> None:
    fields = GatewaySettings.model_fields.items()
    expected = {name.upper(): field.default for name, field in fields if name != "registry"}
    expected |= OF_THE_REGISTRY
    expected |= {
        name.upper(): field.default
        for name, field in MarketDataSettings.model_fields.items()
        if name != "service_port"
    }

    written = settings_of_the_readme()

    assert written.pop("SERVICE_PORT") == "per service"
    assert written == {name: as_written(default) for name, default in expected.items()}


def test_each_reason_is_in_the_table_with_its_status() -> None:
    written = {(int(status), reason) for status, reason, _ in rows(OPERATIONS, "Reasons")}
    assert written == set(PROBLEMS.values())


@pytest.mark.parametrize("problem", SERVICE_PROBLEMS.values(), ids=lambda problem: problem.reason)
def test_each_reason_of_the_services_is_named(problem: Any) -> None:
    assert f"`{problem.reason}`" in (ROOT / OPERATIONS).read_text()


def test_each_metric_is_in_the_table_with_its_labels() -> None:
    registry = CollectorRegistry()
    metrics = GatewayMetrics(registry)
    metrics.connections_of = lambda: {("orders", "idle"): 1}
    metrics.in_flight["orders"] = metrics.tunnels["orders"] = 1
    metrics.request_finished("orders", "GET", 200, 0.1)
    metrics.attempt_finished("orders", "answered", 0.1)
    metrics.limit_decided("default", "allowed")
    metrics.background_failures.labels("watcher")
    metrics.background_running.labels("watcher")
    registry.register(
        DiscoveryCollector(
            instances=lambda: [("orders", "healthy")],
            registry_up=lambda: True,
            registry_writable=lambda: True,
            view_age_s=lambda: 0.1,
            mass_losses=lambda: {"orders": 1},
        )
    )
    real = {}
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        real[name] = set(family.samples[0].labels) - {"le"}

    written = {
        name: {label for label in labels.split(", ") if label}
        for name, labels, _ in rows(OPERATIONS, "Metrics")
    }

    assert written == real


def test_each_endpoint_is_in_the_table() -> None:
    there = {
        (route.method, route.resource.canonical)
        for route in create_app(GatewaySettings()).router.routes()
        if route.resource is not None and route.method not in ("HEAD", "*")
    }
    instance = "/services/{name}/instances/{id}"
    written = set()
    for request, *_ in rows(OPERATIONS, "Endpoints"):
        method, path = request.partition("?")[0].split(" ")
        written.add((method, path.replace("…/{id}", instance)))
    assert written == there
