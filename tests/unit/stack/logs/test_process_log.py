"""The log of one process: lines are filtered first and then limited in number."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.stack.logs.filter import LogFilter
from gateway.stack.logs.process_log import ProcessLog

EVERYTHING = LogFilter()
ERRORS = LogFilter(level="error")


def line(number: int, level: str = "info", **more: object) -> str:
    return json.dumps({"timestamp": f"t{number:04}", "level": level, "event": f"e{number}", **more})


def log_of(folder: Path, *lines: str, rotated: str = "") -> Path:
    path = folder / f"price_service-2.log{rotated}"
    path.write_text("".join(f"{one}\n" for one in lines))
    return path


def events(records: list[dict[str, Any]]) -> list[str]:
    return [record.get("line", record["event"]) for record in records]


def last(path: Path, most: int, wanted: LogFilter = EVERYTHING) -> list[dict[str, Any]]:
    log = ProcessLog(path, from_end=True)
    try:
        return log.last_records(most, wanted)
    finally:
        log.close()


def test_what_is_wanted_is_chosen_before_the_rest_is_cut_off(tmp_path: Path) -> None:
    """`--tail 20 --level error` showed nothing if the last 20 lines held no error."""
    path = log_of(tmp_path, *(line(n, "error" if n % 100 == 0 else "info") for n in range(1000)))
    assert events(last(path, 3, ERRORS)) == ["e700", "e800", "e900"]


def test_what_is_wanted_may_be_in_rotated_files(tmp_path: Path) -> None:
    log_of(tmp_path, line(1, "error"), line(2, "error"), line(3), rotated=".2")
    log_of(tmp_path, line(4), line(5, "error"), rotated=".1")
    path = log_of(tmp_path, line(6), line(7, "error"))
    assert events(last(path, 3, ERRORS)) == ["e2", "e5", "e7"]
    assert events(last(path, 9, ERRORS)) == ["e1", "e2", "e5", "e7"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (LogFilter(correlation_id="a"), ["e1", "e3"]),
        (LogFilter(correlation_id="nowhere"), []),
        (LogFilter(service="price_service"), ["e2", "output"]),
        (LogFilter(service="price_service-2"), ["e1", "e2", "e3", "output"]),
    ],
)
def test_a_line_is_found_by_each_wish(tmp_path: Path, wanted: LogFilter, found: list[str]) -> None:
    path = log_of(
        tmp_path,
        line(1, correlation_id="a"),
        line(2, correlation_id="b", service="price_service"),
        line(3, correlation_id="a", service="another"),
        "some output",
    )
    assert [record["event"] for record in last(path, 9, wanted)] == found


def test_lines_without_a_time_have_that_of_the_line_before_them(tmp_path: Path) -> None:
    path = log_of(tmp_path, line(1), "Traceback", "  File", line(2), "Traceback")
    times = [record["timestamp"] for record in last(path, 2)]
    assert times == ["t0002", "t0002"]
    assert [record["timestamp"] for record in last(path, 4)] == ["t0001", "t0001", "t0002", "t0002"]


def test_a_first_line_without_a_time_has_that_of_the_file(tmp_path: Path) -> None:
    (record,) = last(log_of(tmp_path, "Traceback"), 5)
    assert record["timestamp"].startswith("20")


def test_none_are_the_last_none(tmp_path: Path) -> None:
    assert last(log_of(tmp_path, line(1)), 0) == []
