"""`python -m services NAME` as a process: how it starts, how it stops, what it refuses."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import orjson
import pytest

#: Nothing of the surroundings may change what is tested; no registry listens at port 1.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "REDIS_URL": "redis://127.0.0.1:1/0",
}

Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    started: list[Process] = []

    async def start_process(*arguments: str, **environment: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services", *arguments,
            stdout=PIPE, stderr=PIPE, env={**ENVIRONMENT, **environment},
        )  # fmt: skip
        started.append(process)
        return process

    yield start_process
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def logged(process: Process, event: str) -> dict[str, object]:
    """The next line of that event."""
    assert process.stdout is not None
    async for line in process.stdout:
        entry: dict[str, object] = orjson.loads(line)
        if entry["event"] == event:
            return entry
    raise AssertionError(f"ended without {event}")


async def refusal(process: Process) -> tuple[int | None, str]:
    output, errors = await process.communicate()
    assert output == b""
    return process.returncode, errors.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_without_a_registry_and_a_signal_ends_streams_and_process_cleanly(
    start: Start, unused_tcp_port: int, number: signal.Signals
) -> None:
    process = await start("market_data", SERVICE_PORT=str(unused_tcp_port))
    entry = await logged(process, "service.started")
    assert (entry["service"], entry["port"]) == ("market_data_service", unused_tcp_port)
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with aiohttp.ClientSession() as session, session.get(f"{url}/ticks") as stream:
        async with session.get(f"{url}/status") as status:
            assert (await status.json())["registered"] is False
        await stream.content.readline()
        process.send_signal(number)
        assert (await stream.read()).endswith(b"\n\n")
    output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert orjson.loads(output.splitlines()[-1])["event"] == "service.stopped"


@pytest.mark.parametrize("arguments", [(), ("nope",), ("price", "market_data")])
async def test_an_unknown_name_is_answered_with_those_there_are(
    start: Start, arguments: tuple[str, ...]
) -> None:
    assert await refusal(await start(*arguments)) == (
        2,
        "usage: python -m services NAME; NAME is one of market_data_service, price_service\n",
    )


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("SERVICE_PORT", "x", "SERVICE_PORT='x': must be a port from 1 to 65535\n"),
        ("INSTANCE_TTL", "x", "INSTANCE_TTL='x': must be a number of seconds\n"),
    ],
)
async def test_a_bad_setting_is_named_in_one_line(
    start: Start, variable: str, value: str, line: str
) -> None:
    assert await refusal(await start("price", **{variable: value})) == (2, line)


async def test_a_port_that_is_taken_is_named(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await start("price_service", SERVICE_PORT=str(port))
        status, line = await refusal(process)
    assert status == 1
    assert line.startswith(f"price_service can't listen on 127.0.0.1:{port}: ")
    assert line.count("\n") == 1
