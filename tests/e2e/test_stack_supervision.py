"""The stack as `make up` runs it, under a real supervisord with stand-ins for our programs."""

import http.client
import json
import os
import platform
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from discovery.store.clients import connect
from gateway.cli.examining.examination import examine
from gateway.cli.examining.findings import Finding
from gateway.machine.processes import marked_pids
from gateway.stack.changes.code import code_of
from gateway.stack.failures import StackError, UsageError
from gateway.stack.plan import GATEWAY, REGISTRY, REGISTRY_PORT
from gateway.stack.running.ps import running
from gateway.stack.state import stack_state
from gateway.stack.supervisord.supervision import Supervisor
from tests.support.interpreters import FROM_SOURCE, build_as
from tests.support.registry_servers import free_port
from tests.support.stack_stand_ins import PROGRAM, StandInStack, stand_in, until


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[StandInStack]:
    stack = StandInStack(tmp_path, stack_state(tmp_path, 0))
    yield stack
    stack.down()


def pids(stack: StandInStack) -> dict[str, int | None]:
    return {row.name: row.pid for row in running(stack.state)}


def environment_of(port: int) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
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
    stack.wanted.insert(0, stand_in("price_service-2", free_port()))
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
    stack.wanted[0] = stand_in("price_service", free_port(), "dies")
    with pytest.raises(
        StackError, match=r"price_service \(port \d+\) ended while starting"
    ) as told:
        stack.start_up().run()
    assert told.value.log_lines[0].startswith("LOG_LEVEL=loud")
    assert marked_pids(stack.state.marker) == set()


def test_a_process_that_never_answers_is_named(stack: StandInStack) -> None:
    stack.wanted[0] = stand_in("price_service", free_port(), "sleeps")
    with pytest.raises(StackError, match=r"price_service \(port \d+\) is not healthy after 1 s"):
        stack.start_up(ready_within_s=1).run()
    assert marked_pids(stack.state.marker) == set()


def test_an_extra_instance_that_dies_takes_nothing_else_along(stack: StandInStack) -> None:
    stack.start_up().run()
    before = pids(stack)
    stack.wanted.insert(0, stand_in("price_service-2", free_port(), "dies"))
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
    assert "SERVICES=none" in text
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in text
    assert marked_pids(stack.state.marker) == set()


def test_down_finds_the_orphans_of_a_killed_supervisor_and_spares_others(
    stack: StandInStack,
) -> None:
    stack.start_up().run()
    children = set(pids(stack).values())
    (supervisor,) = marked_pids(stack.state.marker) - children
    # The same command in another stack must be left alone.
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


def started_anew(stack: StandInStack, before: dict[str, int | None]) -> set[str]:
    return {name for name, pid in pids(stack).items() if before.get(name) != pid}


def test_a_setting_that_changes_restarts_those_that_read_it_and_says_so(
    stack: StandInStack,
) -> None:
    """`RATE_LIMIT_REQUESTS=0 make up` said that everything runs already, but changed nothing."""
    stack.start_up().run()
    before = pids(stack)
    stack.environ["RATE_LIMIT_REQUESTS"] = "0"
    stack.start_up().run()
    assert started_anew(stack, before) == {GATEWAY}
    assert f"RATE_LIMIT_REQUESTS: 100 → 0 ({GATEWAY})" in stack.reports
    assert environment_of(stack.wanted[-1].port)["RATE_LIMIT_REQUESTS"] == "0"

    del stack.environ["RATE_LIMIT_REQUESTS"]
    before = pids(stack)
    stack.start_up().run()
    assert started_anew(stack, before) == {GATEWAY}
    assert f"RATE_LIMIT_REQUESTS: 0 → 100, the default ({GATEWAY})" in stack.reports
    assert "RATE_LIMIT_REQUESTS" not in environment_of(stack.wanted[-1].port)

    stack.environ["LOG_LEVEL"] = "debug"
    before = pids(stack)
    stack.start_up().run()
    assert started_anew(stack, before) == {GATEWAY, "price_service"}
    assert "starting price_service-stand-in" in "\n".join(stack.reports)
    assert set(pids(stack)) == set(before)


def test_a_crashed_process_comes_back_with_the_settings_that_it_had(stack: StandInStack) -> None:
    stack.start_up().run()
    stack.environ["RATE_LIMIT_REQUESTS"] = "7"
    stack.start_up().run()
    old = pids(stack)[GATEWAY]
    assert old is not None
    os.kill(old, signal.SIGKILL)
    until(lambda: pids(stack)[GATEWAY] not in {None, old})
    until(lambda: all(row.health == "healthy" for row in running(stack.state)))
    assert environment_of(stack.wanted[-1].port)["RATE_LIMIT_REQUESTS"] == "7"


def test_other_code_restarts_what_runs_it(stack: StandInStack) -> None:
    stack.wanted = [replace(spec, code="1.0.0 a") for spec in stack.wanted]
    stack.start_up().run()
    before = pids(stack)
    stack.wanted[0] = replace(stack.wanted[0], code="1.1.0 b")
    stack.start_up().run()
    assert started_anew(stack, before) == {"price_service"}
    assert "Lockgate 1.0.0 → 1.1.0 (price_service)" in stack.reports


def test_a_setting_that_a_service_dies_of_leaves_it_running_as_it_was(
    stack: StandInStack,
) -> None:
    stack.wanted[0] = stand_in("market_data_service", free_port())
    _, record = stack.start_up().run()
    before = pids(stack)
    stack.environ["MARKET_DATA_FILE"] = "missing"
    with pytest.raises(StackError, match=r"market_data_service-stand-in .* ended while starting"):
        stack.start_up().run()
    assert pids(stack) == before
    assert stack.state.load_record() == record


def test_a_bad_setting_is_refused_before_anything_is_touched(stack: StandInStack) -> None:
    stack.start_up().run()
    before = pids(stack)
    stack.environ["RATE_LIMIT_REQUESTS"] = "many"
    with pytest.raises(UsageError, match=r"RATE_LIMIT_REQUESTS='many'.*left as it is"):
        stack.start_up().run()
    assert pids(stack) == before


def test_a_bad_file_is_refused_with_all_mistakes_before_anything_is_touched(
    stack: StandInStack, tmp_path: Path
) -> None:
    file = tmp_path / "lockgate.yaml"
    file.write_text("routez: []\nlimitz: {}\n")
    stack.environ["GATEWAY_CONFIG"] = str(file)
    mistakes = [f"{file}:1:1: routez: unknown key", f"{file}:2:1: limitz: unknown key"]

    def refused() -> list[str]:
        with pytest.raises(UsageError) as error:
            stack.start_up().run()
        return [line.partition(";")[0] for line in str(error.value).splitlines()]

    assert refused() == mistakes
    assert pids(stack) == {}
    file.write_text("routes: []")
    stack.start_up().run()
    before = pids(stack)
    file.write_text("routez: []\nlimitz: {}\n")
    assert refused() == [*mistakes, "what runs is left as it is"]
    assert pids(stack) == before


def test_another_file_restarts_the_gateway_alone(stack: StandInStack, tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("routes: []")
    stack.environ["GATEWAY_CONFIG"] = str(tmp_path / "a.yaml")
    stack.start_up().run()
    before = pids(stack)
    stack.environ["GATEWAY_CONFIG"] = str(tmp_path / "b.yaml")
    stack.start_up().run()
    assert started_anew(stack, before) == {"api_gateway"}
    told = f"GATEWAY_CONFIG: {tmp_path / 'a.yaml'} → {tmp_path / 'b.yaml'} (api_gateway)"
    assert told in stack.reports


def test_a_gateway_that_does_not_come_up_again_is_put_back_as_it_was(stack: StandInStack) -> None:
    stack.start_up().run()
    gateway = stack.wanted[-1]
    stack.wanted[-1] = replace(gateway, command=(*gateway.command[:-1], "dies"))
    with pytest.raises(StackError, match=r"api_gateway \(port \d+\) ended while starting"):
        stack.start_up().run()
    stack.wanted[-1] = gateway
    until(lambda: all(row.health == "healthy" for row in running(stack.state)))
    before = pids(stack)
    stack.start_up().run()
    assert pids(stack) == before


def test_a_change_that_is_interrupted_is_taken_back(stack: StandInStack) -> None:
    stack.start_up().run()
    stack.environ["LOG_LEVEL"] = "debug"

    class Impatient(list[str]):
        """Raises ^C once the first process has been stopped."""

        def append(self, line: str) -> None:
            super().append(line)
            if line.startswith("starting price_service on") and self.count(line) == 1:
                raise KeyboardInterrupt

    stack.reports = Impatient()
    with pytest.raises(KeyboardInterrupt):
        stack.start_up().run()
    until(lambda: all(row.health == "healthy" for row in running(stack.state)))
    assert set(pids(stack)) == {REGISTRY, "price_service", GATEWAY}
    assert "LOG_LEVEL" not in environment_of(stack.wanted[0].port)


def test_what_is_on_disk_in_the_midst_of_a_change_tells_the_next_one_all(
    stack: StandInStack,
) -> None:
    stack.start_up().run()
    stack.environ["LOG_LEVEL"] = "debug"
    seen: list[set[str]] = []

    class Watching(list[str]):
        def append(self, line: str) -> None:
            record = stack.state.load_record()
            seen.append({spec.name for spec in record.processes} if record else set())

    stack.reports = Watching()
    stack.start_up().run()
    everything = {REGISTRY, "price_service", GATEWAY}
    assert all(names >= everything for names in seen)
    assert {*everything, "price_service-stand-in"} in seen


def test_one_process_is_restarted_alone_though_others_are_unwell(stack: StandInStack) -> None:
    stack.start_up().run()
    before = pids(stack)
    stack.environ["LOG_LEVEL"] = "debug"
    os.kill(before["price_service"] or 0, signal.SIGSTOP)
    try:
        stack.start_up(only=[GATEWAY]).run()
        assert started_anew(stack, before) == {GATEWAY}
    finally:
        os.kill(before["price_service"] or 0, signal.SIGCONT)
    assert environment_of(stack.wanted[-1].port)["LOG_LEVEL"] == "debug"
    assert "LOG_LEVEL" not in environment_of(stack.wanted[0].port)


def test_one_process_alone_is_not_taken_to_another_registry(stack: StandInStack) -> None:
    stack.start_up().run()
    before = pids(stack)
    stack.environ["REGISTRY_NAMESPACE"] = "elsewhere"
    with pytest.raises(StackError, match=r"REGISTRY_NAMESPACE: default → elsewhere.*make up"):
        stack.start_up(only=["price_service"]).run()
    assert pids(stack) == before

    stack.start_up().run()
    assert started_anew(stack, before) == {"price_service", GATEWAY}
    assert environment_of(stack.wanted[0].port)["REGISTRY_NAMESPACE"] == "elsewhere"


def test_what_is_not_asked_for_any_more_is_stopped(stack: StandInStack) -> None:
    stack.wanted.insert(0, stand_in("price_service-2", free_port()))
    stack.start_up().run()
    before = pids(stack)
    del stack.wanted[0]
    stack.start_up().run()
    assert pids(stack) == {name: pid for name, pid in before.items() if name != "price_service-2"}
    assert "not asked for any more (SCALE, SERVICES): price_service-2" in stack.reports


def test_a_registry_that_is_found_and_another_stacks_is_told_as_such(
    stack: StandInStack, tmp_path: Path
) -> None:
    """The table said `found running, not ours`, without naming the owner."""
    stack.start_up().run()
    folder = tmp_path / "another"
    folder.mkdir()
    other = StandInStack(folder, stack_state(folder, 0), registry_port=stack.registry_port)
    belongs = f"belongs to {stack.state.directory}: "
    try:
        offset = stack.registry_port - REGISTRY_PORT
        found = [one for one in examine(other.state, offset, {}) if belongs in one.detail]
        assert [(one.check, one.state) for one in found] == [("registry", "warning")]
        other.start_up().run()
    finally:
        other.down()
    assert any(line.startswith(f"that registry {belongs}") for line in other.reports)


def test_a_variable_that_nobody_reads_is_named(stack: StandInStack) -> None:
    stack.environ["RATE_LIMIT"] = "5"
    stack.start_up().run()
    assert any("is RATE_LIMIT_REQUESTS meant?" in line for line in stack.reports)


def test_secrets_are_in_files_of_the_owner_alone(stack: StandInStack) -> None:
    stack.environ["ADMIN_TOKEN"] = "mine-and-long-enough"
    stack.start_up().run()
    holding = [
        path
        for path in stack.state.directory.rglob("*")
        if path.is_file() and b"mine-and-long-enough" in path.read_bytes()
    ]
    assert {path.name for path in holding} == {"stack.json", GATEWAY}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}


@pytest.mark.parametrize(
    ("arguments", "times"), [("'--enable-optimizations'", 0), (FROM_SOURCE, 1)]
)
def test_a_start_says_once_that_its_python_is_not_optimised(
    arguments: str, times: int, stack: StandInStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_as(monkeypatch, arguments)
    for _ in range(2):
        stack.start_up().run()
    said = (
        f"CPython {platform.python_version()}, not optimised (no PGO): the gateway needs "
        "11 to 29 % less CPU with an optimised build; `lockgate doctor` says how to get one"
    )
    assert [line for line in stack.reports if "optimised" in line] == [said] * times


def test_the_registry_is_restarted_only_when_it_is_named(stack: StandInStack) -> None:
    stack.start_up().run()
    before = pids(stack)
    stack.start_up(only=[REGISTRY]).run()
    assert started_anew(stack, before) == {REGISTRY}
    assert {row.health for row in running(stack.state)} == {"healthy"}


def examined(stack: StandInStack) -> dict[str, Finding]:
    """The doctor's findings by check; the stand-ins do not answer questions about services."""
    stack.environ["GATEWAY_PORT"] = str(stack.wanted[-1].port)
    return {
        one.check: one for one in examine(stack.state, 0, stack.environ) if one.check != "gateway"
    }


def test_the_doctor_finds_nothing_to_say_of_a_stack_that_is_well(stack: StandInStack) -> None:
    stack.wanted = [replace(spec, code=code_of(spec.service)) for spec in stack.wanted]
    stack.start_up().run()
    found = examined(stack)
    assert {one.state for one in found.values() if one.check != "python"} == {"ok"}
    assert found["processes"].detail == "healthy: price_service, api_gateway"
    # Other programs may use port 8000.
    assert not [check for check in found if check.startswith("port")]


def test_the_doctor_says_what_of_a_running_stack_is_unwell_or_not_as_it_is_set(
    stack: StandInStack,
) -> None:
    """A registry that did not answer counted as ok, since `make up` could start one."""
    stack.wanted = [replace(spec, code=code_of(spec.service)) for spec in stack.wanted]
    stack.start_up().run()
    before = pids(stack)
    stopped = [pid for pid in (before[REGISTRY], before["price_service"]) if pid]
    stack.environ["RATE_LIMIT_REQUESTS"] = "0"
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        found = examined(stack)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert found["registry"].state == "failed"
    assert "does not answer" in found["registry"].detail
    assert "make up" in found["registry"].advice
    assert found["price_service"].state == "failed"
    assert f"unreachable (pid {before['price_service']}" in found["price_service"].detail
    assert "lockgate logs --service price_service" in found["price_service"].advice
    assert found["running settings"].state == "warning"
    assert found["running settings"].detail == f"RATE_LIMIT_REQUESTS: 100 → 0 ({GATEWAY})"


def test_the_doctor_tries_the_registry_that_a_running_stack_would_be_taken_to(
    stack: StandInStack,
) -> None:
    stack.start_up().run()
    stack.environ["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    assert examined(stack)["registry"].state == "failed"
