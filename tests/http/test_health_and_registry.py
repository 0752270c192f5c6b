"""What the gateway and the registry tell each other about an instance's health over its life."""

from typing import Any

import redis

from discovery import AsyncServiceRegistry
from discovery.store import scripts
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway


async def status_of(gateway: RunningGateway, service: str = "orders") -> str:
    """The status of a service's only instance in `/services`, or `gone`."""
    answer = await gateway.get(f"/services/{service}")
    return str(answer.json()["instances"][0]["status"]) if answer.status == 200 else "gone"


async def test_an_instance_that_registers_again_after_a_loss_of_data_is_said_to_be_healthy(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    """The gateway's verdict did not change, so it never told the registry again."""
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port)
    await eventually(lambda: _is(gateway, "healthy"))

    with redis.Redis.from_url(registry_url) as client:
        client.flushall()
    await gateway.register("orders", upstream.port)

    await eventually(lambda: _is(gateway, "healthy"))


async def test_an_instance_that_lapsed_and_registers_again_is_found_by_python(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port, ttl=1)
    await eventually(lambda: _is(gateway, "gone"))

    await gateway.register("orders", upstream.port)

    async with AsyncServiceRegistry(registry_url) as registry:
        await eventually(lambda: registry.get_service("orders"))


async def test_an_instance_removed_for_ill_health_comes_back_on_probation(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """One pass makes a new instance healthy; a removed one has to pass HEALTH_RISE times."""
    gateway = await start_gateway(
        HEALTH_RISE="3", HEALTH_FALL="1", UNHEALTHY_REMOVE_AFTER="0", HEALTH_CHECK_INTERVAL="0.05"
    )
    upstream = await start_upstream(healthy=False)
    await gateway.register("orders", upstream.port, health_check_url="/health", routable=False)
    await eventually(lambda: _is(gateway, "gone"))
    upstream.healthy = True
    probes = upstream.probes

    await gateway.register("orders", upstream.port, health_check_url="/health")

    assert upstream.probes - probes >= 3
    assert (await gateway.get("/api/orders")).status == 200


async def test_on_probation_its_evidence_outlives_a_loss_of_data(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    """Its registrant was told nothing, because nothing had changed for the gateway."""
    gateway = await start_gateway(
        HEALTH_FALL="1", UNHEALTHY_REMOVE_AFTER="0", HEALTH_CHECK_INTERVAL="0.05"
    )
    upstream = await start_upstream(healthy=False)
    instance: dict[str, Any] = {"health_check_url": "/health", "routable": False}

    async with AsyncServiceRegistry(registry_url) as registry:

        async def is_told() -> bool:
            standing = await registry.call(scripts.standing("orders/i1"))
            return standing.state == "starting" and "answers 503" in standing.evidence

        await gateway.register("orders", upstream.port, **instance)
        await eventually(lambda: _is(gateway, "gone"))
        await gateway.register("orders", upstream.port, **instance)
        await eventually(is_told)
        with redis.Redis.from_url(registry_url) as client:
            client.flushall()
        await gateway.register("orders", upstream.port, **instance)
        await eventually(is_told)


async def test_probation_outlives_the_gateways(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """Only the gateway that had seen the removal knew; after its restart one pass was enough."""
    settings = {"HEALTH_FALL": "1", "HEALTH_CHECK_INTERVAL": "0.05"}
    first = await start_gateway(UNHEALTHY_REMOVE_AFTER="0", **settings)
    upstream = await start_upstream(healthy=False)
    await first.register("orders", upstream.port, health_check_url="/health", routable=False)
    await eventually(lambda: _is(first, "gone"))
    await first.stop()
    upstream.healthy = True

    second = await start_gateway(HEALTH_RISE="100", **settings)
    probes = upstream.probes
    await second.register("orders", upstream.port, health_check_url="/health", routable=False)
    await eventually(lambda: upstream.probes - probes >= 3)
    assert await _is(second, "starting")
    await second.stop()

    probes = upstream.probes
    third = await start_gateway(HEALTH_RISE="3", **settings)
    await eventually(lambda: _is(third, "healthy"))
    assert upstream.probes - probes >= 3
    assert (await third.get("/api/orders")).status == 200


async def test_an_instance_at_another_address_is_a_new_one(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    moved = await start_upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmoved")
    await gateway.register("orders", upstream.port)

    await gateway.register("orders", moved.port)

    assert (await gateway.get("/api/orders")).body == b"moved"


async def _is(gateway: RunningGateway, wanted: str) -> bool:
    return await status_of(gateway) == wanted
