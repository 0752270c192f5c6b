"""Log lines as JSON objects, and their order."""

import json
import time
from collections.abc import Iterator

import pytest

from gateway.stack.logs.lines import as_json_object, service_of, sort_key

THEN = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def _in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_an_object_passes_as_it_is() -> None:
    line = {"timestamp": THEN, "event": "request", "service": "api_gateway", "nested": {"a": [1]}}
    assert as_json_object(json.dumps(line), service="other", otherwise_at="never") == line


@pytest.mark.parametrize("line", ["plain words", "[1, 2]", '"text"', "12", "null", '{"cut'])
def test_everything_else_is_wrapped(line: str) -> None:
    assert as_json_object(line, service="price_service", otherwise_at=THEN) == {
        "timestamp": THEN,
        "level": "info",
        "event": "output",
        "service": "price_service",
        "line": line,
    }


@pytest.mark.usefixtures("_in_new_york")
@pytest.mark.parametrize(
    ("line", "timestamp", "level"),
    [
        ("99:M 24 Nov 2025 13:40:00.123 * Ready", "2025-11-24T18:40:00.123Z", "info"),
        ("99:M 24 Jul 2025 13:40:00.123 # Warned", "2025-07-24T17:40:00.123Z", "warning"),
        ("2025-11-24 13:55:55,826 CRIT No", "2025-11-24T18:55:55.826Z", "critical"),
        ("2025-11-24 13:55:55,826 INFO Yes", "2025-11-24T18:55:55.826Z", "info"),
        ("2025-99-24 13:55:55,826 INFO Odd", THEN, "info"),
    ],
)
def test_time_and_level_of_the_registry_and_the_supervisor_are_understood(
    line: str, timestamp: str, level: str
) -> None:
    wrapped = as_json_object(line, service="registry", otherwise_at=THEN)
    assert (wrapped["timestamp"], wrapped["level"]) == (timestamp, level)


def test_the_log_of_a_further_instance_belongs_to_its_service() -> None:
    assert service_of("price_service-2") == "price_service"
    assert service_of("price_service") == "price_service"


def test_lines_are_ordered_by_time_whatever_their_precision() -> None:
    in_order = [
        {"event": "no time"},
        {"timestamp": "2026-01-01T00:00:00Z"},
        {"timestamp": "2026-01-01T00:00:00.000001Z"},
        {"timestamp": "2026-01-01T00:00:00.1Z"},
        {"timestamp": "2026-01-01T00:00:00.123Z"},
        {"timestamp": "2026-01-01T00:00:01Z"},
    ]
    latest_first = list(reversed(in_order))
    assert sorted(latest_first, key=sort_key) == in_order
