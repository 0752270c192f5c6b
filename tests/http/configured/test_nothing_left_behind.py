"""Whatever clients and instances do to each other, nothing stays held, counted or waited for."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import pytest
import redis.asyncio as redis

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawClient
from tests.support.transports import reset
from tests.support.upstreams import OK, Received

FILE = """
limits:
  some: {{concurrent: 30, by: everyone}}
  few: {{concurrent: 12, by: everyone, shadow: true}}
  tokens: {{budget: 100000, window: 60s, by: everyone, cost: {{event_stream: /n}}, reserve: 10}}
  failed: {{requests: 10000, window: 60s, counts: [500-599]}}
services:
  some:
    urls: [{urls}]
    health: {{path: /health, interval: 100ms}}
    outliers: {{failures: 3, eject: 100ms}}
    breaker: {{open_for: 100ms}}
    retries: {{attempts: 3, on: [connect, reset, timeout, 503], per_try: 200ms, budget: 1}}
    concurrent: 25
defaults: {{limits: [some, few, tokens, failed]}}
routes:
  - {{name: a, match: {{prefix: /a}}, service: some}}
  - {{name: r, match: {{prefix: /r}}, respond: {{body: here}}}}
  - {{name: n, match: {{prefix: /n}}, service: nobody}}
"""
CUT = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"n": 3'
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
COSTS = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"n": 7}'
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"


@pytest.mark.parametrize("seed", range(2))
async def test_nothing_is_left_behind(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    registry_url: str,
    tmp_path: Path,
    seed: int,
) -> None:
    rng = random.Random(seed)

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        kind = rng.randrange(9)
        if b"upgrade: websocket" in received.head.lower():
            writer.write(SWITCHED if kind else BUSY)
            await received.reader.read()
        elif kind == 0:
            reset(writer)
        elif kind == 1:  # it hangs, for longer than a try may take
            await received.reader.read()
        elif kind == 2:
            writer.write(EVENTS)
            for number in range(rng.randrange(40)):
                if writer.is_closing():
                    return
                writer.write(b'data: {"n": %d}\n\n' % number)
                await asyncio.sleep(0.005)
        else:
            writer.write(rng.choice([OK, COSTS, CUT, BUSY, FAILED]))

    upstreams = [await start_upstream(answer) for _ in range(3)]
    urls = ", ".join(f'"http://127.0.0.1:{one.port}"' for one in upstreams)
    file = tmp_path / "lockgate.yaml"
    file.write_text(FILE.format(urls=urls))
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))

    async def ask() -> None:
        method = rng.choice([b"GET", b"GET", b"HEAD", b"POST", b"PUT"])
        path = rng.choice([b"/a", b"/a", b"/a", b"/r", b"/n", b"/a/%2e%2e/b"])
        fields = rng.choice(
            [b"", b"", b"X-Request-Timeout: 0.05\r\n", b"Via: 1.1 lockgate\r\n" * 4]
        )
        body = b"x" * rng.choice([3, 3, 100_000]) if method in (b"POST", b"PUT") else b""
        if body:
            fields += b"Content-Length: %d\r\n" % len(body)
        elif method == b"GET" and not rng.randrange(5):
            fields += UPGRADE
        sent = body[: len(body) // 2] if body and not rng.randrange(4) else body
        async with await RawClient.connect(gateway.port) as client:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                await client.send(
                    b"%b %b HTTP/1.1\r\nHost: h\r\n%b\r\n%b" % (method, path, fields, sent)
                )
                stays_s = rng.choice([0.0, 0.001, 0.01, 0.1, 0.5])
                await client.answer(to_head=method == b"HEAD", within_s=stays_s)

    for _ in range(12):
        await asyncio.gather(*(ask() for _ in range(25)))
        assert (await gateway.admin("POST", "/config/reload")).status == 200

    await eventually(lambda: left_behind(gateway) == {})
    async with redis.Redis.from_url(registry_url) as registry:

        async def held() -> list[bytes]:
            return [key async for key in registry.scan_iter("*:limit:/held:*")]

        async def nothing_is_held() -> bool:
            return not await held()

        await eventually(nothing_is_held)


def left_behind(gateway: RunningGateway) -> dict[str, object]:
    """What is still held, by where; nothing where all is well."""
    inner = gateway.gateway
    assert inner.watched is not None
    waited_for = {
        key: (one.waiting, one.uploads)
        for service in inner.watched
        for key, one in service.standings.items()
    }
    counts = {
        "limits": inner.limiter.reserved(),
        "requests": inner.metrics.in_flight,
        "tunnels": inner.metrics.tunnels,
        "instances": {key: inner.upstreams.in_flight(key) for key in waited_for},
        "waiting": {key: sum(one) for key, one in waited_for.items()},
    }
    return {name: one for name, one in counts.items() if any(one.values())}
