"""The master's log lines."""

import json

import pytest

from gateway.master.log import Log, line_of


def test_a_line_has_the_members_of_the_workers_lines_first() -> None:
    line = line_of("json", "info", "worker.ready", {"slot": 0, "pid": 7}, 1.5)

    assert list(json.loads(line).items()) == [
        ("timestamp", "1970-01-01T00:00:01.500Z"),
        ("level", "info"),
        ("event", "worker.ready"),
        ("service", "api_gateway"),
        ("slot", 0),
        ("pid", 7),
    ]
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1


def test_for_people_a_line_is_no_json() -> None:
    line = line_of("console", "error", "worker.ended", {"detail": "a\nb"}, 0)

    assert line == b"1970-01-01T00:00:00.000Z [error   ] worker.ended detail='a\\nb'\n"


@pytest.mark.parametrize(
    ("level", "events"),
    [("debug", "iwe"), ("info", "iwe"), ("warning", "we"), ("error", "e"), ("unknown", "iwe")],
)
def test_lines_below_the_level_are_not_written(
    capfd: pytest.CaptureFixture[str], level: str, events: str
) -> None:
    log = Log("json", level)
    log.info("i")
    log.warning("w")
    log.error("e")

    assert (
        "".join(json.loads(one)["event"] for one in capfd.readouterr().out.splitlines()) == events
    )
