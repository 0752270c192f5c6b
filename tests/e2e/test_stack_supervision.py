"""The stack as `make up` runs it, under a real supervisord, with stand-ins for our programs."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from discovery.connecting import connect
from gateway.stack.failures import StackError
from gateway.stack.plan import GATEWAY, REGISTRY
from gateway.stack.processes import marked_pids
from gateway.stack.ps import running
from gateway.stack.state import stack_state
from gateway.stack.supervision import Supervisor
from tests.support.stack_stand_ins import (
    PROGRAM,
    StandInStack,
    stack_port,
    stand_in,
    until,
)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[StandInStack]:
    stack = StandInStack(tmp_path, stack_state(tmp_path, 0))
    yield stack
    stack.down()


def pids(stack: StandInStack) -> dict[str, int | None]:
    return {row.name: row.pid for row in running(stack.state)}


def environment_of(port: int) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/environ")
        shown: dict[str, str] = json.loads(connection.getresponse().read())
        return shown
    finally:
        connection.close()


def test_up_starts_everything_and_ps_shows_each_process_by_its_own_pid(
    stack: StandInStack,
) -> None:
    rows, record = stack.start_up().run()
    assert {row.name: row.health for row in rows} == dict.fromkeys(
        ["registry", "price_service", GATEWAY], "healthy"
    )
    assert record.registry_about.startswith(("Valkey", "valkey", "redis"))
    for row in rows:
        assert row.pid in marked_pids(stack.state.marker)
    assert {row.port for row in rows} == {
        stack.registry_port,
        *(spec.port for spec in stack.wanted),
    }


def test_a_second_up_changes_nothing(stack: StandInStack) -> None:
    stack.start_up().run()
    before = pids(stack)
    stack.start_up().run()
    assert pids(stack) == before
    assert "everything runs already" in stack.reports


def test_processes_get_the_users_environment_the_registry_and_the_admin_token(
    stack: StandInStack,
) -> None:
    stack.environ["RATE_LIMIT_REQUESTS"] = "7 %(x)s"
    _, record = stack.start_up().run()
    environment = environment_of(stack.wanted[-1].port)
    assert environment["RATE_LIMIT_REQUESTS"] == "7 %(x)s"
    assert environment["REDIS_URL"] == record.registry_url
    token_file = Path(environment["ADMIN_TOKEN_FILE"])
    assert token_file == stack.state.token_file
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    assert len(token_file.read_text()) >= 32


def test_a_users_own_admin_token_is_not_overruled(stack: StandInStack) -> None:
    stack.environ["ADMIN_TOKEN"] = "mine-and-long-enough"
    stack.start_up().run()
    environment = environment_of(stack.wanted[-1].port)
    assert environment["ADMIN_TOKEN"] == "mine-and-long-enough"
    assert "ADMIN_TOKEN_FILE" not in environment


def test_a_killed_process_comes_back(stack: StandInStack) -> None:
    stack.start_up().run()
    old = pids(stack)["price_service"]
    assert old is not None
    os.kill(old, signal.SIGKILL)

    def came_back() -> bool:
        row = next(row for row in running(stack.state) if row.name == "price_service")
        return row.health == "healthy" and row.pid not in {None, old}

    until(came_back)


def test_a_second_up_adds_the_instances_that_are_missing(stack: StandInStack) -> None:
    stack.start_up().run()
    before = pids(stack)
    stack.wanted.insert(0, stand_in("price_service-2", stack_port()))
    stack.start_up().run()
    after = pids(stack)
    assert after.pop("price_service-2") is not None
    assert after == before


def test_down_leaves_nothing_running_and_keeps_logs_and_data(stack: StandInStack) -> None:
    stack.start_up().run()
    assert stack.down()
    assert marked_pids(stack.state.marker) == set()
    assert sorted(path.name for path in stack.state.directory.iterdir()) == [
        "admin-token",
        "lock",
        "logs",
        "registry",
    ]
    assert (stack.state.logs / "price_service.log").read_text() == "serving\n"
    assert any(stack.state.registry_data.rglob("*.aof"))
    assert running(stack.state) == []
    assert not stack.down()


def test_a_process_that_dies_at_start_is_named_with_its_last_lines_and_all_is_stopped(
    stack: StandInStack,
) -> None:
    stack.wanted[0] = stand_in("price_service", stack_port(), "dies")
    with pytest.raises(
        StackError, match=r"price_service \(port \d+\) ended while starting"
    ) as told:
        stack.start_up().run()
    assert told.value.log_lines[0].startswith("LOG_LEVEL=loud")
    assert marked_pids(stack.state.marker) == set()


def test_a_process_that_never_answers_is_named(stack: StandInStack) -> None:
    stack.wanted[0] = stand_in("price_service", stack_port(), "sleeps")
    with pytest.raises(StackError, match=r"price_service \(port \d+\) is not healthy after 1 s"):
        stack.start_up(ready_within_s=1).run()
    assert marked_pids(stack.state.marker) == set()


def test_an_extra_instance_that_dies_takes_nothing_else_along(stack: StandInStack) -> None:
    stack.start_up().run()
    before = pids(stack)
    stack.wanted.insert(0, stand_in("price_service-2", stack_port(), "dies"))
    with pytest.raises(StackError, match="price_service-2"):
        stack.start_up().run()
    assert pids(stack) == before
    del stack.wanted[0]
    stack.start_up().run()
    assert pids(stack) == before


def test_a_taken_port_is_named_with_who_needs_it_and_who_has_it(stack: StandInStack) -> None:
    with socket.create_server(("127.0.0.1", stack.wanted[0].port)):
        with pytest.raises(StackError) as told:
            stack.start_up().run()
        text = str(told.value)
    assert f"port {stack.wanted[0].port}, which price_service needs" in text
    assert "PORT_OFFSET" in text
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in text
    assert marked_pids(stack.state.marker) == set()


def test_down_finds_the_orphans_of_a_killed_supervisor_and_spares_others(
    stack: StandInStack,
) -> None:
    stack.start_up().run()
    children = set(pids(stack).values())
    (supervisor,) = marked_pids(stack.state.marker) - children
    # The same command in another stack's name must be left alone.
    neighbour = subprocess.Popen(
        [sys.executable, str(PROGRAM), "sleeps", "1"],
        env={**os.environ, "LOCKGATE_STACK": f"{stack.state.marker}0/"},
    )
    try:
        os.kill(supervisor, signal.SIGKILL)
        until(lambda: not Supervisor(stack.state).answers())
        assert marked_pids(stack.state.marker) == children
        assert stack.down()
        assert marked_pids(stack.state.marker) == set()
        assert neighbour.poll() is None
    finally:
        neighbour.kill()
        neighbour.wait()


def test_up_replaces_what_a_killed_supervisor_left(stack: StandInStack) -> None:
    stack.start_up().run()
    children = set(pids(stack).values())
    (supervisor,) = marked_pids(stack.state.marker) - children
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not Supervisor(stack.state).answers())
    stack.start_up().run()
    assert children.isdisjoint(pids(stack).values())


def test_a_deep_checkout_with_odd_characters_works(tmp_path: Path) -> None:
    root = tmp_path / "it's #1; (a b)" / ("deep" * 20)
    root.mkdir(parents=True)
    program = root / PROGRAM.name
    program.write_text(PROGRAM.read_text())
    stack = StandInStack(root, stack_state(root, 20000))
    stack.wanted = [
        replace(spec, command=(sys.executable, str(program), *spec.command[2:]))
        for spec in stack.wanted
    ]
    try:
        rows, _ = stack.start_up().run()
        assert {row.health for row in rows} == {"healthy"}
        assert (stack.state.logs / "price_service.log").read_text() == "serving\n"
        assert not stack.state.supervisor_socket.is_relative_to(root)
    finally:
        stack.down()
    assert not stack.state.supervisor_socket.exists()


def test_the_registry_keeps_its_data_over_a_restart(stack: StandInStack) -> None:
    _, record = stack.start_up().run()
    with connect(record.registry_url) as client:
        client.set("kept", "yes")
    stack.down()
    stack.start_up().run()
    with connect(record.registry_url) as client:
        assert client.get("kept") in {b"yes", "yes"}
    assert REGISTRY in pids(stack)
