"""`make up` as a user runs it: five services behind one gateway are killed and come back."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import psutil
import pytest

from gateway.stack.plan import SERVICE_PORTS
from gateway.stack.state import stack_state
from tests.support.eventually import eventually
from tests.support.stacks import REPOSITORY, Reply, Stack, until
from tests.support.terminals import PROMPT, Terminal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.xdist_group("stack")]

#: A path of each service that answers when all is well.
PATHS = {
    "market_data_service": "/api/market_data/symbols",
    "market_analyzer_service": "/api/market_analyzer/analysis/BTCUSDT",
    "price_service": "/api/price/prices/BTCUSDT",
    "signal_service": "/api/signal/signals/BTCUSDT",
    "notification_service": "/api/notification/notifications",
}
#: The services that answer 503 when a service is gone.
DEPEND_ON = {
    "market_data_service": ["price_service", "market_analyzer_service"],
    "market_analyzer_service": ["signal_service"],
    "price_service": ["signal_service"],
    "signal_service": [],
    "notification_service": [],
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # Short leases, so that a killed process's registration ends during the test.
    stack = Stack(RATE_LIMIT_REQUESTS="100000", HEARTBEAT_INTERVAL="1", INSTANCE_TTL="4")
    try:
        said = stack.up()
        assert "Lockgate is up" in said
        yield stack
    finally:
        stack.down()


@pytest.fixture(autouse=True)
def settled(request: pytest.FixtureRequest) -> None:
    """Wait until all is well before each test, whatever the last one did."""
    if "stack" in request.fixturenames:
        stack: Stack = request.getfixturevalue("stack")
        until(lambda: all_answer(stack))


def all_answer(stack: Stack) -> bool:
    return all(stack.get(path).status == 200 for path in PATHS.values())


def instances(stack: Stack, service: str) -> set[str]:
    """The ids of the listed instances."""
    listed = stack.get(f"/services/{service}").json().get("instances", [])
    return {instance["id"] for instance in listed}


def test_every_service_answers_through_the_gateway(stack: Stack) -> None:
    listed = {service["name"] for service in stack.get("/services").json()["services"]}

    assert set(PATHS) <= listed
    assert {stack.get(path).status for path in PATHS.values()} == {200}


def test_one_correlation_id_runs_through_the_gateway_and_four_services(stack: Stack) -> None:
    answer = stack.get(PATHS["signal_service"], X_Correlation_ID="e2e-trace-1")

    def who_logged_it() -> set[str]:
        return {
            line["service"] for line in stack.logs() if line.get("correlation_id") == "e2e-trace-1"
        }

    assert answer.headers["X-Correlation-ID"] == "e2e-trace-1"
    reached = {"market_data_service", "market_analyzer_service", "price_service", "signal_service"}
    until(lambda: who_logged_it() >= {"api_gateway", *reached})


def test_every_log_line_is_an_object_with_time_level_event_and_service(stack: Stack) -> None:
    lines = stack.logs()

    assert lines
    assert all({"timestamp", "level", "event", "service"} <= line.keys() for line in lines)
    assert {"api_gateway", "registry"} <= {line["service"] for line in lines}
    # Only the output of foreign programs is wrapped.
    foreign = {line["service"] for line in lines if line["event"] == "output"}
    assert foreign.isdisjoint({"api_gateway", *PATHS})


def test_what_runs_is_told_with_the_pids_of_the_processes_themselves(stack: Stack) -> None:
    processes = stack.processes()

    assert set(processes) >= {"api_gateway", "registry", *PATHS}
    members = {"name", "service", "pid", "port", "uptime_s", "health"}
    assert all(set(row) == members for row in processes.values())
    for name, port in SERVICE_PORTS.items():
        assert processes[name]["port"] == port + stack.offset
        assert "lockgate.services" in psutil.Process(processes[name]["pid"]).cmdline()


def test_a_second_make_up_changes_nothing(stack: Stack) -> None:
    before = {name: row["pid"] for name, row in stack.processes().items()}

    stack.up()

    assert {name: row["pid"] for name, row in stack.processes().items()} == before


async def test_every_address_of_the_table_is_whole_on_80_columns_and_answers_200(
    stack: Stack,
) -> None:
    """Each address was a 404 of the service, which looks like one of the gateway."""
    variables = stack.environment | {"COLUMNS": "80"}
    async with Terminal(sys.executable, REPOSITORY, variables) as terminal:
        terminal.type(f".venv/bin/lockgate ps --port-offset {stack.offset}\n")
        await eventually(
            lambda: re.search(rf"where\b.*{PROMPT}", terminal.shown, re.DOTALL), within_s=40
        )
        lines = terminal.shown.splitlines()[1:]

    assert max(map(len, lines)) <= 80
    addresses = [word for line in lines for word in line.split() if word.startswith("http")]
    assert [
        address.removeprefix(f"http://localhost:{stack.gateway_port}") for address in addresses
    ] == [
        "",
        "/api/market_analyzer/analysis/BTCUSDT",
        "/api/market_data/symbols",
        "/api/notification/notifications",
        "/api/price/prices",
        "/api/signal/signals",
    ]
    async with aiohttp.ClientSession() as session:
        for address in addresses:
            async with session.get(address) as answer:
                assert answer.status == 200, address


@contextmanager
def supervisor_stands(stack: Stack) -> Iterator[None]:
    """Start no process again within the block."""
    supervisor = int((stack.folder / "supervisord.pid").read_text())
    os.kill(supervisor, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


@pytest.mark.parametrize("killed", PATHS)
def test_a_killed_service_is_missed_with_a_reason_and_comes_back(stack: Stack, killed: str) -> None:
    registered = instances(stack, killed)
    pid = stack.processes()[killed]["pid"]
    with supervisor_stands(stack):
        os.kill(pid, signal.SIGKILL)
        refused = stack.get(PATHS[killed])
        missed = {name: stack.get(PATHS[name]) for name in DEPEND_ON[killed]}

    assert refused.status in (502, 503), refused.body
    assert refused.json()["reason"] in (
        "upstream_reset",
        "upstream_unreachable",  # the kernel took the connection while the process was ending
        "no_healthy_instance",
    )
    assert {name: _reason(reply) for name, reply in missed.items()} == dict.fromkeys(
        missed, (503, "dependency_unavailable")
    )
    until(lambda: stack.processes().get(killed, {}).get("pid") not in (None, pid))
    until(lambda: all_answer(stack))
    # It has taken its old place, so nothing is listed twice.
    assert instances(stack, killed) == registered


async def test_prices_come_over_a_websocket_through_the_gateway(stack: Stack) -> None:
    url = f"{stack.url}/api/price/ws?symbols=BTCUSDT"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url) as ws,
        asyncio.timeout(20),
    ):
        async for message in ws:
            said = message.json()
            if said["type"] == "price":
                break

    assert (said["symbol"], said["price"] > 0) == ("BTCUSDT", True)


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ("/api/market_data/ticks?symbol=BTCUSDT", b"event: tick"),
        ("/api/notification/notifications/stream", b"event: notification"),
    ],
)
async def test_events_are_streamed_through_the_gateway(
    stack: Stack, path: str, event: bytes
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        asyncio.timeout(20),
        session.get(stack.url + path) as response,
    ):
        assert response.content_type == "text/event-stream"
        post = {"kind": "test", "message": "from a test"}
        async with session.post(stack.url + PATHS["notification_service"], json=post) as made:
            assert made.status == 201
        while (await response.content.readline()).strip() != event:
            pass


def test_more_instances_of_a_service_share_its_load() -> None:
    stack = Stack(RATE_LIMIT_REQUESTS="0")

    def answering() -> set[str]:
        return {stack.get("/api/price/status").json()["instance_id"] for _ in range(30)}

    try:
        stack.up()
        stack.up(SCALE="price_service=3")
        until(lambda: len(answering()) == 3)
        names = [row["service"] for row in stack.processes().values()]
    finally:
        stack.down()

    assert names.count("price_service") == 3


def test_down_ends_everything_that_was_started_and_nothing_else() -> None:
    stack = Stack()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        stack.up()
        pids = [row["pid"] for row in stack.processes().values()]
        stack.make("restart")
        pids += [row["pid"] for row in stack.processes().values()]
    finally:
        stack.down()

    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert not stack_state(REPOSITORY, stack.offset).supervisor_socket.exists()
    assert stranger.poll() is None
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", stack.gateway_port)) != 0
    stranger.communicate()


def test_a_port_that_is_taken_is_named_and_nothing_is_left_running() -> None:
    stack = Stack()
    with socket.create_server(("127.0.0.1", stack.gateway_port)):
        done = stack.make("up")
    processes = stack.make("ps")
    stack.down()

    assert done.returncode != 0
    assert f"port {stack.gateway_port}" in done.stdout + done.stderr
    assert "PORT_OFFSET" in done.stdout + done.stderr
    assert "api_gateway" not in processes.stdout


def test_a_process_that_dies_at_start_is_shown_with_its_last_words() -> None:
    stack = Stack(RATE_LIMIT_REQUESTS="many")
    done = stack.make("up")
    left = [p for p in psutil.process_iter() if _belongs(p, stack)]
    stack.down()

    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "api_gateway" in said
    assert "RATE_LIMIT_REQUESTS='many'" in said
    assert left == []


def _reason(reply: Reply) -> tuple[int, str]:
    return reply.status, json.loads(reply.body).get("reason", "")


def _belongs(process: psutil.Process, stack: Stack) -> bool:
    try:
        return process.pid != os.getpid() and str(stack.folder) in " ".join(process.cmdline())
    except psutil.Error:
        return False
