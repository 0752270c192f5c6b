"""`python -m services NAME` as a process: its start, its stop, and what it refuses."""

import signal
import socket
from asyncio.subprocess import Process

import aiohttp
import orjson
import pytest

from services.catalogue import MODULES
from tests.http.services.processes import Start, logged


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


@pytest.mark.parametrize("name", sorted(MODULES))
async def test_each_service_runs_alone(start: Start, unused_tcp_port: int, name: str) -> None:
    process = await start(name, SERVICE_PORT=str(unused_tcp_port))
    await logged(process, "service.started")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as session:
        async with session.get("/ready") as ready:
            assert (ready.status, await ready.json()) == (200, {"status": "ready", "service": name})
        async with session.get("/status") as status:
            states = {entry["state"] for entry in (await status.json())["dependencies"]}
    assert states <= {"unavailable"}
    process.terminate()
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


async def test_a_signal_tells_websockets_that_the_service_goes_away(
    start: Start, unused_tcp_port: int
) -> None:
    process = await start("price", SERVICE_PORT=str(unused_tcp_port))
    await logged(process, "service.started")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{unused_tcp_port}/ws") as socket,
    ):
        process.terminate()
        message = await socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
    await process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize("arguments", [(), ("nope",), ("price", "market_data")])
async def test_an_unknown_name_is_answered_with_those_there_are(
    start: Start, arguments: tuple[str, ...]
) -> None:
    assert await refusal(await start(*arguments)) == (
        2,
        f"lockgate: usage: python -m services NAME; NAME is one of {', '.join(sorted(MODULES))}\n",
    )


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("SERVICE_PORT", "x", "lockgate: SERVICE_PORT='x': must be a port from 1 to 65535\n"),
        ("INSTANCE_TTL", "x", "lockgate: INSTANCE_TTL='x': must be a number of seconds\n"),
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
    assert line.startswith(f"lockgate: price_service can't listen on 127.0.0.1:{port}: ")
    assert line.count("\n") == 1
