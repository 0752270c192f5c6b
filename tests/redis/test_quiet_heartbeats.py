"""Heartbeats and repeated verdicts change no state, so they make no event and wake nobody."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis

from discovery import AsyncServiceRegistry, RegistrySettings
from discovery.base.tasks import end
from discovery.store import scripts
from discovery.store.keys import registry_keys
from discovery.view.view import Event, View
from discovery.view.watcher import Watcher
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually

META, EVENTS = registry_keys("default")[0], registry_keys("default")[-1]


@pytest.fixture
async def client(registry_url: str) -> AsyncIterator["redis.asyncio.Redis"]:
    async with redis.asyncio.Redis.from_url(registry_url) as client:
        yield client


async def test_heartbeats_and_repeated_verdicts_are_no_events_and_wake_no_watcher(
    registry_url: str, client: Any
) -> None:
    keys = [f"price/{number}" for number in range(10)]
    woken: list[Event | None] = []
    watcher = Watcher(RegistrySettings(registry_url))
    watcher.listen(lambda _before, _after, event: woken.append(event))
    async with AsyncServiceRegistry(registry_url) as registry:
        for key in keys:
            await registry.register_service("price", "h", 1, instance_id=key.partition("/")[2])
        await registry.call(scripts.report("g", 60, [(key, "healthy", "200") for key in keys]))
        following = asyncio.create_task(watcher.run())
        try:
            await watcher.ready()
            woken.clear()
            length, revision = await client.xlen(EVENTS), await client.hget(META, "rev")
            for number in range(50):
                assert all(await registry.call(scripts.renew(keys)))
                verdicts = [(key, "healthy", f"200 in {number} ms") for key in keys]
                await registry.call(scripts.report("g", 60, verdicts))
                await registry.call(scripts.sweep("g", 60, 60))
            assert await client.xlen(EVENTS) == length
            assert await client.hget(META, "rev") == revision

            # The watcher's next event is this change, and there was no other.
            assert await registry.drain("price", "0")
            await eventually(lambda: woken)
            assert [event.kind for event in woken if event] == ["draining"]
            assert len(woken) == 1
        finally:
            await end(following)


async def test_probes_of_a_gateway_that_find_nothing_new_are_no_events(
    start_gateway: StartGateway, start_upstream: StartUpstream, client: Any
) -> None:
    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="0.05")
    probes = 0

    async def answers(_received: Any, writer: asyncio.StreamWriter) -> None:
        nonlocal probes
        probes += 1
        body = f"{probes} probes so far".encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    await gateway.register("orders", (await start_upstream(answers)).port, health_check_url="/h")
    watcher = gateway.member.watcher
    await eventually(lambda: [entry.status for entry in watcher.view.entries()] == ["healthy"])
    woken: list[View] = []
    watcher.listen(lambda _before, after, _event: woken.append(after))
    length, probed = await client.xlen(EVENTS), probes

    for _ in range(30):
        beat = await gateway.admin("POST", "/services/orders/instances/i1/heartbeat")
        assert beat.status == 204
    await eventually(lambda: probes >= probed + 30, within_s=15)

    assert await client.xlen(EVENTS) == length
    assert woken == []
