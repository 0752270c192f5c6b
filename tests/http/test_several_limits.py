"""A route with several limits, and limits that count answers, through the whole chain."""

import asyncio

import pytest

from middlewares.limits.deciding import Policy
from middlewares.routing.deciding import Table
from middlewares.routing.policy import RoutePolicy
from tests.http.conftest import StartHop
from tests.support.gateways import RunningGateway
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import Received

MINUTE_US = 60_000_000
UNAUTHORIZED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


def put_under(gateway: RunningGateway, *limits: Policy) -> None:
    gateway.gateway.routing.swap(Table(RoutePolicy(limits=limits)))


async def statuses(gateway: RunningGateway, number: int) -> list[int]:
    return [(await gateway.get("/api/orders")).status for _ in range(number)]


async def test_the_fields_tell_of_every_limit_the_one_that_decides_first(
    start_hop: StartHop,
) -> None:
    gateway, _ = await start_hop()
    put_under(gateway, Policy("default", 9, MINUTE_US), Policy("plan", 2, 3600 * 1_000_000))
    admitted = await gateway.get("/api/orders")
    assert admitted.headers["RateLimit-Policy"] == '"plan";q=2;w=3600, "default";q=9;w=60'
    assert admitted.headers["RateLimit"] == '"plan";r=1;t=3600, "default";r=8;t=60'
    assert await statuses(gateway, 2) == [200, 429]


async def test_a_request_that_one_limit_refuses_costs_nothing_of_the_others(
    start_hop: StartHop,
) -> None:
    wide, narrow = Policy("wide", 5, MINUTE_US), Policy("narrow", 2, MINUTE_US)
    gateway, _ = await start_hop()
    put_under(gateway, wide, narrow)
    assert await statuses(gateway, 6) == [200, 200, 429, 429, 429, 429]
    put_under(gateway, wide)
    assert await statuses(gateway, 4) == [200, 200, 200, 429]


@pytest.mark.parametrize("registry", ["there", "away"])
async def test_failed_log_ins_are_limited_and_others_are_not(
    start_hop: StartHop, own_registry: RegistryServer, registry: str
) -> None:
    answers = [UNAUTHORIZED, b"HTTP/1.1 204 No Content\r\n\r\n"]

    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[0])
        answers.reverse()

    gateway, _ = await start_hop(answer, REDIS_URL=own_registry.url)
    put_under(gateway, Policy("logins", 2, MINUTE_US, frozenset([401])))
    if registry == "away":
        own_registry.kill()
    assert await statuses(gateway, 5) == [401, 204, 401, 429, 429]


async def test_an_answer_of_the_gateways_own_is_charged_by_its_status_too(
    start_hop: StartHop,
) -> None:
    gateway, _ = await start_hop(b"no HTTP\r\n\r\n")
    put_under(gateway, Policy("failed", 2, MINUTE_US, frozenset([502])))
    assert await statuses(gateway, 4) == [502, 502, 429, 429]
