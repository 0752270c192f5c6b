"""Connections to a host port are passed on to a service, and each direction ends by itself."""

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
from structlog.testing import capture_logs

from services.forwarding import pass_on
from services.host_ports import targets_of
from tests.support.registry_servers import free_port
from tests.support.transports import reset

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Listen = Callable[[Serve], Awaitable[int]]


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Start a server; return its port once it listens."""
    servers: list[asyncio.Server] = []

    async def start(serve: Serve) -> int:
        servers.append(await asyncio.start_server(serve, "127.0.0.1", 0))
        return int(servers[-1].sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()


def test_its_arguments_are_ports_and_names() -> None:
    assert targets_of(["8000:market_data_service", "8002:price_service"]) == [
        (8000, "market_data_service"),
        (8002, "price_service"),
    ]


@pytest.mark.parametrize("bad", ["8000", "price_service", "0:price", "70000:price", "8000:", "x:y"])
def test_what_is_no_port_and_name_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="must be PORT:NAME"):
        targets_of([bad])


async def test_much_passes_both_ways_and_the_end_of_each_side_is_passed_on(listen: Listen) -> None:
    body = bytes(range(256)) * 8192

    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read())[::-1])
        writer.close()

    port = await listen(partial(pass_on, "127.0.0.1", await listen(answer_at_the_end)))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(body)
    writer.write_eof()

    assert await reader.read() == body[::-1]
    writer.close()


async def test_a_connection_that_breaks_off_breaks_off_at_the_other_end(listen: Listen) -> None:
    seen = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except ConnectionError:
            seen.set()
        writer.close()

    port = await listen(partial(pass_on, "127.0.0.1", await listen(hear)))
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"half")
    await writer.drain()
    reset(writer)

    async with asyncio.timeout(10):
        await seen.wait()


@pytest.mark.parametrize("how", ["SIGTERM", "no route"])
async def test_what_was_not_passed_on_whole_is_not_taken_for_whole(
    listen: Listen, how: str
) -> None:
    """At SIGTERM, or when a container was killed, half a download ended like a complete one."""
    passing: list[asyncio.Task[None] | None] = []
    seen = asyncio.Event()

    async def send_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"half")
        try:
            await reader.read()
        except ConnectionError:
            seen.set()
        writer.close()

    async def pass_to(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passing.append(asyncio.current_task())
        readers.append(reader)
        await pass_on("127.0.0.1", port_there, reader, writer)

    readers: list[asyncio.StreamReader] = []
    port_there = await listen(send_half)
    reader, writer = await asyncio.open_connection("127.0.0.1", await listen(pass_to))
    assert await reader.readexactly(4) == b"half"
    (task,) = passing
    assert task is not None
    if how == "SIGTERM":
        task.cancel()  # as asyncio.run() does with remaining tasks
    else:
        readers[0].set_exception(OSError(errno.EHOSTUNREACH, "No route to host"))

    with pytest.raises(ConnectionError):
        await reader.read()
    async with asyncio.timeout(10):
        await seen.wait()
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None
    writer.close()


async def test_a_service_that_is_not_there_is_said_and_the_client_is_let_go(listen: Listen) -> None:
    nobody = free_port()
    port = await listen(partial(pass_on, "127.0.0.1", nobody))

    with capture_logs() as logs:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ConnectionError):
            await reader.readexactly(1)
        writer.close()

    (log,) = logs
    assert (log["event"], log["port"]) == ("port.unreachable", nobody)
