"""A client that connects in the very moment in which the gateway stops to listen."""

import asyncio
import select
import socket

import pytest

from tests.conftest import StartGateway

pytestmark = pytest.mark.both_loops
GET = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"


def waits_in_queue(listening: socket.socket) -> bool:
    """Whether a client is there that nobody has accepted."""
    return bool(select.select([listening], [], [], 0)[0])


def received(client: socket.socket) -> bytes:
    """What has come for this client so far."""
    client.setblocking(False)
    try:
        return client.recv(4096)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize("turn", range(-1, 7))
async def test_it_is_answered_or_left_to_whoever_listens_there_next(
    start_gateway: StartGateway, turn: int
) -> None:
    """It comes so many turns of the event loop before or after the stop begins."""
    gateway = await start_gateway(SHUTDOWN_GRACE="20")

    async def stop() -> None:
        for _ in range(-turn):
            await asyncio.sleep(0)
        await gateway.drain()

    with gateway.listening.dup() as passed, socket.socket() as client:
        stopping = asyncio.create_task(stop())
        for _ in range(turn):
            await asyncio.sleep(0)
        client.connect(passed.getsockname())
        client.sendall(GET)
        await stopping
        answer = received(client)

        assert waits_in_queue(passed) or answer.startswith(b"HTTP/1.1 200 OK\r\n")
