"""What `lockgate doctor` says of the workers of a gateway."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.cli.examining import workers as examined
from gateway.cli.examining.workers import LATELY, workers
from gateway.stack.failures import StackError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Gateway:
    def __init__(self, status: Any) -> None:
        self._status = status

    def get(self, path: str) -> Any:
        assert path == "/status"
        if isinstance(self._status, StackError):
            raise self._status
        return self._status


def found(status: Any) -> list[tuple[str, str]]:
    return [(one.state, one.detail) for one in workers(Gateway(status), NOW)]  # type: ignore[arg-type]


def of(*workers: tuple[str, bool]) -> dict[str, Any]:
    return {
        "worker": {"workers": 2},
        "workers": [
            {"slot": slot % 2, "state": state, "ready": ready, "ended_before": None}
            for slot, (state, ready) in enumerate(workers)
        ],
    }


def with_an_end(why: str, in_a_row: int, ago_s: float, *, state: str = "ready") -> dict[str, Any]:
    """Two workers, before one of which others have ended."""
    status = of(("ready", True), (state, state == "ready"))
    at = NOW - timedelta(seconds=ago_s)
    told = {"at": at.isoformat().replace("+00:00", "Z"), "why": why, "in_a_row": in_a_row}
    status["workers"][1]["ended_before"] = told
    return status


@pytest.mark.parametrize(
    ("status", "cores", "expected"),
    [
        (of(("ready", True), ("ready", True)), 2, [("ok", "2 of 2 are ready")]),
        (of(("ready", True), ("starting", False)), 2, [("warning", "1 of 2 are ready")]),
        (of(("starting", False), ("starting", False)), 2, [("failed", "0 of 2 are ready")]),
        (
            of(("ready", True), ("ready", True), ("stopping", False)),
            1,
            [("warning", "2 of 2 are ready, and 1 core can be used")],
        ),
        ({"worker": {"workers": 1}}, 2, []),
        (StackError("away"), 2, []),
    ],
)
def test_how_many_are_ready(
    status: Any,
    cores: int,
    expected: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(examined, "usable_cores", lambda: cores)
    assert found(status) == expected


EMPTY = "slot 1 is empty: what was started in it has ended, and the next one waits"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (of(("ready", True)), f"1 of 2 are ready; {EMPTY}"),
        (
            with_an_end("crashed", 1, 12.2),
            "2 of 2 are ready; a worker in slot 1 crashed 12 s ago",
        ),
        (
            with_an_end("hung", 4, 0.2, state="starting"),
            "1 of 2 are ready; 4 workers in a row ended by themselves in slot 1, and the last one hung 0 s ago",
        ),
    ],
)
def test_workers_that_end_by_themselves_are_a_warning(
    status: Any, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examined, "usable_cores", lambda: 2)
    (one,) = workers(Gateway(status), NOW)  # type: ignore[arg-type]

    assert (one.state, one.detail) == ("warning", expected)
    assert "worker.ended" in one.advice
    assert "last_line" in one.advice


def test_an_end_that_is_long_ago_is_told_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examined, "usable_cores", lambda: 2)
    long_ago_s = LATELY.total_seconds() + 1
    assert found(with_an_end("crashed", 1, long_ago_s)) == [("ok", "2 of 2 are ready")]
