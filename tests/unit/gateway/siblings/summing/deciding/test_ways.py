"""How each metric is made of those of all workers."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.siblings.summing.deciding.ways import GAUGES, Way, way_of

ROOT = Path(__file__).parents[6]
_MAKE_GAUGES = {"gauge", "Gauge", "GaugeMetricFamily", "Info", "EnumMetric", "StateSetMetricFamily"}
_OF_PROCESSES = {
    f"process_{name}"
    for name in (
        *("virtual_memory_bytes", "resident_memory_bytes", "start_time_seconds"),
        *("open_fds", "max_fds"),
    )
}


def gauges_in(source: str) -> Iterator[str]:
    """The names of gauges that some code makes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.args[0] if node.func.id in _MAKE_GAUGES and node.args else None
            if isinstance(name, ast.Constant):
                yield name.value


def test_each_gauge_has_a_way_and_no_way_is_for_none() -> None:
    made = {
        name
        for package in ("discovery", "gateway", "middlewares")
        for file in (ROOT / package).rglob("*.py")
        for name in gauges_in(file.read_text())
    }

    assert made | _OF_PROCESSES == GAUGES.keys()


def test_a_gauge_is_found_in_code() -> None:
    source = 'yield gauge("a_b", "About.", [], {})\nInfo("c", "")\nother("d")'

    assert {*gauges_in(source)} == {"a_b", "c"}


@pytest.mark.parametrize("kind", ["counter", "histogram", "summary"])
def test_what_only_grows_is_added_up_whatever_it_is_called(kind: str) -> None:
    assert way_of("anything", kind) is Way.SUM


def test_a_gauge_goes_by_the_table() -> None:
    assert way_of("gateway_tunnels", "gauge") is Way.SUM
    assert way_of("discovery_registry_up", "gauge") is Way.MIN
    assert way_of("of_another_release", "gauge") is Way.MAX
