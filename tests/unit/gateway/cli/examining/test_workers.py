"""What `lockgate doctor` says of the workers of a gateway."""

from typing import Any

import pytest

from gateway.cli.examining import workers as examined
from gateway.cli.examining.workers import workers
from gateway.stack.failures import StackError


class Gateway:
    def __init__(self, status: Any) -> None:
        self._status = status

    def get(self, path: str) -> Any:
        assert path == "/status"
        if isinstance(self._status, StackError):
            raise self._status
        return self._status


def found(status: Any) -> list[tuple[str, str]]:
    return [(one.state, one.detail) for one in workers(Gateway(status))]  # type: ignore[arg-type]


def of(*workers: tuple[str, bool]) -> dict[str, Any]:
    return {
        "worker": {"workers": 2},
        "workers": [{"state": state, "ready": ready} for state, ready in workers],
    }


@pytest.mark.parametrize(
    ("status", "cores", "expected"),
    [
        (of(("ready", True), ("ready", True)), 2, [("ok", "2 of 2 are ready")]),
        (of(("ready", True), ("starting", False)), 2, [("warning", "1 of 2 are ready")]),
        (of(("starting", False)), 2, [("failed", "0 of 2 are ready")]),
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
