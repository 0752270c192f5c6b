"""docs/register.sh, unchanged, and the first command of docs/any-language.md."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import redis

from tests.conftest import StartGateway, StartUpstream
from tests.support.documents import blocks
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.registered_programs import REPOSITORY
from tests.support.registry_events import events_of
from tests.support.registry_servers import free_port

StartScript = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start() -> AsyncIterator[StartScript]:
    """`await start(*command, folder=…, VARIABLE="…")`: a process whose output is kept."""
    running: list[asyncio.subprocess.Process] = []

    async def start(
        *command: str, folder: Path = REPOSITORY, **variables: str
    ) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def routed_to(gateway: RunningGateway, path: str) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        return (await gateway.get(path)).status == 200

    return answers


async def test_the_script_registers_heartbeats_drains_and_deregisters(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    start: StartScript,
    registry_url: str,
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    script = await start(
        *("sh", str(REPOSITORY / "docs/register.sh"), "hello_service", str(upstream.port)),
        GATEWAY=gateway.url,
        ADMIN_TOKEN=ADMIN_TOKEN,
        HEARTBEAT_INTERVAL="0.1",
    )
    await eventually(routed_to(gateway, "/api/hello/"))
    with redis.Redis.from_url(registry_url) as client:
        client.flushall()
    await eventually(lambda: events_of(registry_url) == ["registered"])

    script.send_signal(signal.SIGTERM)
    printed, _ = await script.communicate()

    assert script.returncode == 0
    assert events_of(registry_url) == ["registered", "draining", "deregistered"]
    first, *_, drained, gone = printed.decode().splitlines()
    assert (first, drained, gone) == ("register: 201", "drain: 200", "deregister: 204")


async def test_the_command_of_the_document_registers_a_program_of_python(
    start_gateway: StartGateway, start: StartScript, registry_url: str, tmp_path: Path
) -> None:
    gateway, port = await start_gateway(), str(free_port())
    document = blocks("docs/any-language.md", "sh")[0].text.replace("9000", port)
    folder, command = document.replace("python3", sys.executable).splitlines()
    assert folder == "mkdir -p www"
    (tmp_path / "www").mkdir()
    program, *arguments = shlex.split(command)
    assert program == "lockgate"
    running = await start(
        *(sys.executable, "-c", "from lockgate.command import main; main()", *arguments),
        folder=tmp_path,
        REDIS_URL=registry_url,
    )

    assert await eventually(routed_to(gateway, "/api/files/"), within_s=10)
    running.terminate()
    await running.communicate()

    assert running.returncode == 128 + signal.SIGTERM
    assert events_of(registry_url) == ["registered", "draining", "deregistered"]
