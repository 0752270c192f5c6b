"""`lockgate` as a user runs it: exit statuses and the stream of logs."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.version import VERSION
from tests.support.registry_servers import free_port
from tests.support.stack_stand_ins import until

LOCKGATE = [sys.executable, "-c", "from lockgate.command import main; main()"]
REPOSITORY = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    ours = {
        key: value
        for key, value in os.environ.items()
        if key not in {"PORT_OFFSET", "SCALE", "SERVICES"}
    }
    return {**ours, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}


def lockgate(cwd: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LOCKGATE, *arguments],
        cwd=cwd,
        env=environment() | variables,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def follow_logs(cwd: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*LOCKGATE, "logs"], cwd=cwd, env=environment(), stdout=subprocess.PIPE, text=True
    )


def next_line(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


def write_log(cwd: Path, name: str, *lines: str) -> None:
    logs = cwd / ".lockgate" / "0" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def event(second: int, text: str) -> str:
    return json.dumps({"timestamp": f"2026-01-01T00:00:{second:02}.5Z", "event": text})


def test_the_version_is_told(tmp_path: Path) -> None:
    assert lockgate(tmp_path, "--version").stdout == f"lockgate {VERSION}\n"


@pytest.mark.parametrize("command", ["up", "down", "restart", "ps", "logs"])
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    finished = lockgate(tmp_path, command, "--help")
    assert finished.returncode == 0
    assert "--port-offset" in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "named"),
    [
        (("up",), {"PORT_OFFSET": "many"}, "PORT_OFFSET='many'"),
        (("up", "--port-offset", "65000"), {}, "PORT_OFFSET='65000'"),
        (("up",), {"SCALE": "prices=2"}, "'prices'"),
        (("restart", "--scale", "price_service=two"), {}, "price_service='two'"),
        (("up",), {"SERVICES": "prices"}, "no service 'prices'"),
        (("up", "--services", "none"), {"SCALE": "price_service=2"}, "SERVICES leaves out"),
        (("restart", "price_service"), {"SCALE": "price_service=2"}, "without names"),
        (("up",), {"REDIS_URL": "http://localhost"}, "REDIS_URL='http://localhost'"),
    ],
)
def test_bad_input_is_named_in_one_line_and_is_status_2(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], named: str
) -> None:
    finished = lockgate(tmp_path, *arguments, **variables)
    assert finished.returncode == 2
    assert named in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_a_registry_that_is_named_and_away_is_said_with_what_to_do(tmp_path: Path) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    finished = lockgate(tmp_path, "up", REDIS_URL=away)
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert f"REDIS_URL={away} does not answer" in line
    assert "unset REDIS_URL and one is started here" in line


def test_of_what_does_not_run_nothing_is_restarted(tmp_path: Path) -> None:
    finished = lockgate(tmp_path, "restart", "price_service")
    assert finished.returncode == 1
    assert "lockgate serve" in finished.stderr


def test_restart_in_an_empty_folder_starts_nothing(tmp_path: Path) -> None:
    """`restart` said that there is no stack, but started the example services at the default ports."""
    finished = lockgate(tmp_path, "restart")
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert "or start one here with `lockgate serve`" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["ps", "down", "logs"])
def test_outside_a_checkout_it_is_said_where_it_was_looked(tmp_path: Path, command: str) -> None:
    finished = lockgate(tmp_path, command)
    assert f"no lockgate serve runs in {tmp_path} or above: change into" in finished.stderr
    assert ("--data-dir" in finished.stderr) == (command != "down")
    assert finished.stderr.count("\n") == 1


def test_where_nothing_ran_there_is_nothing_to_show_or_stop(tmp_path: Path) -> None:
    assert lockgate(tmp_path, "ps", "--json").stdout == "[]\n"
    assert lockgate(tmp_path, "down").returncode == 0
    finished = lockgate(tmp_path, "logs")
    assert finished.returncode == 1
    assert "lockgate serve" in finished.stderr


def test_logs_are_one_stream_in_order_of_time_with_other_output_wrapped(tmp_path: Path) -> None:
    write_log(tmp_path, "api_gateway", event(1, "a"), event(3, "c"))
    write_log(tmp_path, "price_service-2", event(2, "b"), "Traceback", event(4, "d"))
    finished = lockgate(tmp_path, "logs", "--no-follow")
    records = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [record.get("line", record["event"]) for record in records] == [
        "a",
        "b",
        "Traceback",
        "c",
        "d",
    ]
    assert records[2]["service"] == "price_service"


def test_logs_follow_files_that_grow_rotate_and_appear(tmp_path: Path) -> None:
    write_log(tmp_path, "api_gateway", *(event(second, str(second)) for second in range(30)))
    process = follow_logs(tmp_path)
    try:
        assert [next_line(process)["event"] for _ in range(20)] == list(map(str, range(10, 30)))
        write_log(tmp_path, "api_gateway", event(31, "grown"))
        assert next_line(process)["event"] == "grown"
        log = tmp_path / ".lockgate" / "0" / "logs" / "api_gateway.log"
        log.rename(log.with_name("api_gateway.log.1"))
        write_log(tmp_path, "api_gateway", event(32, "rotated"))
        assert next_line(process)["event"] == "rotated"
        write_log(tmp_path, "price_service", event(33, "new"))
        assert next_line(process)["event"] == "new"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


#: A hostile user agent, and the text that is shown for it.
HOSTILE = "\x1b]0;owned\x07\x7f\x9b31m\u202e"
HARMLESS = r"\u001b]0;owned\u0007\u007f\u009b31m\u202e"


def on_a_terminal(cwd: Path, *arguments: str, **variables: str) -> str:
    """What `lockgate` prints on a terminal."""
    ours, theirs = pty.openpty()
    try:
        command = [*LOCKGATE, *arguments]
        settings = environment() | variables
        subprocess.run(command, cwd=cwd, env=settings, stdout=theirs, timeout=50, check=True)
        return os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_on_a_terminal_logs_are_coloured_lines_that_give_it_no_orders(tmp_path: Path) -> None:
    record = {"timestamp": "2026-01-01T00:00:00Z", "level": "error", "event": "request"}
    write_log(tmp_path, "api_gateway", json.dumps(record | {"user_agent": HOSTILE}))

    shown = on_a_terminal(tmp_path, "logs", "--no-follow")
    assert "\x1b[31merror" in shown
    assert rf"user_agent={HARMLESS}" in shown

    plain = on_a_terminal(tmp_path, "logs", "--no-follow", NO_COLOR="1")
    assert "\x1b" not in plain
    line = on_a_terminal(tmp_path, "logs", "--no-follow", "--json").strip()
    assert json.loads(line)["user_agent"] == HOSTILE
    for text in (plain, line):
        assert all(character.isprintable() or character in "\r\n" for character in text)


def test_following_logs_ends_when_nobody_reads_though_nothing_is_logged(tmp_path: Path) -> None:
    write_log(tmp_path, "api_gateway", event(1, "a"))
    process = follow_logs(tmp_path)
    next_line(process)
    assert process.stdout is not None
    process.stdout.close()
    until(lambda: process.poll() is not None)
    assert process.returncode == 0
