"""A running stack gets other settings, and more or fewer instances and services, under requests."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.stacks import REPOSITORY, Stack, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.xdist_group("stack")]

PRICES = "/api/price/prices/BTCUSDT"


@contextmanager
def under_requests(stack: Stack, path: str) -> Iterator[list[object]]:
    """Send requests one after another while the block runs; yield their statuses or errors."""
    answers: list[object] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answers.append(stack.get(path).status)
            except OSError as error:
                answers.append(repr(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()


def pids(stack: Stack) -> dict[str, int]:
    return {name: row["pid"] for name, row in stack.processes().items()}


def anew(before: dict[str, int], now: dict[str, int]) -> set[str]:
    return {name for name, pid in now.items() if before.get(name) != pid}


def test_what_is_asked_of_a_running_stack_is_done_and_said(tmp_path: Path) -> None:
    """`RATE_LIMIT_REQUESTS=0 make up` on a running stack said that all is up, but changed nothing."""
    stack = Stack(RATE_LIMIT_REQUESTS="0", HEARTBEAT_INTERVAL="1", INSTANCE_TTL="4")
    try:
        _fewer_services(stack)
        _one_service_restarts_and_no_request_fails(stack)
        _instances_are_added_kept_and_taken_away(stack)
        _a_setting_restarts_the_gateway_alone(stack)
        _a_configuration_file_restarts_the_gateway_alone(stack, tmp_path)
        _another_spelling_of_a_value_restarts_nothing(stack)
        _whoever_reads_along_can_leave(stack)
        _a_closed_terminal_takes_the_change_back(stack)
        _no_service_at_all(stack)
    finally:
        stack.down()


def _fewer_services(stack: Stack) -> None:
    done = stack.make("up", SERVICES="price signal")
    assert done.returncode == 0, done.stderr
    assert set(pids(stack)) == {"registry", "price_service", "signal_service", "api_gateway"}
    assert "price_service needs market_data_service" in done.stderr
    assert places_told(done.stdout) == ["", "/api/price/status", "/api/signal/status"]
    assert {stack.get(path).status for path in places_told(done.stdout)} == {200}

    done = stack.make("up", SERVICES="price_service market_data_service")
    assert done.returncode == 0, done.stderr
    assert set(pids(stack)) == {"registry", "market_data_service", "price_service", "api_gateway"}
    assert "not asked for any more (SCALE, SERVICES): signal_service" in done.stderr
    until(lambda: stack.get(PRICES).status == 200)
    assert places_told(done.stdout) == ["", "/api/market_data/symbols", "/api/price/prices"]
    assert {stack.get(path).status for path in places_told(done.stdout)} == {200}


def places_told(table: str) -> list[str]:
    """The addresses in a table, as paths; they answered 503 if SERVICES left other services out."""
    return [urlsplit(word).path for word in table.split() if word.startswith("http://")]


def _one_service_restarts_and_no_request_fails(stack: Stack) -> None:
    before = pids(stack)
    with under_requests(stack, PRICES) as answers:
        until(lambda: len(answers) > 10)
        done = stack.make("restart", ARGS="price_service")
        there = len(answers)
        until(lambda: len(answers) > there + 10)
    assert done.returncode == 0, done.stderr
    assert [answer for answer in answers if answer != 200] == []
    now = pids(stack)
    assert (anew(before, now), set(now)) == ({"price_service"}, set(before))


def _instances_are_added_kept_and_taken_away(stack: Stack) -> None:
    stack.up(SCALE="price_service=2")
    before = pids(stack)
    assert "price_service-2" in before

    stack.up()
    assert pids(stack) == before
    assert stack.make("restart").returncode == 0
    assert pids(stack).keys() == before.keys()
    assert anew(before, pids(stack)) == set(before)

    before = pids(stack)
    with under_requests(stack, PRICES) as answers:
        until(lambda: len(answers) > 10)
        stack.up(SCALE="price_service=1")
    assert [answer for answer in answers if answer != 200] == []
    now = pids(stack)
    assert (anew(before, now), before.keys() - now.keys()) == (set(), {"price_service-2"})


def _a_setting_restarts_the_gateway_alone(stack: Stack) -> None:
    before = pids(stack)
    stack.environment["RATE_LIMIT_REQUESTS"] = "50"
    done = stack.make("up")
    assert done.returncode == 0, done.stderr
    assert "RATE_LIMIT_REQUESTS: 0 → 50 (api_gateway)" in done.stderr
    assert anew(before, pids(stack)) == {"api_gateway"}
    assert stack.get(PRICES).headers["RateLimit-Policy"].startswith('"default";q=50;')


def _a_configuration_file_restarts_the_gateway_alone(stack: Stack, folder: Path) -> None:
    before = pids(stack)
    file = folder / "lockgate.yaml"
    file.write_text("routes: [{name: here, match: {path: /here}, respond: {body: it is}}]")
    done = stack.make("up", CONFIG=str(file))
    assert done.returncode == 0, done.stderr
    assert f"GATEWAY_CONFIG: unset → {file} (api_gateway)" in done.stderr
    assert anew(before, pids(stack)) == {"api_gateway"}
    assert stack.get("/here").body == b"it is"
    file.write_text("routez: []\nlimitz: {}\n")
    refused = stack.make("up", CONFIG=str(file))
    assert refused.returncode != 0
    for mistake in (f"{file}:1:1: routez: ", f"{file}:2:1: limitz: "):
        assert mistake in refused.stderr
    assert stack.get("/here").body == b"it is"
    assert stack.make("up").returncode == 0


def _another_spelling_of_a_value_restarts_nothing(stack: Stack) -> None:
    """`LOG_LEVEL=INFO make up` said `LOG_LEVEL: info → INFO` and restarted everything."""
    before = pids(stack)
    stack.environment |= {"LOG_LEVEL": "INFO", "RATE_LIMIT_WINDOW": "60.0"}
    done = stack.make("up")
    assert "everything runs already" in done.stderr
    assert pids(stack) == before


def begin_up(stack: Stack, told: str, **variables: str) -> "subprocess.Popen[str]":
    """Start an `up` and wait until it has said `told`."""
    process = subprocess.Popen(
        [REPOSITORY / ".venv/bin/lockgate", "up", "--port-offset", str(stack.offset)],
        cwd=REPOSITORY,
        env=stack.environment | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    until(lambda: process.stdout and told in process.stdout.readline())
    return process


def _whoever_reads_along_can_leave(stack: Stack) -> None:
    """`lockgate up 2>&1 | head -4` left the stack without its gateway or with a stand-in."""
    before = pids(stack)
    stack.environment["LOG_LEVEL"] = "debug"
    process = begin_up(stack, "starting price_service-stand-in")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 0
    now = pids(stack)
    assert (now.keys(), anew(before, now)) == (before.keys(), before.keys() - {"registry"})
    assert stack.get(PRICES).status == 200


def _a_closed_terminal_takes_the_change_back(stack: Stack) -> None:
    before = pids(stack)
    process = begin_up(stack, "starting price_service-stand-in", LOG_LEVEL="warning")
    assert process.stdout is not None
    process.stdout.close()
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 128 + signal.SIGHUP
    until(lambda: pids(stack).keys() == before.keys())
    until(lambda: stack.get(PRICES).status == 200)


def _no_service_at_all(stack: Stack) -> None:
    """Then other programs may use the services' ports."""
    before = pids(stack)
    stack.up(SERVICES="none")
    assert pids(stack) == {name: before[name] for name in ("registry", "api_gateway")}
    found = json.loads(stack.lockgate("doctor", "--json"))
    assert {one["check"]: one["detail"] for one in found if one["state"] == "failed"} == {}
    assert not [one for one in found if one["check"].startswith("port")]
