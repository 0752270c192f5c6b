"""`lockgate register`: programs that know nothing of it, run, registered, drained and ended."""

import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import StartGateway
from tests.http.test_command_line import LOCKGATE, REPOSITORY, lockgate
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.registry_events import events_of
from tests.support.registry_servers import RegistryServer, free_port

#: Any program: it serves at a port, says its own pid, and ends with 3 at the signals that it takes.
PROGRAM = """
import http.server, os, signal, sys

def stop(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    os._exit(3)

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, stop)
server = http.server.ThreadingHTTPServer(
    ("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler
)
print(os.getpid(), flush=True)
server.serve_forever()
"""
REGISTER = ["register", "--name", "orders", "--id", "o1", "--port"]


class Registered:
    """`lockgate register` under way with PROGRAM."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def said(self) -> str:
        """The next line that the program prints."""
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    async def answers(self) -> bool:
        """The program itself does, at its port."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/") as answer,
        ):
            return answer.status == 200


StartRegistered = Callable[..., Awaitable[Registered]]


@pytest.fixture
async def start_registered(tmp_path: Path) -> AsyncIterator[StartRegistered]:
    """`await start_registered(redis_url, *options)`: PROGRAM under `lockgate register`."""
    running: list[asyncio.subprocess.Process] = []
    (tmp_path / "serve.py").write_text(PROGRAM)

    async def start(url: str, *options: str) -> Registered:
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            *(*LOCKGATE, *REGISTER, str(port), *options),
            *("--", sys.executable, "serve.py", str(port)),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "REDIS_URL": url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        running.append(process)
        return Registered(process, port)

    yield start
    for process in running:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def is_routed(gateway: RunningGateway) -> bool:
    return (await gateway.get("/api/orders/")).status == 200


async def test_a_program_is_registered_drained_and_ended(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    gateway = await start_gateway()
    program = await start_registered(registry_url)
    await program.said()
    assert await eventually(lambda: is_routed(gateway))

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
        nowhere, "--via-http", gateway.url, "--token", ADMIN_TOKEN, "--ttl", "1"
    )
    await program.said()
    assert await eventually(lambda: is_routed(gateway))

    program.process.terminate()

    assert await program.said() == "got SIGTERM"
    assert await program.process.wait() == 3
    assert events_of(registry_url) == ["registered", "draining", "deregistered"]


async def test_what_is_registered_is_what_was_said(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    gateway = await start_gateway()
    program = await start_registered(
        registry_url,
        *("--host", "127.0.0.1", "--health-path", "/serve.py", "--weight", "7"),
        *("--version", "1.2.3", "--metadata", "zone=a", "--metadata", "owner=x=y"),
        *("--health-probe", "http", "--health-status", "200", "--health-body", "http.server"),
    )
    await program.said()
    await eventually(lambda: gateway.gateway.health.status("orders/o1") == "healthy")

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
    }


async def test_a_short_lease_is_kept(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    await start_gateway()  # it sweeps
    program = await start_registered(registry_url, "--ttl", "1")
    await program.said()
    await eventually(lambda: events_of(registry_url))
    began_s = asyncio.get_running_loop().time()

    await eventually(lambda: asyncio.get_running_loop().time() > began_s + 2.5)

    assert events_of(registry_url) == ["registered"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_the_signal_itself_is_passed_on(
    start_registered: StartRegistered, registry_url: str, number: signal.Signals
) -> None:
    program = await start_registered(registry_url)
    await program.said()
    await eventually(lambda: events_of(registry_url))

    program.process.send_signal(number)

    assert await program.said() == f"got {number.name}"
    assert await program.process.wait() == 3


async def test_a_program_that_is_killed_is_deregistered_at_once(
    start_registered: StartRegistered, registry_url: str
) -> None:
    program = await start_registered(registry_url)
    pid = int(await program.said())
    await eventually(lambda: events_of(registry_url))

    os.kill(pid, signal.SIGKILL)

    assert await program.process.wait() == 128 + 9
    assert events_of(registry_url) == ["registered", "deregistered"]


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


async def test_a_port_that_never_opens_is_told(registry_url: str, tmp_path: Path) -> None:
    port = str(free_port())

    status, _, error = await lockgate(
        tmp_path,
        *(*REGISTER, port, "--starts-within", "0.1"),
        # It ends when it has nothing to wait for any more: its parent's message is there.
        *("--", "sh", "-c", "sleep 0.5; kill -TERM $$"),
        variables={"REDIS_URL": registry_url},
    )

    assert status == 128 + 15
    assert f"nothing takes connections on port {port} after 0.1 s" in error
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
            tmp_path, *REGISTER, str(sock.getsockname()[1]), "--", "false"
        )

    assert (status, "another program has it" in error) == (1, True)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--port", "0"], "port 0"),
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
        (["--health-probe", "ping"], "metadata 'health.probe': 'ping'"),
        (["--health-probe", "http"], "needs a health_check_url"),
        (["--health-body", "UP"], "metadata 'health.body': 'UP'"),
        (["--health-path", "/", "--health-status", "2xx"], "metadata 'health.statuses': '2xx'"),
        (
            ["--health-probe", "tcp", "--metadata", "health.probe=tcp"],
            "--metadata health.probe=",
        ),
        (["--via-http", "localhost:8080"], "--via-http localhost:8080"),
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
