"""A registry that answers too late or refuses writes: traffic goes on, and the trouble is reported."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.chaos.slow_proxy import SlowProxy
from discovery.store.keys import tag
from tests.conftest import StartGateway, StartUpstream
from tests.http.test_command_line import lockgate
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.loop_time import loop_time
from tests.support.registry_servers import RegistryServer

BODY = {"host": "127.0.0.1", "port": 1, "weight": 0}
OTHER = "/services/orders/instances/other"


@pytest.fixture
async def slow_proxy(own_registry: RegistryServer) -> AsyncIterator[SlowProxy]:
    """A proxy between a gateway and the registry, without delay until `delay_s` is set."""
    proxy = SlowProxy(own_registry.port)
    await proxy.start()
    yield proxy
    await proxy.stop()


async def metric(gateway: RunningGateway, name: str) -> float:
    """A metric of the registry in /metrics."""
    metrics = (await gateway.get("/metrics")).body.decode()
    (value,) = re.findall(rf"^discovery_registry_{name} (\S+)$", metrics, re.MULTILINE)
    return float(value)


async def listed_healthy(gateway: RunningGateway) -> bool:
    (orders,) = (await gateway.get("/services")).json()["services"]
    return bool(orders["healthy"] == 1)


def conditions(gateway: RunningGateway) -> list[str]:
    """All conditions that the instance has had at this gateway."""
    return [change.after for change in gateway.member.health.history("orders/i1")]


@pytest.mark.registry_hangs
@pytest.mark.parametrize("delay_s", [2.0, 1.1])
async def test_a_registry_that_answers_too_late_slows_no_request_and_nothing_flaps(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    slow_proxy: SlowProxy,
    delay_s: float,
) -> None:
    """The registry is away until it answers in time; a late snapshot changes nothing."""
    gateway = await start_gateway(
        REDIS_URL=f"redis://127.0.0.1:{slow_proxy.port}/0", RATE_LIMIT_REQUESTS="100000"
    )
    await gateway.register("orders", (await start_upstream()).port, health_check_url="/health")
    assert await metric(gateway, "up") == 1
    # The gateway's verdict is in the registry too, and so in the gateway's view.
    await eventually(lambda: listed_healthy(gateway))

    slow_proxy.delay_s = delay_s
    states, slowest_s, began_s = [], 0.0, time.monotonic()
    async with loop_time() as looped:
        while time.monotonic() - began_s < 8:
            asked_s = looped.s
            assert (await gateway.get("/api/orders")).status == 200
            slowest_s = max(slowest_s, looped.s - asked_s)
            assert (await gateway.get("/ready")).status == 200
            states.append((await gateway.get("/status")).json()["registry"]["connected"])
            await asyncio.sleep(0.02)

    assert slowest_s < 1
    assert [connected for connected, _ in itertools.groupby(states)] == [True, False]
    assert await metric(gateway, "up") == 0
    status = (await gateway.get("/status")).json()
    assert (status["registry"]["stale"], status["registry"]["writable"]) == (True, False)
    assert status["limits"]["alone"] is True
    (orders,) = (await gateway.get("/services")).json()["services"]
    assert (orders["healthy"], orders["total"]) == (1, 1)
    refused = await gateway.admin("PUT", OTHER, json=BODY)
    assert (refused.status, "Retry-After" in refused.headers) == (503, True)
    assert conditions(gateway) == ["healthy"]

    slow_proxy.delay_s = 0.0
    await eventually(lambda: gateway.member.watcher.connected, within_s=10)
    await eventually(lambda: gateway.member.sweeper.writable)
    assert await metric(gateway, "up") == 1
    assert await metric(gateway, "writable") == 1


async def test_a_registry_that_refuses_writes_costs_no_request_and_is_named(
    start_gateway: StartGateway, start_upstream: StartUpstream, own_registry: RegistryServer
) -> None:
    """Reads work, so the view is current; a lease that can't be renewed does not lapse meanwhile."""
    gateway = await start_gateway(REDIS_URL=own_registry.url, RATE_LIMIT_REQUESTS="100000")
    upstream = await start_upstream()
    await gateway.register("orders", upstream.port, health_check_url="/health", ttl=600)

    with own_registry.client() as client, client.pipeline() as at_once:
        (seconds, microseconds) = client.time()
        soon_ms = seconds * 1000 + microseconds // 1000 + 1000
        at_once.zadd(f"{tag('default')}:leases", {"orders/i1": soon_ms})
        at_once.config_set("min-replicas-to-write", 1)
        at_once.execute()
    await eventually(lambda: not gateway.member.sweeper.writable)
    states, began_s = [], time.monotonic()
    while time.monotonic() - began_s < 3:
        assert (await gateway.get("/api/orders")).status == 200
        assert (await gateway.get("/ready")).status == 200
        registry = (await gateway.get("/status")).json()["registry"]
        states.append((registry["connected"], registry["stale"], registry["writable"]))
        await asyncio.sleep(0.02)

    assert set(states) == {(True, False, False)}
    assert (await metric(gateway, "up"), await metric(gateway, "writable")) == (1, 0)
    assert (await gateway.get("/services")).json()["count"] == 1
    for method, path in (("PUT", OTHER), ("POST", "/services/orders/instances/i1/heartbeat")):
        refused = await gateway.admin(method, path, json=BODY)
        assert (refused.status, refused.reason) == (503, "registry_unavailable")
        assert "refuses to be changed" in refused.json()["detail"]
        assert refused.headers["Retry-After"] == "1"

    with own_registry.client() as client:
        client.config_set("min-replicas-to-write", 0)
    await eventually(lambda: gateway.member.sweeper.writable)
    heartbeat = await gateway.admin("POST", "/services/orders/instances/i1/heartbeat")
    assert heartbeat.status == 204
    assert (await gateway.admin("PUT", OTHER, json=BODY)).status == 201
    assert await metric(gateway, "writable") == 1
    assert conditions(gateway) == ["healthy"]


async def test_what_is_listed_while_the_registry_is_away_is_what_requests_get(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    own_registry: RegistryServer,
    tmp_path: Path,
) -> None:
    """The list showed the registry's last state, healthy, though requests had got 503 for minutes."""
    gateway, upstream = await start_gateway(REDIS_URL=own_registry.url), await start_upstream()
    await gateway.register("orders", upstream.port, health_check_url="/health", ttl=600)
    await eventually(lambda: listed_healthy(gateway))
    own_registry.kill()
    await eventually(lambda: not gateway.member.watcher.connected)
    await upstream.stop()
    await eventually(lambda: gateway.member.health.status("orders/i1") == "unhealthy")

    refused = await gateway.get("/api/orders")
    public = (await gateway.get("/services")).json()
    (with_token,) = (await gateway.admin("GET", "/services")).json()["services"]
    here = ("services", "--url", gateway.url)
    _, table, _ = await lockgate(tmp_path, *here, "--token", ADMIN_TOKEN)
    _, public_table, _ = await lockgate(tmp_path, *here)

    seen = "connect failed: Connection refused"
    assert f"1 unhealthy: {seen}" in refused.json()["detail"]
    assert public["stale"] is True
    (orders,) = public["services"]
    for service in (orders, with_token):
        assert service["healthy"] == 0
        assert service["instances"][0]["status"] == "unhealthy"
    (row,) = [line for line in table.splitlines() if line.startswith("orders  ")]
    assert re.search(rf" unhealthy +{seen} ", row)
    assert re.search(r" unhealthy +\(needs --token\) ", public_table)
