"""Client connections between requests hold next to nothing and end after KEEPALIVE_TIMEOUT_S."""

import asyncio
import gc
import socket

import pytest
from aiohttp import web

from gateway.front import answering, server
from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

pytestmark = pytest.mark.both_loops

GET = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"


def requests() -> int:
    """How many requests the process holds."""
    gc.collect()
    return sum(isinstance(one, web.Request) for one in gc.get_objects())


def unread(port: int) -> socket.socket:
    """A client that will read nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (answering, server):
        monkeypatch.setattr(module, "KEEPALIVE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(server, "SWEEP_EVERY_S", 0.02)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("sent", [b"", b"GET /health HT", GET + b"GET /health HT"])
async def test_a_connection_without_a_request_ends(
    start_gateway: StartGateway, sent: bytes
) -> None:
    """So does one with an unfinished head."""
    gateway = await start_gateway()
    async with await RawClient.connect(gateway.port) as client:
        await client.send(sent)
        if sent.startswith(GET):
            assert (await client.answer()).status == 200

        assert await client.closed()


@pytest.mark.usefixtures("soon")
async def test_an_answer_may_take_longer_than_an_idle_connection_may_wait(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    released = asyncio.Event()

    async def late(_received: Received, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")

    gateway, upstream = await start_gateway(), await start_upstream(late)
    await gateway.register("orders", upstream.port)
    async with await RawClient.connect(gateway.port) as client:
        await client.send(b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n")
        await eventually(lambda: len(upstream.requests) == 1)
        async with await RawClient.connect(gateway.port) as idle:
            assert await idle.closed()
        released.set()

        assert (await client.answer()).body == b"late"
        assert await client.closed()


async def test_an_idle_connection_keeps_no_task_and_nothing_of_its_last_request(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    tasks, before = len(asyncio.all_tasks()), requests()
    clients = [await RawClient.connect(gateway.port) for _ in range(5)]
    for client in clients:
        await client.send(GET)
        assert (await client.answer()).status == 200

    await eventually(lambda: len(asyncio.all_tasks()) == tasks)
    assert requests() == before
    for client in clients:
        await client.close()


async def test_pipelined_requests_are_answered_one_after_the_other(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    async with await RawClient.connect(gateway.port) as client:
        asked = [b"one", b"two", b"three"]
        await client.send(
            b"".join(
                b"GET /health HTTP/1.1\r\nHost: h\r\nX-Correlation-ID: %b\r\n\r\n" % name
                for name in asked
            )
        )
        for name in asked:
            assert (await client.answer()).values(b"X-Correlation-ID") == [name]


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("path", [b"/api/orders", b"/nowhere"])
async def test_a_client_that_pipelines_and_reads_nothing_is_given_up(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, path: bytes
) -> None:
    """All its answers were made and kept at once, and the gateway waited for it without a limit."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n" + b"x" * 30_000
    gateway, upstream = await start_gateway(), await start_keep_alive(answer)
    await gateway.register("orders", upstream.port)
    asked = b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path
    sock = unread(gateway.port)

    async def ask_for_ever() -> None:
        while True:
            await asyncio.get_running_loop().sock_sendall(sock, asked * 100)

    with sock, pytest.raises(ConnectionError):
        await asyncio.wait_for(ask_for_ever(), 20)

    assert len(upstream.requests) < 2000
