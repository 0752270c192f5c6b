"""The loss of most of a service at once shows in the log, in `/metrics` and in `/status`."""

from typing import Any

from structlog.testing import capture_logs

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway

COUNT = 'discovery_mass_losses_total{service="orders"} 1.0'


async def mass_losses(gateway: RunningGateway) -> Any:
    return (await gateway.get("/status")).json()["mass_losses"]


async def test_the_loss_of_more_than_half_is_said_once(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(HEALTH_FALL="1", HEALTH_CHECK_INTERVAL="0.05")
    upstreams = [await start_upstream() for _ in range(3)]
    for i, upstream in enumerate(upstreams):
        await gateway.register("orders", upstream.port, f"i{i}", health_check_url="/health")
    assert await mass_losses(gateway) == {}

    with capture_logs() as logs:
        for i, upstream in enumerate(upstreams):
            upstream.healthy = False
            key = f"orders/i{i}"
            await eventually(lambda key=key: gateway.member.health.status(key) == "unhealthy")

    said = [line for line in logs if line["event"] == "service.mass_loss"]
    assert said == [
        {
            "event": "service.mass_loss",
            "log_level": "warning",
            "name": "orders",
            "lost": 2,
            "total": 3,
        }
    ]
    assert await mass_losses(gateway) == {"orders": {"lost": 3, "total": 3}}
    assert COUNT in (await gateway.get("/metrics")).body.decode()


async def test_instances_that_lapse_are_lost(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port, ttl=1)
    await eventually(lambda: "orders" in gateway.member.mass_losses.present())


async def test_a_rolling_restart_is_no_loss(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    for i in range(3):
        await gateway.register("orders", upstream.port, f"i{i}")
    for i in range(3):
        path = f"/services/orders/instances/i{i}"
        assert (await gateway.admin("POST", path + "/drain")).status == 204
        assert (await gateway.admin("DELETE", path)).status == 204
        await gateway.register("orders", upstream.port, f"i{i}")

    assert await mass_losses(gateway) == {}
    assert "discovery_mass_losses_total{" not in (await gateway.get("/metrics")).body.decode()
