"""`lockgate register` runs, registers, drains and ends programs that know nothing about it."""

import asyncio
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from gateway.stack.plan import GATEWAY, ProcessSpec
from gateway.stack.running.serving import SERVE_COMMAND
from gateway.stack.state import StackRecord, stack_state
from tests.conftest import StartGateway
from tests.http.test_command_line import lockgate
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.registered_programs import LOCKGATE, PROGRAM, REPOSITORY, StartRegistered
from tests.support.registry_events import events_of, lease_of
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.registry_workers import let_a_worker_live
from tests.support.stacks import free_offset

REGISTER = ["register", "--name", "orders", "--id", "o1", "--port"]


async def is_routed(gateway: RunningGateway) -> bool:
    return (await gateway.get("/api/orders/")).status == 200


async def test_a_program_is_registered_drained_and_ended(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    gateway = await start_gateway()
    program = await start_registered(registry_url)
    await program.said()
    assert await eventually(lambda: is_routed(gateway))

    let_a_worker_live(registry_url)
    program.process.terminate()

    await eventually(lambda: "draining" in events_of(registry_url))
    assert await program.answers()
    assert await program.said() == "got SIGTERM"
    assert await program.process.wait() == 3
    assert events_of(registry_url) == ["registered", "draining", "deregistered"]


async def test_it_may_register_through_a_gateway_alone(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    gateway = await start_gateway()
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    program = await start_registered(
        nowhere, "--via-http", gateway.url, "--token", ADMIN_TOKEN, "--ttl", "4"
    )
    await program.said()
    assert await eventually(lambda: is_routed(gateway))
    began_ms = lease_of(registry_url, "orders/o1")
    await eventually(lambda: lease_of(registry_url, "orders/o1") > began_ms)

    program.process.terminate()

    assert await program.said() == "got SIGTERM"
    assert await program.process.wait() == 3
    assert events_of(registry_url) == ["registered", "draining", "deregistered"]


async def test_port_0_is_a_free_port_that_the_program_finds_in_its_environment(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    gateway = await start_gateway()
    serve = PROGRAM.replace("int(sys.argv[1])", 'int(os.environ["POR" "T"])')
    serve = serve.replace("os.getpid()", "server.server_port")
    program = await start_registered(registry_url, command=(sys.executable, "-c", serve), port=0)

    port = int(await program.said())

    assert await eventually(lambda: is_routed(gateway))
    (instance,) = (await gateway.admin("GET", "/services/orders")).json()["instances"]
    assert (instance["port"], port > 0) == (port, True)


async def test_two_instances_at_port_0_do_not_replace_each_other(
    start_gateway: StartGateway, tmp_path: Path, registry_url: str
) -> None:
    gateway = await start_gateway()
    command = ["sh", "-c", "exec python3 -m http.server --bind 127.0.0.1 $PORT"]
    running = [
        await asyncio.create_subprocess_exec(
            *(*LOCKGATE, "register", "--name", "orders", "--port", "0", "--", *command),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "REDIS_URL": registry_url},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        for _ in range(2)
    ]

    async def both() -> bool:
        instances = (await gateway.admin("GET", "/services/orders")).json().get("instances", ())
        return len({(one["id"], one["port"]) for one in instances}) == 2

    try:
        assert await eventually(both, within_s=30)
    finally:
        for process in running:
            process.terminate()
            await process.wait()


async def test_a_fixed_port_is_in_the_environment_too(registry_url: str, tmp_path: Path) -> None:
    port = str(free_port())

    _, out, _ = await lockgate(
        tmp_path,
        *(*REGISTER, port, "--", "sh", "-c", 'echo "$PORT"'),
        variables={"REDIS_URL": registry_url, "PORT": "1"},
    )

    assert out == f"{port}\n"


async def test_a_port_that_another_program_took_in_between_is_told(
    start_registered: StartRegistered, registry_url: str
) -> None:
    """The program could not bind, and another program's port was registered for a moment."""
    cannot_bind = (
        "import socket, sys\n"
        "print('waits', flush=True)\n"
        "while socket.socket().connect_ex(('127.0.0.1', int(sys.argv[1]))): pass\n"
        "sys.exit(1)"
    )
    program = await start_registered(
        registry_url, command=(sys.executable, "-c", cannot_bind, "PORT")
    )
    assert await program.said() == "waits"

    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", program.port)
    async with server:
        assert await program.process.wait() == 1
        told = await program.told_at_last()

    assert f"port {program.port} takes connections still" in told
    assert f"(pid {os.getpid()}) has it" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_ends_without_a_traceback_while_it_waits_for_the_port(
    start_registered: StartRegistered, registry_url: str, number: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        program = await start_registered(registry_url, port=sock.getsockname()[1])
        assert "has it; waiting up to 10 s until it lets go" in await program.told()

        program.process.send_signal(number)

        # What a shell shows for both: 128 + N.
        assert await program.process.wait() in (-number, 128 + number)
        assert (await program.told_at_last()).strip() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_ends_without_a_traceback_while_the_registry_is_away(
    start_registered: StartRegistered, number: signal.Signals
) -> None:
    program = await start_registered(f"redis://127.0.0.1:{free_port()}/0")
    await program.said()
    assert "does not answer" in await program.told()

    program.process.send_signal(number)

    assert await program.said() == f"got {number.name}"
    assert await program.process.wait() == 3
    assert "Traceback" not in await program.told_at_last()


async def test_what_is_registered_is_what_was_said(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    gateway = await start_gateway()
    program = await start_registered(
        registry_url,
        *("--host", "127.0.0.1", "--health-path", "/serve.py", "--weight", "7"),
        *("--version", "1.2.3", "--metadata", "zone=a", "--metadata", "owner=x=y"),
        *("--health-probe", "http", "--health-status", "200", "--health-body", "http.server"),
        *("--health-host", "shop.example"),
    )
    await program.said()
    await eventually(lambda: gateway.member.health.status("orders/o1") == "healthy")

    (instance,) = (await gateway.admin("GET", "/services/orders")).json()["instances"]
    assert instance["id"] == "o1"
    assert instance["health_check_url"] == f"http://127.0.0.1:{program.port}/serve.py"
    assert (instance["weight"], instance["version"]) == (7, "1.2.3")
    assert instance["metadata"] == {
        "zone": "a",
        "owner": "x=y",
        "health.probe": "http",
        "health.statuses": "200",
        "health.body": "http.server",
        "health.host": "shop.example",
    }


async def test_a_short_lease_is_kept(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    await start_gateway()  # it sweeps
    program = await start_registered(registry_url, "--ttl", "4")
    await program.said()
    await eventually(lambda: events_of(registry_url))
    began_ms = lease_of(registry_url, "orders/o1")

    # It was renewed after what would have been its end.
    await eventually(lambda: lease_of(registry_url, "orders/o1") > began_ms + 4000)

    assert events_of(registry_url) == ["registered"]


async def test_a_program_that_is_killed_is_deregistered_at_once(
    start_registered: StartRegistered, registry_url: str
) -> None:
    program = await start_registered(registry_url)
    pid = int(await program.said())
    await eventually(lambda: events_of(registry_url))

    os.kill(pid, signal.SIGKILL)

    assert await program.process.wait() == 128 + 9
    assert events_of(registry_url) == ["registered", "deregistered"]
    told = (await program.told_at_last()).splitlines()
    assert told[-1].endswith(
        " was killed by signal 9 (SIGKILL); o1 is deregistered"
    )  # it said nothing


async def test_a_registry_that_goes_away_later_is_no_mistake_in_redis_url(
    own_registry: RegistryServer, start_registered: StartRegistered
) -> None:
    """After ^C in `lockgate serve`, each `register` asked whether REDIS_URL was right."""
    program = await start_registered(own_registry.url, "--ttl", "1")
    await program.said()
    await eventually(lambda: events_of(own_registry.url))

    own_registry.kill()

    line = ""
    while "registry unavailable" not in line:
        line = await program.told()
        assert line
    assert line.endswith("; o1 is registered again when it is back")
    assert "REDIS_URL" not in line


async def test_the_program_runs_on_while_the_registry_is_away(
    own_registry: RegistryServer, start_registered: StartRegistered
) -> None:
    own_registry.kill()
    program = await start_registered(own_registry.url)
    await program.said()
    assert await program.answers()

    own_registry.start()

    await eventually(lambda: events_of(own_registry.url))
    own_registry.kill()
    assert await program.answers()
    program.process.terminate()
    assert await program.process.wait() == 3


async def test_a_program_that_ends_first_is_told_and_its_status_passed_on(
    registry_url: str, tmp_path: Path
) -> None:
    port = str(free_port())

    status, out, error = await lockgate(
        tmp_path,
        *(*REGISTER, port, "--", "sh", "-c", 'echo "$@"; exit 7', "sh", "--port", "1", "--help"),
        variables={"REDIS_URL": registry_url},
    )

    assert (status, out) == (7, "--port 1 --help\n")
    assert error == f"lockgate: sh ended before it took connections on port {port}\n"
    assert events_of(registry_url) == []


async def test_the_program_is_told_its_prefix(registry_url: str, tmp_path: Path) -> None:
    status, out, _ = await lockgate(
        tmp_path,
        *("register", "--name", "orders_service", "--port", str(free_port())),
        *("--", "sh", "-c", 'echo "$LOCKGATE_PREFIX"'),
        variables={"REDIS_URL": registry_url},
    )

    assert (status, out) == (0, "/api/orders\n")


async def test_a_port_that_never_opens_is_told(
    start_registered: StartRegistered, registry_url: str
) -> None:
    command = ("sh", "-c", "echo $$; exec sleep 600")
    program = await start_registered(registry_url, "--starts-within", "0.1", command=command)
    pid = int(await program.said())
    late = f"nothing takes connections on port {program.port} after 0.1 s"
    assert late in await program.told()

    os.kill(pid, signal.SIGTERM)

    assert await program.process.wait() == 128 + 15
    killed = "sh was killed by signal 15 (SIGTERM) before it took connections on port"
    assert f"{killed} {program.port}" in await program.told_at_last()
    assert events_of(registry_url) == []


@pytest.mark.parametrize(
    ("mode", "text", "expected"),
    [(None, "", 127), (0o600, "#!/bin/sh\n", 126), (0o700, "\x7fELF", 126)],
)
async def test_what_cannot_be_run_has_a_shells_exit_status(
    tmp_path: Path, mode: int | None, text: str, expected: int
) -> None:
    program = tmp_path / "program"
    if mode is not None:
        program.write_text(text)
        program.chmod(stat.S_IFREG | mode)

    status, _, error = await lockgate(tmp_path, *REGISTER, str(free_port()), str(program))

    assert (status, len(error.splitlines())) == (expected, 1)
    assert str(program) in error


async def test_a_port_that_another_program_has_is_no_port_of_this_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        status, _, error = await lockgate(
            tmp_path, *REGISTER, str(sock.getsockname()[1]), "--starts-within", "0.1", "--", "false"
        )

    assert status == 1
    assert f"(pid {os.getpid()}) has it" in error


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--port", "65536"], "port 65536"),
        (["--port", "-1"], "port -1"),
        (["--name", "Orders"], "service name 'Orders'"),
        (["--weight", "1001"], "weight 1001"),
        (["--version", "1"], "version '1'"),
        (["--ttl", "0.5"], "ttl 0.5"),
        (["--id", "a/b"], "instance id 'a/b'"),
        (["--host", "a b"], "host 'a b'"),
        (["--metadata", "zone"], "--metadata zone"),
        (["--metadata", "a=1", "--metadata", "a=2"], "--metadata a=2"),
        (["--tcp", "--health-path", "/health"], "--health-path"),
        (["--tcp", "--health-probe", "heartbeat"], "--health-probe"),
        (["--health-probe", "ping"], "--health-probe: 'ping' must be"),
        (["--health-path", "health"], "--health-path 'health': must be a path"),
        (["--health-probe", "http"], "--health-probe: 'http' needs a --health-path"),
        (
            ["--health-body", "UP"],
            "--health-body: 'UP' needs an HTTP probe, and so a --health-path",
        ),
        (["--health-path", "/", "--health-host", "a b"], "--health-host: 'a b'"),
        (["--health-path", "/", "--health-status", "2xx"], "--health-status: '2xx'"),
        (
            ["--health-probe", "tcp", "--metadata", "health.probe=tcp"],
            "--metadata health.probe=",
        ),
        (["--via-http", "localhost:8080"], "--via-http localhost:8080"),
        (["--via-http", "http://localhost:80800"], "--via-http http://localhost:80800: must be"),
        (["--via-http", "http://me:secret@gw"], "--via-http http://me:***@gw: must be a URL"),
        (["--via-http", "http://localhost:8080"], "--token"),
    ],
)
async def test_a_bad_option_is_refused_before_anything_runs(
    tmp_path: Path, options: list[str], reason: str
) -> None:
    status, out, error = await lockgate(
        tmp_path, *REGISTER, str(free_port()), *options, "--", "echo", "it runs"
    )

    assert (status, out, len(error.splitlines())) == (2, "", 1)
    assert reason in error


async def test_a_bad_option_is_told_alone(tmp_path: Path) -> None:
    """The line about the registry came first."""
    state = stack_state(tmp_path, offset := free_offset())
    state.prepare()
    gateway = ProcessSpec(GATEWAY, GATEWAY, 8080 + offset, SERVE_COMMAND)
    state.save_record(StackRecord((gateway,), "redis://127.0.0.1:1/0", "", 15))
    options = ("--port-offset", str(offset), "--port", "1", "--name")

    status, _, error = await lockgate(tmp_path, "register", *options, "A", "--", "x")
    assert (status, len(error.splitlines())) == (2, 1)
    assert "service name 'A'" in error

    _, _, error = await lockgate(tmp_path, "register", *options, "a", "--", "/no/program")
    assert error.startswith(f"lockgate: the registry of {state.directory}: redis://127.0.0.1:1/0\n")


async def test_a_program_that_is_started_before_its_stack_is_registered_where_that_comes_up(
    start_registered: StartRegistered, registry_url: str, tmp_path: Path
) -> None:
    """It kept asking at the usual port of the registry, though `serve` had to use another."""
    state = stack_state(tmp_path, offset := free_offset())
    registered = await start_registered("", "--port-offset", str(offset))
    await registered.said()
    away = f"registry unavailable: no registry answers at redis://127.0.0.1:{6379 + offset}/0; "
    assert away + f"no lockgate serve runs in {tmp_path} or above: " in await registered.told()
    state.prepare()
    gateway = ProcessSpec(GATEWAY, GATEWAY, 8080 + offset, SERVE_COMMAND)
    state.save_record(StackRecord((gateway,), registry_url, "", 15))
    assert f"registry is {registry_url} now" in await registered.told()
    assert "the registry answers again" in await registered.told()
    assert "registered: " in await registered.told()
