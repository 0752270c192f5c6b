"""`lockgate logs` shows the selected lines, and says what it can't show."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.test_command_line import LOCKGATE, environment, lockgate, next_line, write_log
from tests.support.stack_stand_ins import until


def line(number: int, level: str = "info", **more: object) -> str:
    timestamp = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
    return json.dumps({"timestamp": timestamp, "level": level, "event": f"e{number}", **more})


def follow(cwd: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*LOCKGATE, "logs", *arguments],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def events(text: str) -> list[str]:
    return [json.loads(one)["event"] for one in text.splitlines()]


def test_the_last_lines_are_the_last_of_those_that_are_asked_for(tmp_path: Path) -> None:
    """The lines were limited before the filter, so that nothing was shown for a service that logs much."""
    for name in ("api_gateway", "price_service"):
        lines = (line(n, "info" if n % 50 else "error", service=name) for n in range(1000))
        write_log(tmp_path, name, *lines)
    wanted = ("--tail", "2", "--service", "price_service", "--level", "error")
    finished = lockgate(tmp_path, "logs", "--no-follow", *wanted)
    assert events(finished.stdout) == ["e900", "e950"]
    by_its_route = lockgate(tmp_path, "logs", "--no-follow", *wanted[:3], "price", *wanted[4:])
    assert by_its_route.stdout == finished.stdout


def test_the_last_lines_are_so_many_in_all(tmp_path: Path) -> None:
    """`--tail 5` showed five lines of each process, with old lines of the registry first."""
    write_log(tmp_path, "api_gateway", *(line(n) for n in (2, 3, 5)))
    write_log(tmp_path, "redis", *(line(n) for n in (0, 1, 4)))
    for count, shown in (("3", ["e3", "e4", "e5"]), ("0", []), ("9", [f"e{n}" for n in range(6)])):
        finished = lockgate(tmp_path, "logs", "--no-follow", "--tail", count)
        assert events(finished.stdout) == shown


def test_an_unknown_service_is_said_with_those_that_there_are(tmp_path: Path) -> None:
    write_log(tmp_path, "api_gateway", line(1))
    write_log(tmp_path, "price_service-2", line(1))
    finished = lockgate(tmp_path, "logs", "--service", "prices")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "prices" in finished.stderr
    assert "api_gateway, price_service" in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_a_correlation_id_is_found_far_back(tmp_path: Path) -> None:
    write_log(tmp_path, "api_gateway", *(line(n, correlation_id=f"c{n}") for n in range(1000)))
    finished = lockgate(tmp_path, "logs", "--no-follow", "--correlation-id", "c7")
    assert events(finished.stdout) == ["e7"]


def test_a_correlation_id_that_is_nowhere_is_said(tmp_path: Path) -> None:
    write_log(tmp_path, "api_gateway", line(1, correlation_id="there"))
    finished = lockgate(tmp_path, "logs", "--no-follow", "--correlation-id", "elsewhere")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "elsewhere" in finished.stderr


def test_a_correlation_id_that_is_nowhere_is_waited_for(tmp_path: Path) -> None:
    write_log(tmp_path, "api_gateway", line(1, correlation_id="there"))
    process = follow(tmp_path, "--correlation-id", "later")
    try:
        assert process.stderr is not None
        assert "waiting" in process.stderr.readline()
        write_log(tmp_path, "api_gateway", line(2), line(3, correlation_id="later"))
        assert next_line(process)["event"] == "e3"
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_ends_without_a_word_when_interrupted(
    tmp_path: Path, number: signal.Signals
) -> None:
    write_log(tmp_path, "api_gateway", line(1))
    process = follow(tmp_path)
    next_line(process)
    process.send_signal(number)
    out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error) == (0, "", "")


def test_a_reader_that_has_enough_ends_it_without_a_word(tmp_path: Path) -> None:
    """An example is `lockgate logs | head -1`."""
    write_log(tmp_path, "api_gateway", *(line(n, padding="x" * 1000) for n in range(1000)))
    process = follow(tmp_path, "--no-follow", "--tail", "1000")
    next_line(process)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    until(lambda: process.poll() is not None)
    assert (process.returncode, process.stderr.read()) == (0, "")
    process.stderr.close()
