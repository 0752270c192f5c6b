"""The tables of README.md and docs/operations.md are complete, and links lead somewhere."""

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from discovery.base.steps import at_once
from discovery.model.settings import RegistrySettings
from gateway.app import create_app
from gateway.config.settings import GatewaySettings
from gateway.explaining import documents
from gateway.master.departed import count_replacement
from gateway.siblings.summing.deciding.series import families_of
from gateway.siblings.summing.deciding.sums import members
from gateway.worker.build_info import build_info
from middlewares.compress.counting import CompressCounts
from middlewares.memory import Memory
from middlewares.problems import PROBLEMS
from middlewares.telemetry.cache_metrics import CacheCollector, CacheNumbers
from middlewares.telemetry.certificate_metrics import CertificateCollector
from middlewares.telemetry.composition_metrics import CompositionCollector
from middlewares.telemetry.compress_metrics import CompressCollector
from middlewares.telemetry.discovery_metrics import DiscoveryCollector, verdict_delays
from middlewares.telemetry.metrics import GatewayMetrics
from middlewares.telemetry.mirror_metrics import MirrorCollector, MirrorNumbers
from middlewares.telemetry.split_metrics import SplitCollector, SplitNumbers
from middlewares.telemetry.transform_metrics import TransformCollector
from middlewares.telemetry.validation_metrics import ValidationCollector
from middlewares.telemetry.version_metrics import VersionCollector
from middlewares.telemetry.watched_metrics import WatchedCollector
from services.base.failures import SERVICE_PROBLEMS
from services.market_data.settings import MarketDataSettings
from tests.support.documents import ROOT, rows_of

OPERATIONS = "docs/operations.md"
DOCUMENTS = sorted(chain(ROOT.glob("*.md"), ROOT.glob("docs/**/*.md"), ROOT.glob("bench/*.md")))
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)|(?:src|srcset)=\"([^\"]+)\"")
#: The words for defaults that are no number or word.
IN_WORDS = {None: "unset", "": "empty", (): "empty", False: "false"}
REGISTRY = RegistrySettings()
OF_THE_REGISTRY = {
    "REDIS_URL": REGISTRY.redis_url,
    "REGISTRY_NAMESPACE": REGISTRY.namespace,
    "HEARTBEAT_INTERVAL": REGISTRY.heartbeat_interval_s,
    "INSTANCE_TTL": REGISTRY.instance_ttl_s,
}


def settings_of_the_readme() -> dict[str, str]:
    """Each variable with its default in the table."""
    defaults = {}
    for names, values, *_ in rows_of("README.md", "Configuration"):
        variables, shown = names.split(", "), values.split(", ")
        shown = shown * len(variables) if len(shown) == 1 else shown
        defaults |= dict(zip(variables, shown, strict=True))
    return defaults


def as_written(value: Any) -> str:
    if isinstance(value, str | tuple | bool | None) and value in IN_WORDS:
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
    written = {(int(status), reason) for status, reason, _ in rows_of(OPERATIONS, "Reasons")}
    assert written == set(PROBLEMS.values())


@pytest.mark.parametrize("problem", SERVICE_PROBLEMS.values(), ids=lambda problem: problem.reason)
def test_each_reason_of_the_services_is_named(problem: Any) -> None:
    assert f"`{problem.reason}`" in (ROOT / OPERATIONS).read_text()


def test_each_metric_is_in_the_table_with_its_type_and_labels() -> None:
    registry = CollectorRegistry()
    metrics = GatewayMetrics(registry, build_info())
    metrics.client_connections = lambda: {"idle": 1}
    metrics.connections_of = lambda: {("orders", "idle"): 1}
    metrics.in_flight["orders"] = metrics.tunnels["orders"] = 1
    metrics.request_finished("orders", "GET", 200, 0.1)
    metrics.request_finished("orders", "GET", 101, 60.0, stream="tunnel")
    metrics.attempt_finished("orders", "answered", 0.1)
    metrics.request_repeated("orders", "connect")
    metrics.budget_exhausted("orders")
    metrics.limit_decided("default", "allowed")
    metrics.auth_decided("users", "admitted")
    metrics.handshakes = lambda: {"full": 1}
    metrics.limits_reserved = lambda: {"default": 1}
    metrics.budget_settled("tokens", 1, 1)
    metrics.cost_not_read("tokens", "absent")
    metrics.memories = lambda: [Memory("requests", entries=1, entry_bytes=1)]
    metrics.background_failures.labels("watcher")
    metrics.background_running.labels("watcher")
    registry.register(
        DiscoveryCollector(
            instances=lambda: {"orders": {"healthy": 1, "total": 1}},
            registry_up=lambda: True,
            registry_writable=lambda: True,
            view_age_s=lambda: 0.1,
            mass_losses=lambda: {"orders": 1},
        )
    )
    registry.register(
        ValidationCollector(
            requests=lambda: {("orders", "valid"): 1},
            answers=lambda: {("orders", "valid"): 1},
            fetches=lambda: {"orders": 1},
            ages_s=lambda: {("orders", "1.0.0"): 1},
        )
    )
    registry.register(
        WatchedCollector(
            ejected=lambda: {"orders": 1},
            ejections=lambda: {"orders": 1},
            breakers=lambda: {"orders": "open"},
        )
    )
    route = {"shop": 1}
    registry.register(
        MirrorCollector(
            lambda: MirrorNumbers(
                *({("shop", ">=3", "one"): 1.0},) * 5, in_flight={("shop", ">=3"): 1}
            )
        )
    )
    registry.register(
        CacheCollector(
            lambda: CacheNumbers(
                hits={("shop", "fresh"): 1},
                misses={("shop", "uri-miss"): 1},
                collapsed=route,
                stored=route,
                not_stored={("shop", "private"): 1},
                entries=1,
                bytes=1,
                evicted=0,
                refused=0,
                purged=0,
                dropped=0,
                redis_up=True,
                redis_lost={"late": 1},
            )
        )
    )
    registry.register(
        CertificateCollector(ends_in_s=lambda: {"a.example": 1}, failures=lambda: {"a.example": 0})
    )
    registry.register(
        CompositionCollector(lambda: {("page", "user", "ok"): 1}, held_bytes=lambda: 1)
    )
    compressed = CompressCounts()
    compressed.add(b"gzip", 2, 1)
    registry.register(CompressCollector(compressed))
    registry.register(TransformCollector({("shop", "answer", "not_json"): 1}))
    registry.register(VersionCollector(lambda: {("shop", "1"): 1}))
    registry.register(SplitCollector(lambda: [SplitNumbers("shop", "^1", 1, 0, 1.0)]))
    verdict_delays(registry)(0.001)
    real = {}
    suffixes = {"counter": "_total", "info": "_info"}
    for family in registry.collect():
        labels = set(family.samples[0].labels) - {"le"}
        real[family.name + suffixes.get(family.type, "")] = (family.type, labels)
    replaced: dict[str, float] = {}
    count_replacement(replaced, "crashed")
    for name, kind, _, series in (
        (*family.described, family.series)
        for family in (members(["ready"]), *at_once(families_of(replaced)))
    ):
        real[name + suffixes.get(kind, "")] = (kind, {*series[0].labels[::2]})

    written = {
        name: (kind, {label for label in labels.split(", ") if label})
        for names, kind, labels, _ in rows_of(OPERATIONS, "Metrics")
        for name in names.split(", ")
    }

    assert written == real


def test_each_question_to_prometheus_is_about_metrics_that_there_are() -> None:
    metrics = {name for names, *_ in rows_of(OPERATIONS, "Metrics") for name in names.split(", ")}
    rows = rows_of(OPERATIONS, "Questions and alerts")
    asked = {
        re.sub("_bucket$", "", name)
        for cell in chain.from_iterable(rows)
        for name in re.findall(r"\b(?:gateway|discovery|process)_\w+", cell)
    }

    assert asked, "the tables have moved"
    assert asked <= metrics


def test_each_endpoint_is_in_the_table() -> None:
    there = {
        (route.method, route.resource.canonical)
        for route in create_app(GatewaySettings()).router.routes()
        if route.resource is not None and route.method not in ("HEAD", "*")
    }
    instance = "/services/{name}/instances/{id}"
    written = set()
    for request, *_ in rows_of(OPERATIONS, "Endpoints"):
        method, path = request.partition("?")[0].split(" ")
        written.add((method, path.replace("…/{id}", instance)))
    assert written == there


def anchors(path: Path) -> set[str]:
    """The possible anchors in a link to the file: its headings, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_to_what_there_is(document: Path) -> None:
    nowhere = []
    for file, anchor, image in LINK.findall(document.read_text()):
        target = document.parent / (file or image) if file or image else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            nowhere.append((file or image, anchor))
    assert nowhere == []


def test_each_file_that_contributing_names_is_there() -> None:
    named = re.findall(
        r"`([\w./]+/[\w.]+\.(?:py|lua|md))\b", (ROOT / "CONTRIBUTING.md").read_text()
    )
    files = {name for name in named if not name.endswith("/NAME.py")}
    assert {name for name in files if not (ROOT / name).is_file()} == set()


@pytest.mark.parametrize("package", ["gateway", "discovery"])
def test_contributing_tells_what_is_in_each_folder(package: str) -> None:
    said = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = {path.parent.name for path in ROOT.glob(f"{package}/*/__init__.py")}
    assert {room for room in rooms if f"{room}/`" not in said} == set()


@pytest.mark.parametrize(
    "url", [documents.NO_HEALTHY_INSTANCE, documents.RECIPES], ids=lambda url: url.split("/")[-1]
)
def test_every_document_that_a_message_names_is_in_the_repository_of_the_project(url: str) -> None:
    metadata = (ROOT / "setup.cfg").read_text()
    (repository,) = re.findall(r"^    Source = (.+)$", metadata, re.MULTILINE)
    path, _, anchor = url.removeprefix(f"{repository}/blob/main/").partition("#")
    assert (ROOT / path).is_file()
    assert not anchor or anchor in anchors(ROOT / path)
