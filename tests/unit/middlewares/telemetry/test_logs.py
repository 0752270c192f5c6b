"""Log lines for programs: one JSON object a line, in the contract's format."""

import json
import logging
import re
import time
from collections.abc import Iterator
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from middlewares.telemetry.line_writer import LineWriter
from middlewares.telemetry.logs import (
    configure_logging,
    correlation_id_var,
    event_writer,
    lines_dropped,
    now,
)
from tests.support.pipes import Pipe

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def complete(**members: Any) -> dict[str, Any]:
    """An event as `event_writer` takes it."""
    head = {"timestamp": now(), "level": "info", "event": "request", "service": "api_gateway"}
    return {**head, **members}


class Log:
    """Logging into a pipe, and what came out of it."""

    def __init__(self) -> None:
        self.pipe = Pipe()
        self._writer: LineWriter | None = None

    def configure(self, **kwargs: Any) -> None:
        self._writer = configure_logging(
            service="api_gateway", file_descriptor=self.pipe.write_end, **kwargs
        )

    def text(self) -> bytes:
        assert self._writer is not None
        reading = self.pipe.read_in_background()
        self._writer.close()
        self.pipe.close_write_end()
        return reading()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    one = Log()
    with one.pipe:
        yield one


def test_a_line_begins_with_what_all_lines_have(log: Log) -> None:
    log.configure()

    structlog.get_logger().info("gateway.started", port=8080, host="h")

    (event,) = log.events()
    assert list(event) == ["timestamp", "level", "event", "service", "port", "host"]
    assert TIME.fullmatch(event["timestamp"])
    age = datetime.now(UTC) - datetime.fromisoformat(event["timestamp"])
    assert abs(age.total_seconds()) < 5
    assert (event["level"], event["event"]) == ("info", "gateway.started")
    assert (event["service"], event["port"]) == ("api_gateway", 8080)


def test_a_line_of_one_of_several_workers_says_whose_it_is(log: Log) -> None:
    log.configure(worker=0)

    structlog.get_logger().info("registry.unreachable", detail="d")

    (event,) = log.events()
    assert list(event) == ["timestamp", "level", "event", "service", "worker", "detail"]
    assert event["worker"] == 0


@pytest.mark.parametrize("style", ["json", "console"])
def test_complete_events_do_not_say_which_worker_has_written_them(log: Log, style: str) -> None:
    log.configure(worker=7, style=style)

    event_writer()(complete(path="/"))

    assert b"worker" not in log.text()


@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("debug", "debug"),
        ("info", "info"),
        ("warning", "warning"),
        ("warn", "warning"),
        ("error", "error"),
        ("critical", "critical"),
        ("exception", "error"),
    ],
)
def test_a_line_says_how_bad_it_is(log: Log, method: str, level: str) -> None:
    log.configure(level="debug")

    getattr(structlog.get_logger(), method)("x")

    assert [event["level"] for event in log.events()] == [level]


@pytest.mark.parametrize(
    ("level", "count"), [("debug", 5), ("info", 4), ("warning", 3), ("error", 2), ("critical", 1)]
)
def test_what_is_less_than_the_level_is_not_written(log: Log, level: str, count: int) -> None:
    log.configure(level=level)

    for method in ("debug", "info", "warning", "error", "critical"):
        getattr(structlog.get_logger(), method)("x")

    assert len(log.events()) == count


def test_inside_a_request_a_line_has_its_correlation_id(log: Log) -> None:
    log.configure()

    def in_request() -> None:
        correlation_id_var.set("the-id")
        structlog.get_logger().info("inside", reason="x")

    copy_context().run(in_request)
    structlog.get_logger().info("outside")

    inside, outside = log.events()
    assert list(inside)[:5] == ["timestamp", "level", "event", "service", "correlation_id"]
    assert inside["correlation_id"] == "the-id"
    assert "correlation_id" not in outside


def test_a_correlation_id_that_is_given_stands_before_that_of_the_context(log: Log) -> None:
    log.configure()

    def in_request() -> None:
        correlation_id_var.set("the-id")
        structlog.get_logger().info("x", correlation_id="another")

    copy_context().run(in_request)

    assert log.events()[0]["correlation_id"] == "another"


def test_an_exception_is_one_line_with_its_traceback(log: Log) -> None:
    log.configure()
    try:
        int("no\ngood")
    except ValueError:
        structlog.get_logger().exception("request.failed")

    (event,) = log.events()
    assert event["level"] == "error"
    assert "\nValueError: " in event["exception"]


@pytest.mark.parametrize(
    "value",
    [
        "line\nfeed",
        'quote"',
        "nul\x00",
        "é中",
        "\x1b[31m",
        "\u2028",
        "\x7f\x9b31m\u202e\ufeff\U000e0001",
        ["a", 1, None],
        {"a": {"b": 1}},
        1.5,
    ],
)
def test_a_value_never_breaks_a_line(log: Log, value: Any) -> None:
    log.configure()

    structlog.get_logger().info("x", value=value)
    structlog.get_logger().info("y")

    first, second = log.events()
    assert first["value"] == value
    assert second["event"] == "y"


HOSTILE = "a\x1b[31m\x7f\x85\x9b31m\u061c\u200e\u202e\u2066\u2028\ufeff\U000e0001z\r"


def obeyed(text: str) -> set[str]:
    """The characters in a text's lines that a terminal would obey."""
    return {char for char in text if not char.isprintable()} - {"\n"}


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("way", ["logger", "short"])
def test_nothing_in_a_line_is_an_order_to_a_terminal(log: Log, style: Any, way: str) -> None:
    log.configure(style=style)
    members = {"user_agent": HOSTILE, "nested": {"x": [HOSTILE]}}

    if way == "short":
        event_writer()(complete(**members))
    else:
        structlog.get_logger().info(HOSTILE, **members)

    text = log.text().decode()
    assert obeyed(text) == set()
    assert text.count("\n") == 1
    if style == "json":
        assert json.loads(text)["user_agent"] == HOSTILE


@pytest.mark.parametrize("style", ["json", "console"])
def test_nor_is_anything_in_a_traceback(log: Log, style: Any) -> None:
    log.configure(style=style)

    def fail() -> None:
        raise ValueError(HOSTILE)

    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("request.failed")

    text = log.text().decode()
    assert "ValueError: a" in text
    assert obeyed(text) == set()


@pytest.mark.parametrize("value", ["\udcff", 2**64, -(2**200)])
def test_a_value_that_can_not_be_written_is_no_failure(log: Log, value: Any) -> None:
    log.configure()

    event_writer()(complete(value=value))
    structlog.get_logger().info("x", value=value)

    assert [event["value"] for event in log.events()] == [value, value]


def test_values_that_json_does_not_know_are_written_as_text(log: Log) -> None:
    log.configure()

    structlog.get_logger().info("x", error=ValueError("bad"), numbers={1: "one"})

    (event,) = log.events()
    assert (event["error"], event["numbers"]) == ("bad", {"1": "one"})


def test_lines_for_people_are_no_json(log: Log) -> None:
    log.configure(style="console")

    structlog.get_logger().warning("gateway.stopping", grace_s=10)

    text = log.text().decode()
    assert "gateway.stopping" in text
    assert "grace_s" in text
    assert text.count("\n") == 1
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_lines_keep_their_order_whoever_writes_them(log: Log) -> None:
    log.configure()
    write = event_writer()
    logger = structlog.get_logger()

    for n in range(500):
        logger.info("other", n=n) if n % 2 else write(complete(n=n))

    assert [event["n"] for event in log.events()] == list(range(500))


# The access line's quick way


def test_the_short_way_makes_the_same_line(log: Log) -> None:
    log.configure()
    members = {"correlation_id": "the-id", "method": "GET", "status": 200, "duration_ms": 1.5}

    event_writer()(complete(**members))
    structlog.get_logger().info("request", **members)

    short, long = log.events()
    assert list(short) == list(long)
    assert {**short, "timestamp": ""} == {**long, "timestamp": ""}


@pytest.mark.parametrize(("level", "count"), [("info", 1), ("warning", 0)])
def test_the_short_way_keeps_to_the_level(log: Log, level: str, count: int) -> None:
    log.configure(level=level)

    event_writer()(complete(status=200))

    assert len(log.events()) == count


def test_the_short_way_is_for_people_where_they_read(log: Log) -> None:
    log.configure(style="console")

    event_writer()(complete(status=204))

    text = log.text().decode()
    assert not text.startswith("{")
    assert "204" in text


def test_the_clock_of_lines_goes_on_over_the_second(log: Log) -> None:
    """The part down to the second is made once a second and must not get stale."""
    log.configure()
    logger = structlog.get_logger()
    logger.info("x")
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.005)
    logger.info("x")

    before, after = (datetime.fromisoformat(event["timestamp"]) for event in log.events())
    assert after > before
    assert after.second != before.second or (after - before).total_seconds() > 50


# When it ends, and when nobody reads


def test_what_nobody_read_in_time_is_told_in_the_logs_own_shape(log: Log) -> None:
    log.configure()
    writer = log._writer
    assert writer is not None
    writer._refused += 7

    structlog.get_logger().info("x")

    first, told = log.events()
    assert first["event"] == "x"
    assert list(told) == ["timestamp", "level", "event", "service", "count"]
    assert (told["level"], told["event"], told["count"]) == ("warning", "log.lines_dropped", 7)
    assert told["service"] == "api_gateway"


def test_what_nobody_read_in_time_can_be_asked_for(log: Log) -> None:
    """The gateway's metric gateway_log_lines_dropped_total asks for it."""
    log.configure()
    log.pipe.fill()
    for _ in range(70):
        structlog.get_logger().info("x", detail="x" * 2**20)

    assert 0 < lines_dropped() < 70
    log.text()


def test_configuring_anew_loses_nothing_of_the_old(log: Log) -> None:
    log.configure()
    structlog.get_logger().info("old")

    with Pipe() as other:
        later = configure_logging(service="price_service", file_descriptor=other.write_end)
        structlog.get_logger().info("new")
        later.close()
        reading = other.read_in_background()
        other.close_write_end()
        (new,) = [json.loads(line) for line in reading().splitlines()]

    assert [event["event"] for event in log.events()] == ["old"]
    assert (new["event"], new["service"]) == ("new", "price_service")


def test_the_standard_librarys_logging_is_left_alone(log: Log) -> None:
    before = logging.getLogger().handlers[:]
    log.configure()

    assert logging.getLogger().handlers == before
    assert log.events() == []
