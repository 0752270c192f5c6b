"""What commands say of workers that did not answer in time."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.cli.kept_answers import print_shown, print_stats
from gateway.cli.mirror_reports import print_reports
from gateway.cli.missing_workers import missing_workers
from gateway.cli.route_tables import print_compared
from gateway.cli.version_tables import print_versions

ONE = "worker 1 has not answered in time: its part is missing here"
_STORE = {"entries": 0, "bytes": 0, "max_bytes": 1, "evicted": 0, "refused": 0}
_STATS = {
    "routes": {},
    "memory": _STORE,
    "redis": None,
    "misses": {},
    "not_stored": {},
    "used": True,
    "purges": {"current": True},
}


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ([], []),
        ([1], [ONE]),
        ([0, 2], ["workers 0 and 2 have not answered in time: their part is missing here"]),
        ([0, 2, 3], ["workers 0, 2 and 3 have not answered in time: their part is missing here"]),
    ],
)
def test_they_are_named_in_a_sentence(slots: list[int], said: list[str]) -> None:
    assert list(missing_workers({"missing_workers": slots})) == said


@pytest.mark.parametrize(
    ("prints", "document"),
    [
        pytest.param(print_versions, {"services": [], "routes": []}, id="versions"),
        pytest.param(print_reports, {"mirrors": []}, id="mirror report"),
        pytest.param(print_stats, _STATS, id="cache stats"),
        pytest.param(print_shown, {"served": False, "why": "nothing is kept"}, id="cache show"),
        pytest.param(
            print_compared,
            {"file": "f", "differences": [], "requests": {"looked_at": 0, "moved": []}},
            id="diff",
        ),
    ],
)
def test_a_command_says_it_in_its_last_line_and_only_then(
    prints: Callable[[Any], None], document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    prints(document | {"missing_workers": [1]})
    assert capsys.readouterr().out.splitlines()[-1] == ONE

    prints(document)
    assert "answered in time" not in capsys.readouterr().out
