"""Limits of a gateway of which each worker has its part."""

import asyncio
from pathlib import Path

import pytest

from tests.conftest import StartUpstream
from tests.support.gateway_processes import gateway_of_workers, in_the_end
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import OK, Received

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other

GET = b"GET /api/orders/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
MOST = 4
FILE = f"""
services: {{orders_service: {{concurrent: {MOST}}}}}
routes:
  - {{name: orders, match: {{prefix: /api/orders}}, service: orders_service}}
"""
ANSWERS_ITSELF = """
routes:
  - {name: orders, match: {prefix: /api/orders}, respond: {status: 200, body: ok}}
"""


@pytest.mark.parametrize("limit", ["UPSTREAM_CONNECTIONS", "concurrent"])
async def test_the_parts_of_all_workers_are_the_limit(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream, limit: str
) -> None:
    released = asyncio.Event()

    async def waiting(_received: Received, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.write(OK)
        await writer.drain()

    upstream = await start_upstream(waiting)
    environment = {"RATE_LIMIT_REQUESTS": "0", "UPSTREAM_CONNECTION_WAIT": "60"}
    if limit == "concurrent":
        (tmp_path / "lockgate.yaml").write_text(FILE)
        environment["GATEWAY_CONFIG"] = str(tmp_path / "lockgate.yaml")
    else:
        environment[limit] = str(MOST)
    async with gateway_of_workers(tmp_path, registry_url, **environment) as gateway:
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        asking: list[asyncio.Task[int]] = []

        async def ask() -> int:
            async with await RawClient.connect(gateway.port) as client:
                await client.send(GET)
                return (await client.answer(within_s=200)).status

        async def both_are_full() -> bool:
            asking.append(asyncio.create_task(ask()))
            await asyncio.sleep(0.02)
            return len(upstream.requests) >= MOST

        await in_the_end(both_are_full)
        asking += [asyncio.create_task(ask()) for _ in range(8)]
        if limit == "concurrent":  # refused at once
            await in_the_end(lambda: sum(one.done() for one in asking) == len(asking) - MOST)
        assert len(upstream.requests) == MOST
        released.set()
        statuses = await asyncio.gather(*asking)
        refused = statuses.count(503)
        assert statuses.count(200) == len(statuses) - refused
        assert (refused > 0) == (limit == "concurrent")


async def test_a_gateway_that_starts_while_the_registry_is_away_admits_no_more_than_the_limit(
    tmp_path: Path,
) -> None:
    """Each worker counts by itself, and takes its part: the registry has told none how many there are."""
    (tmp_path / "lockgate.yaml").write_text(ANSWERS_ITSELF)
    environment = {
        "GATEWAY_CONFIG": str(tmp_path / "lockgate.yaml"),
        "RATE_LIMIT_REQUESTS": "4",
        "RATE_LIMIT_WINDOW": "600",
    }
    async with gateway_of_workers(tmp_path, "redis://127.0.0.1:1/0", **environment) as gateway:
        statuses = [(await exchange(gateway.port, GET)).status for _ in range(24)]
        assert 2 <= statuses.count(200) <= 4
        assert statuses.count(429) == 24 - statuses.count(200)
