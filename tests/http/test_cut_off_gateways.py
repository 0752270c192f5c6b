"""A gateway that is cut off from an instance or from the registry does not disturb other gateways."""

import time

from discovery.model.addresses import AddressPolicy
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.registry_servers import RegistryServer, free_port

QUICK = {"HEALTH_CHECK_INTERVAL": "0.1", "UNHEALTHY_REMOVE_AFTER": "1"}
NOTHING_HERE = gateway_settings({"REGISTRY_ALLOWED_HOSTS": "10.0.0.0/8"}).allowed_hosts


async def is_healthy(gateway: RunningGateway, instance_id: str = "i1") -> bool:
    return gateway.member.health.status(f"orders/{instance_id}") == "healthy"


async def registered(gateway: RunningGateway) -> dict[str, str]:
    """The instances in `/services`, with their status."""
    (orders,) = (await gateway.get("/services")).json()["services"]
    return {one["id"]: one["status"] for one in orders["instances"]}


async def test_an_instance_that_one_gateway_can_not_reach_is_out_there_alone(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """A gateway routes by its own evidence; the registry keeps what any live gateway can reach."""
    near, cut_off = [await start_gateway(**QUICK) for _ in range(2)]
    await near.register("orders", (await start_upstream()).port, health_check_url="/health")
    await eventually(lambda: is_healthy(cut_off))
    dialer = cut_off.gateway.dialer
    as_it_was, dialer.policy = dialer.policy, AddressPolicy(NOTHING_HERE)

    await eventually(lambda: cut_off.member.health.status("orders/i1") == "unhealthy")
    until_s = time.monotonic() + 3  # three times as long as an instance may be unhealthy
    while time.monotonic() < until_s:
        refused = await cut_off.get("/api/orders")
        assert (refused.status, refused.reason) == (503, "no_healthy_instance")
        assert (await near.get("/api/orders")).status == 200
        assert await registered(near) == {"i1": "healthy"}

    dialer.policy = as_it_was
    await eventually(lambda: is_healthy(cut_off))
    assert (await cut_off.get("/api/orders")).status == 200


async def test_a_gateway_without_the_registry_serves_on_and_nobody_else_notices(
    start_gateway: StartGateway, start_upstream: StartUpstream, own_registry: RegistryServer
) -> None:
    """Its last verdicts stop counting when its lease ends; it still routes by its own probes."""
    async with Forwarder(own_registry.port) as path:
        near = await start_gateway(REDIS_URL=own_registry.url, **QUICK)
        cut_off = await start_gateway(REDIS_URL=f"redis://127.0.0.1:{path.port}/0", **QUICK)
        stays, dies = await start_upstream(), await start_upstream()
        for instance_id, upstream in (("stays", stays), ("dies", dies)):
            await near.register("orders", upstream.port, instance_id, health_check_url="/health")
            await eventually(lambda instance_id=instance_id: is_healthy(cut_off, instance_id))
        await eventually(lambda: near.member.sweeper.live_gateways == 2)

        path.target = free_port()
        await path.cut()
        await eventually(lambda: not cut_off.member.watcher.connected)
        assert (await cut_off.get("/ready")).status == 200
        await dies.stop()
        for gateway in (near, cut_off):
            for _ in range(20):
                assert (await gateway.get("/api/orders")).status == 200
            health = gateway.member.health
            await eventually(lambda health=health: health.status("orders/dies") == "unhealthy")

        # A silent gateway delays removals for at most its lease, and delays no registration.
        await near.register("orders", (await start_upstream()).port, "new")
        await eventually(lambda: near.member.sweeper.live_gateways == 1, within_s=20)

        async def the_dead_one_is_removed() -> bool:
            return await registered(near) == {"stays": "healthy", "new": "healthy"}

        await eventually(the_dead_one_is_removed, within_s=20)
        assert (await cut_off.get("/api/orders")).status == 200
        assert (await cut_off.get("/services")).json()["stale"] is True

        path.target = own_registry.port
        await eventually(lambda: is_healthy(cut_off, "new"), within_s=20)
        assert await registered(cut_off) == {"stays": "healthy", "new": "healthy"}
