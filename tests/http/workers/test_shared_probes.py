"""Workers of one gateway share the probes, and what becomes of them."""

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import redis

from discovery.store.keys import KEY_NAMES, registry_keys
from tests.conftest import StartUpstream
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers, in_the_end
from tests.support.raw_clients import exchange
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import ScriptedUpstream

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other

INTERVAL_S = 0.2
GET = b"GET /api/orders/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def instances_of(
    gateway: GatewayOfWorkers, start_upstream: StartUpstream, count: int
) -> list[ScriptedUpstream]:
    """So many instances of orders_service, which are healthy."""
    return (await registered(gateway, start_upstream, count))[0]


async def registered(
    gateway: GatewayOfWorkers, start_upstream: StartUpstream, count: int
) -> tuple[list[ScriptedUpstream], list[str]]:
    """The same, and the ids of those that were registered once for sure."""
    upstreams = [await start_upstream() for _ in range(count)]
    once: list[str] = []
    for number, upstream in enumerate(upstreams):
        path = f"/services/orders_service/instances/i{number}"
        if await gateway.put(path, upstream.port, health_check_url="/health"):
            once.append(f"i{number}")
    await in_the_end(lambda: len(gateway.logs("instance.health_changed")) >= count)
    return upstreams, once


@pytest.mark.parametrize("workers", ["2", "4"])
async def test_an_instance_is_probed_once_in_an_interval_however_many_workers_there_are(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream, workers: str
) -> None:
    async with gateway_of_workers(
        tmp_path,
        registry_url,
        GATEWAY_WORKERS=workers,
        HEALTH_CHECK_INTERVAL=str(INTERVAL_S),
    ) as gateway:
        upstreams, once = await registered(gateway, start_upstream, 6)
        before, began_s = sum(one.probes for one in upstreams), time.monotonic()
        await in_the_end(lambda: all(one.probes > 15 for one in upstreams))
        probes = sum(one.probes for one in upstreams) - before
        intervals = (time.monotonic() - began_s) / INTERVAL_S
        assert probes / len(upstreams) < 1.3 * intervals + 1
        lines = gateway.logs("instance.health_changed")
        assert sorted(line["instance"] for line in lines) == [f"i{n}" for n in range(6)]
        told = Counter(line["instance"] for line in gateway.logs("instance.registered"))
        assert sorted(told) == [f"i{n}" for n in range(6)]
        assert all(told[one] == 1 for one in once)


async def test_a_verdict_is_logged_once_and_counts_for_the_registry(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    async with gateway_of_workers(tmp_path, registry_url, RATE_LIMIT_REQUESTS="0") as gateway:
        upstreams = await instances_of(gateway, start_upstream, 4)
        for one in upstreams:
            one.healthy = False

        async def all_unhealthy() -> bool:
            services = (await gateway.request("GET", "/services")).json()["services"]
            return {one["status"] for one in services[0]["instances"]} == {"unhealthy"}

        async def all_refuse() -> bool:
            return {(await exchange(gateway.port, GET)).status for _ in range(10)} == {503}

        await in_the_end(all_unhealthy)
        await in_the_end(
            all_refuse
        )  # each worker is asked; one may hear of a verdict a little later

        def lines() -> list[str]:
            changes = gateway.logs("instance.health_changed")
            return sorted(line["instance"] for line in changes if line["to"] == "unhealthy")

        await in_the_end(lambda: len(lines()) >= len(upstreams))  # they are written a little later
        assert lines() == ["i0", "i1", "i2", "i3"]


async def test_a_killed_worker_leaves_no_instance_unprobed(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    async with gateway_of_workers(tmp_path, registry_url, HEALTH_CHECK_TIMEOUT="5") as gateway:
        upstreams = await instances_of(gateway, start_upstream, 8)
        killed, _ = gateway.workers
        os.kill(killed, signal.SIGKILL)
        await in_the_end(lambda: gateway.logs("worker.ended"))
        probes = [one.probes for one in upstreams]
        await in_the_end(
            lambda: all(one.probes > n for one, n in zip(upstreams, probes, strict=True))
        )


async def test_the_instances_of_a_hanging_worker_are_judged_by_the_other(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    async with gateway_of_workers(tmp_path, registry_url, HEALTH_CHECK_TIMEOUT="0.5") as gateway:
        upstreams = await instances_of(gateway, start_upstream, 8)
        hanging, _ = gateway.workers
        os.kill(hanging, signal.SIGSTOP)
        for one in upstreams:
            one.healthy = False
        await in_the_end(
            lambda: (
                len(
                    {
                        line["instance"]
                        for line in gateway.logs("instance.health_changed")
                        if line["to"] == "unhealthy"
                    }
                )
                == len(upstreams)
            ),
        )
        assert not gateway.logs("worker.ended"), "it still hangs"


async def test_without_the_registry_a_new_worker_begins_with_its_siblings_view(
    tmp_path: Path, own_registry: RegistryServer, start_upstream: StartUpstream
) -> None:
    """Half of the requests would be answered 503 `no_view` until the registry is back."""
    async with gateway_of_workers(tmp_path, own_registry.url, RATE_LIMIT_REQUESTS="0") as gateway:
        await instances_of(gateway, start_upstream, 3)
        await in_the_end(lambda: len(gateway.logs("gateway.routing")) == 2)
        own_registry.kill()
        await in_the_end(lambda: len(gateway.logs("registry.unreachable")) >= 2)
        killed, _ = gateway.workers
        os.kill(killed, signal.SIGKILL)
        await in_the_end(lambda: gateway.logs("worker.ended"))
        ends = asyncio.Event()
        statuses: list[int] = []

        async def ask() -> None:
            while not ends.is_set():
                statuses.append((await exchange(gateway.port, GET)).status)

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        await gateway.all_ready(without=[killed])
        more = len(statuses) + 100
        await in_the_end(lambda: len(statuses) > more)
        ends.set()
        await asyncio.gather(*asking)
        assert set(statuses) == {200}
        # It is written a little later.
        of_the_new = await in_the_end(lambda: gateway.logs("gateway.routing")[2:])
        assert [line["view_from"] for line in of_the_new] == ["sibling"]

        own_registry.start()
        await in_the_end(lambda: len(gateway.logs("registry.connected")) >= 4)
        assert (await exchange(gateway.port, GET)).status == 200


async def test_nobody_waits_for_a_worker_that_was_killed(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    """Drains waited until its lease had lapsed, for 3 s; a machine may be busy for so long, but not each time."""
    leases = registry_keys("default")[KEY_NAMES.index("workers")]
    async with (
        gateway_of_workers(tmp_path, registry_url) as gateway,
        redis.asyncio.Redis.from_url(registry_url) as client,
    ):
        registry: Any = client
        await instances_of(gateway, start_upstream, 3)

        async def both_live() -> bool:
            status = (await gateway.request("GET", "/status")).json()["registry"]
            return (status["live_gateways"], status["live_workers"]) == (1, 2)

        await in_the_end(both_live)  # a worker counts the leases when it sweeps
        in_time = []
        for number in range(1, 4):
            killed = gateway.workers[0]
            (lapses_ms,) = [
                at_ms
                for name, at_ms in await registry.zrange(leases, 0, -1, withscores=True)
                if name.decode().endswith(f".{killed}")
            ]
            os.kill(killed, signal.SIGKILL)
            await in_the_end(lambda n=number: len(gateway.logs("worker.ended")) == n)
            # One that no worker has acknowledged yet.
            path = f"/services/orders_service/instances/i{number - 1}/drain?wait=20"
            drained = (await gateway.request("POST", path)).json()
            assert drained["complete"], drained
            seconds, micros = await registry.time()
            in_time.append(seconds * 1000 + micros / 1000 < lapses_ms)
            if in_time[-1]:
                break
            await gateway.all_ready(without=[killed])
        assert in_time[-1]
