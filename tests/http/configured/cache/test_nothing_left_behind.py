"""Clients that leave at every moment of a flight, and what is left of it then."""

import asyncio
from typing import Any

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {object: 1KiB}
"""
ONE = b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n"
HEAD = (
    "HTTP/1.1 200 OK\r\nCache-Control: {}\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n"
)
ANSWERS = {
    "is kept": (HEAD.format("max-age=60", "text/plain"), 100),
    "is never fresh": (HEAD.format("max-age=0\r\nETag: a", "text/plain"), 100),
    "can't be kept": (HEAD.format("private", "text/plain"), 100),
    "is too large": (HEAD.format("max-age=60", "text/plain"), 1000),
    "is an event stream": (HEAD.format("max-age=60", "text/event-stream"), 100),
}
MOMENTS = ["before the head", "after the head", "in the body"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("leaving", [(0,), (0, 1)], ids=["first", "both"])
@pytest.mark.parametrize("answer", ANSWERS)
async def test_nothing_is_left_of_a_flight_whose_clients_leave(
    start_configured: StartConfigured,
    answer: str,
    leaving: tuple[int, ...],
    moment: str,
) -> None:
    """Of two clients; the one that stays gets what the instance sends."""
    head, size = ANSWERS[answer]
    piece = b"%x\r\n%b\r\n" % (size, b"x" * size)
    stages = {name: asyncio.Event() for name in [*MOMENTS, "at last"]}

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        for name, data in zip(
            stages, [b"", head.encode(), piece, piece + b"0\r\n\r\n"], strict=True
        ):
            await stages[name].wait()
            writer.write(data)
            await writer.drain()

    configured = await start_configured(FILE, script)
    mistakes: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: mistakes.append(context))
    gateway = configured.gateway.gateway
    assert gateway.remembering is not None
    remembering, before = gateway.remembering, len(configured.gateway.connections)
    clients = [await RawClient.connect(configured.gateway.port) for _ in range(2)]
    try:
        await clients[0].send(ONE)
        await eventually(lambda: len(remembering.flights) == 1)
        await clients[1].send(ONE)
        await eventually(lambda: remembering.counts.collapsed["shop"] == 1)
        awaited = {
            "before the head": b"",
            "after the head": b"\r\n\r\n",
            "in the body": b"x" * size,
        }
        for name, until in awaited.items():
            stages[name].set()
            for client in clients if until else ():
                await client.reader.readuntil(until)
            if name == moment:
                break
        for number in leaving:
            clients[number].writer.transport.abort()
        await eventually(lambda: len(configured.gateway.connections) == before + 2 - len(leaving))
        for stage in stages.values():
            stage.set()
        if len(leaving) == 1 and moment == "before the head":
            assert (await clients[1].answer()).body == b"x" * size * 2
        elif len(leaving) == 1:
            await clients[1].reader.readuntil(b"x" * size + b"\r\n0\r\n\r\n")
    finally:
        for client in clients:
            client.writer.transport.abort()
    await eventually(lambda: len(remembering.flights) == 0)
    await eventually(lambda: not any(gateway.metrics.in_flight.values()))
    await eventually(lambda: configured.upstream.open_connections == 0)
    assert remembering.room.bytes == 0
    assert not mistakes
