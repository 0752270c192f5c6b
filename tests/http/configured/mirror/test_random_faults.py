"""Clients that leave and a mirror that fails at random: answers stay right, and nothing is left."""

import asyncio
import random

import pytest

from tests.http.configured.mirror.conftest import StartMirrored
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

REQUESTS = 60
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MORE = "methods: [GET, POST], compare: {json: true}, timeout: 2s, in_flight: 10"


def body_for(target: bytes) -> bytes:
    """About as long as the number in the path says."""
    return b'{"path":"%b","text":"%b"}' % (
        target,
        b"x" * (int(target.rpartition(b"/")[2]) % 3 * 70_000),
    )


async def honest(received: Received, writer: asyncio.StreamWriter) -> None:
    body = body_for(received.target)
    writer.write(JSON + b"Content-Length: %d\r\n\r\n" % len(body))
    for at in range(0, len(body), 50_000):
        writer.write(body[at : at + 50_000])
        await writer.drain()


class Faulty:
    """Does something else with each request."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        body = body_for(received.target)
        match self._rng.randrange(8):
            case 0:
                writer.transport.abort()
            case 1:
                await received.reader.read()  # until the gateway gives up
            case 2:
                writer.write(b"not HTTP")
            case 3:
                writer.write(JSON + b"Content-Length: %d\r\n\r\n%b" % (len(body) + 9, body))
            case 4:
                writer.write(JSON + b"\r\n" + b"[" * 300_000)
            case 5:
                writer.write(b"HTTP/1.1 503 Broken\r\nContent-Length: 0\r\n\r\n")
            case _:
                await honest(received, writer)


async def ask(port: int, number: int, rng: random.Random) -> None:
    """GET or POST; some clients leave in the middle of their body or of their answer."""
    what = rng.choice(["get", "get", "post", "post", "half a body", "no answer"])
    client = await RawClient.connect(port)
    try:
        head = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number
        body = b""
        if what in ("post", "half a body"):
            body = b"y" * rng.choice([1, 10_000, 90_000])
            head = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
            head %= (number, len(body))
        await client.send(head + (body[: len(body) // 2] if what == "half a body" else body))
        if what in ("half a body", "no answer"):
            return
        answer = await client.answer()
        assert (answer.status, answer.body) == (200, body_for(b"/%d" % number))
    finally:
        client.writer.transport.abort()


@pytest.mark.parametrize("seed", range(3))
async def test_clients_notice_nothing_and_nothing_is_left(
    start_mirrored: StartMirrored, seed: int
) -> None:
    rng = random.Random(seed)
    mirrored = await start_mirrored(honest, Faulty(rng), MORE)
    gateway = mirrored.configured.gateway
    async with asyncio.TaskGroup() as clients:
        for number in range(REQUESTS):
            clients.create_task(ask(gateway.port, number, rng))
    mirroring = gateway.gateway.mirroring
    assert mirroring is not None
    await eventually(lambda: mirroring.describe()["in_flight"] == 0)
    await eventually(lambda: mirrored.shadow.open_connections == 0)
    await eventually(lambda: mirrored.configured.upstream.open_connections == 0)
    report = await mirrored.report()
    assert "internal_error" not in report["copies"]
    assert 0 < sum(report["copies"].values()) <= REQUESTS
    assert report["compared"] + sum(report["not_compared"].values()) > 0
