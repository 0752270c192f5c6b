"""The routing table is replaced while requests flow: the next request uses the new one."""

import asyncio

import pytest
from structlog.testing import capture_logs

from middlewares.cors.deciding import CorsPolicy
from middlewares.limits.deciding import Policy
from middlewares.routing.deciding import Table
from middlewares.routing.policy import Retries, RoutePolicy, Timeouts
from tests.conftest import StartGateway, StartUpstream
from tests.http.conftest import StartHop
from tests.support.gateways import RunningGateway
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import OK, Received

MINUTE_US = 60_000_000


def limit_to(gateway: RunningGateway, requests: int) -> None:
    """Put a new policy of the same name in force, as a reload of the configuration does."""
    limits = (Policy("default", requests, MINUTE_US),) if requests else ()
    gateway.gateway.routing.swap(Table(RoutePolicy(limits=limits)))


async def statuses(gateway: RunningGateway, number: int) -> list[int]:
    return [(await gateway.get("/api/orders")).status for _ in range(number)]


async def test_a_limit_that_is_raised_holds_for_who_was_just_refused(start_hop: StartHop) -> None:
    """A refusal is remembered for its time, but not beyond the old limit."""
    gateway, _ = await start_hop(RATE_LIMIT_REQUESTS="2")
    assert await statuses(gateway, 4) == [200, 200, 429, 429]
    limit_to(gateway, 3)
    raised = await gateway.get("/api/orders")
    assert (raised.status, raised.headers["RateLimit-Policy"]) == (200, '"default";q=3;w=60')
    assert await statuses(gateway, 2) == [429, 429]


async def test_a_limit_that_is_lowered_holds_for_the_next_request(start_hop: StartHop) -> None:
    gateway, _ = await start_hop(RATE_LIMIT_REQUESTS="100")
    assert await statuses(gateway, 3) == [200, 200, 200]
    limit_to(gateway, 2)
    lowered = await gateway.get("/api/orders")
    assert (lowered.status, lowered.headers["RateLimit-Policy"]) == (429, '"default";q=2;w=60')


async def test_a_limit_that_is_switched_off_and_on_again_has_forgotten_nothing(
    start_hop: StartHop,
) -> None:
    gateway, _ = await start_hop(RATE_LIMIT_REQUESTS="1")
    assert await statuses(gateway, 2) == [200, 429]
    limit_to(gateway, 0)
    free = await gateway.get("/api/orders")
    assert (free.status, "RateLimit" in free.headers) == (200, False)
    limit_to(gateway, 1)
    assert await statuses(gateway, 1) == [429]


async def test_a_worker_alone_goes_by_the_new_limit_too(
    start_hop: StartHop, own_registry: RegistryServer
) -> None:
    gateway, _ = await start_hop(RATE_LIMIT_REQUESTS="2", REDIS_URL=own_registry.url)
    own_registry.kill()
    assert await statuses(gateway, 3) == [200, 200, 429]
    assert gateway.gateway.limiter.alone
    limit_to(gateway, 3)
    assert await statuses(gateway, 2) == [200, 429]


async def test_a_request_under_way_keeps_what_it_began_with(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slowly(_received: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await answered.wait()
        writer.write(OK)

    gateway = await start_gateway(RATE_LIMIT_REQUESTS="7")
    upstream = await start_upstream(slowly)
    await gateway.register("orders_service", upstream.port)
    under_way = asyncio.create_task(gateway.get("/api/orders"))
    await asked.wait()
    gateway.gateway.routing.swap(Table(RoutePolicy(), "/elsewhere"))
    answered.set()
    answer = await under_way
    assert (answer.status, answer.headers["RateLimit-Policy"]) == (200, '"default";q=7;w=60')
    assert (await gateway.get("/api/orders")).status == 404


async def test_deadlines_are_those_of_the_route_that_a_request_began_with(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """Both requests are at one instance."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slowly(_received: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await answered.wait()
        writer.write(OK)

    gateway = await start_gateway()
    upstream = await start_upstream(slowly)
    await gateway.register("orders_service", upstream.port)
    patient = asyncio.create_task(gateway.get("/api/orders"))
    await asked.wait()
    gateway.gateway.routing.swap(Table(RoutePolicy(timeouts=Timeouts(head_s=0.05))))

    hasty = await gateway.get("/api/orders")

    assert (hasty.status, hasty.json()["reason"]) == (504, "upstream_timeout")
    assert not patient.done()
    answered.set()
    assert (await patient).status == 200


async def test_a_route_says_how_often_its_requests_are_tried(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="60")
    for number in range(3):
        dead = await start_upstream()
        await gateway.register("orders_service", dead.port, f"dead-{number}")
        await dead.stop()
    gateway.gateway.routing.swap(Table(RoutePolicy(retries=Retries(attempts=2))))

    with capture_logs() as logs:
        answer = await gateway.get("/api/orders")

    assert answer.status == 503
    (logged,) = (one for one in logs if one["event"] == "request")
    assert logged["attempts"] == 2


async def test_two_requests_of_one_instance_keep_each_their_own_timeouts(
    start_hop: StartHop,
) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def when_told(received: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await answered.wait()
        writer.write(OK)

    gateway, _ = await start_hop(when_told)
    patient = asyncio.create_task(gateway.get("/api/orders"))
    await asked.wait()
    gateway.gateway.routing.swap(Table(RoutePolicy(timeouts=Timeouts(head_s=0.05))))
    assert (await gateway.get("/api/orders")).reason == "upstream_timeout"
    answered.set()
    assert (await patient).status == 200


async def test_every_layer_asks_the_table_what_is_proxied(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop(CORS_ORIGINS="https://shop.example")
    from_the_shop = {"Origin": "https://shop.example"}
    policy = RoutePolicy(cors=CorsPolicy(("https://shop.example",)))
    gateway.gateway.routing.swap(Table(policy, "/gw/v1"))

    answer = await gateway.get("/gw/v1/orders/x?y", headers=from_the_shop)
    assert (answer.status, upstream.requests[-1].target) == (200, b"/x?y")
    assert upstream.requests[-1].values(b"X-Forwarded-Prefix") == [b"/gw/v1/orders"]
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"

    before = await gateway.get("/api/orders", headers=from_the_shop)
    assert (before.status, before.json()["detail"]) == (404, "nothing is found at this path")
    assert "Access-Control-Allow-Origin" not in before.headers
    assert (await gateway.get("/")).json()["routes"] == [
        {"route": "/gw/v1/orders", "service": "orders_service"}
    ]


@pytest.mark.parametrize("prefix", ["/api", "/gw/v1"])
async def test_a_path_right_at_the_prefix_has_no_route(start_hop: StartHop, prefix: str) -> None:
    gateway, _ = await start_hop()
    gateway.gateway.routing.swap(Table(RoutePolicy(), prefix))
    for path in (prefix, f"{prefix}?x", f"{prefix}/"):
        answer = await gateway.get(path)
        assert (answer.status, answer.json()["detail"]) == (
            404,
            "no service is registered for this path",
        )
