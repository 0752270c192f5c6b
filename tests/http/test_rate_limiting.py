"""Rate limits as a client sees them: fields, refusals, what counts, and an absent registry."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateway_processes import (
    PATIENT_WITH_THE_REGISTRY,
    GatewayProcess,
    gateway_process,
    until,
)
from tests.support.gateways import Answer, RunningGateway
from tests.support.registry_servers import RegistryServer

TRUSTING = {"TRUSTED_PROXIES": "127.0.0.0/8"}


@pytest.fixture
def start_limited(start_gateway: StartGateway, start_upstream: StartUpstream) -> StartGateway:
    """`await start_limited(RATE_LIMIT_REQUESTS="3")`: a gateway that routes `/api/orders`."""

    async def start(**environment: str) -> RunningGateway:
        gateway, upstream = await start_gateway(**environment), await start_upstream()
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        return gateway

    return start


async def ask(
    gateway: RunningGateway, client: str = "192.0.2.1", path: str = "/api/orders"
) -> Answer:
    """Send a request as a client behind a proxy."""
    return await gateway.get(path, headers={"X-Forwarded-For": client})


def remaining(answer: Answer) -> int:
    found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
    assert found is not None
    return int(found[1])


async def test_a_limited_route_says_what_is_left(start_limited: StartGateway) -> None:
    gateway = await start_limited(RATE_LIMIT_REQUESTS="5", RATE_LIMIT_WINDOW="60")

    began_s = time.monotonic()
    first, second = await gateway.get("/api/orders"), await gateway.get("/api/orders/x?y")
    took_s = time.monotonic() - began_s

    assert first.headers["RateLimit-Policy"] == '"default";q=5;w=60'
    # Admissions count from the next millisecond on, so clients were told `t=61` for a window of 60.
    assert first.headers["RateLimit"] == '"default";r=4;t=60'
    assert remaining(second) == 3
    assert 59 - took_s <= int(second.headers["RateLimit"].rpartition("=")[2]) <= 60
    assert "Retry-After" not in first.headers


async def test_what_is_over_the_limit_is_refused_and_told_when_to_come_again(
    start_limited: StartGateway,
) -> None:
    gateway = await start_limited(RATE_LIMIT_REQUESTS="2", RATE_LIMIT_WINDOW="60")
    began_s = time.monotonic()
    for _ in range(2):
        assert (await gateway.get("/api/orders")).status == 200

    answer = await gateway.get("/api/orders")
    took_s = time.monotonic() - began_s

    assert (answer.status, answer.reason) == (429, "rate_limited")
    assert set(answer.json()) == {
        *("type", "title", "status", "detail", "reason", "correlation_id")
    }
    wait = int(answer.headers["Retry-After"])
    assert 59 - took_s <= wait <= 61
    assert answer.headers["RateLimit"] == f'"default";r=0;t={wait}'
    assert answer.headers["RateLimit-Policy"] == '"default";q=2;w=60'


async def test_refused_requests_do_not_count_and_whoever_waits_gets_through(
    start_limited: StartGateway,
) -> None:
    gateway = await start_limited(RATE_LIMIT_REQUESTS="1", RATE_LIMIT_WINDOW="1")
    assert (await gateway.get("/api/orders")).status == 200

    async def refusal() -> Answer | None:
        """The refusal of a request that came within the window of the one before."""
        answer = await gateway.get("/api/orders")
        return answer if answer.status == 429 else None

    refused: Answer = await eventually(refusal)

    await asyncio.sleep(int(refused.headers["Retry-After"]))  # as the client was told

    assert refused.headers["Retry-After"] in ("1", "2")
    assert (await gateway.get("/api/orders")).status == 200


async def test_exactly_the_limit_is_admitted_over_two_gateways(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    """The gateways are processes: a loop that they share with clients may be too busy for the registry."""
    upstream = await start_upstream()
    environment = {**TRUSTING, "RATE_LIMIT_REQUESTS": "11"}
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()

    async def of(gateway: GatewayProcess, client: str) -> Answer:
        headers = {"X-Forwarded-For": client}
        return await gateway.request("GET", "/api/orders", headers=headers)

    async with (
        gateway_process(
            folders[0], registry_url, module=PATIENT_WITH_THE_REGISTRY, **environment
        ) as one,
        gateway_process(
            folders[1], registry_url, module=PATIENT_WITH_THE_REGISTRY, **environment
        ) as two,
    ):
        await one.register("orders_service", upstream.port, health_check_url="/health")
        await eventually(lambda: two.logs("instance.health_changed"))
        for client in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
            asked = (of(gateway, client) for gateway in (one, two) for _ in range(12))
            answers = await asyncio.gather(*asked)

            admitted = [answer for answer in answers if answer.status == 200]
            assert {answer.status for answer in answers} == {200, 429}
            assert sorted(map(remaining, admitted)) == list(range(11))


async def test_what_is_not_found_is_free_and_what_is_unavailable_counts(
    start_limited: StartGateway,
) -> None:
    gateway = await start_limited(RATE_LIMIT_REQUESTS="5")
    await gateway.register("idle_service", 1, weight=0, routable=False)

    for _ in range(10):
        missing = await gateway.get("/api/nothing")
        assert (missing.status, missing.reason) == (404, "route_not_found")
        assert "RateLimit" not in missing.headers
    unavailable = await gateway.get("/api/idle")
    served = await gateway.get("/api/orders")

    assert (unavailable.status, unavailable.reason) == (503, "no_healthy_instance")
    assert remaining(unavailable) == 4
    assert remaining(served) == 3


async def test_failures_of_the_upstream_carry_the_fields_too(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(RATE_LIMIT_REQUESTS="5"), await start_upstream(b"")
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    answer = await gateway.get("/api/orders")

    assert (answer.status, remaining(answer)) == (502, 4)


async def test_an_upstreams_own_fields_give_way_to_the_gateways(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(RATE_LIMIT_REQUESTS="5")
    fields = b'RateLimit: "theirs";r=1;t=1\r\nratelimit-policy: "theirs";q=1;w=1\r\n'
    upstream = await start_upstream(b"HTTP/1.1 200 OK\r\n%bContent-Length: 0\r\n\r\n" % fields)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    async with gateway.session.get(gateway.url + "/api/orders") as response:
        (field,) = response.headers.getall("RateLimit")
        assert field.startswith('"default";r=4;')
        assert response.headers.getall("RateLimit-Policy") == ['"default";q=5;w=60']


async def test_0_requests_switch_the_limit_off(start_limited: StartGateway) -> None:
    gateway = await start_limited(RATE_LIMIT_REQUESTS="0")

    answers = [await gateway.get("/api/orders") for _ in range(120)]

    assert {answer.status for answer in answers} == {200}
    assert all("RateLimit" not in answer.headers for answer in answers)
    assert all("RateLimit-Policy" not in answer.headers for answer in answers)


# Who is limited


async def test_behind_a_trusted_proxy_each_client_has_its_own_limit(
    start_limited: StartGateway,
) -> None:
    gateway = await start_limited(**TRUSTING, RATE_LIMIT_REQUESTS="9")

    assert remaining(await ask(gateway, "192.0.2.1")) == 8
    assert remaining(await ask(gateway, "192.0.2.1, 127.0.0.2")) == 7
    assert remaining(await ask(gateway, "203.0.113.5, 192.0.2.1")) == 6
    assert remaining(await ask(gateway, "nonsense, 192.0.2.1:4711")) == 5
    assert remaining(await ask(gateway, "192.0.2.2")) == 8
    assert remaining(await ask(gateway, "2001:db8:1:2::3")) == 8
    assert remaining(await ask(gateway, "[2001:db8:1:2:ffff::]:80")) == 7
    assert remaining(await ask(gateway, "2001:db8:1:3::3")) == 8
    assert remaining(await ask(gateway, "::ffff:192.0.2.2")) == 7


async def test_what_an_untrusted_peer_claims_is_not_believed_and_told_once(
    start_limited: StartGateway,
) -> None:
    with capture_logs() as logs:
        gateway = await start_limited(RATE_LIMIT_REQUESTS="9")
        assert (await gateway.admin("GET", "/status")).json()["untrusted_proxies"] == []

        left = [remaining(await ask(gateway, f"192.0.2.{n}")) for n in range(3)]

    assert left == [8, 7, 6]
    told = [e for e in logs if e["event"] == "client_address.untrusted_proxy"]
    assert [e["peer"] for e in told] == ["127.0.0.1"]
    assert (await gateway.admin("GET", "/status")).json()["untrusted_proxies"] == ["127.0.0.1"]


async def test_the_logged_client_is_the_one_that_is_limited(start_limited: StartGateway) -> None:
    gateway = await start_limited(**TRUSTING, RATE_LIMIT_REQUESTS="9")

    with capture_logs() as logs:
        await ask(gateway, "203.0.113.5, 192.0.2.1")
        (line,) = await eventually(lambda: [e for e in logs if e["event"] == "request"])

    assert line["client_ip"] == "192.0.2.1"


# The registry's absence


async def test_without_the_registry_each_gateway_admits_its_share_and_then_shares_again(
    start_gateway: StartGateway, start_upstream: StartUpstream, own_registry: RegistryServer
) -> None:
    environment = {**TRUSTING, "RATE_LIMIT_REQUESTS": "6", "REDIS_URL": own_registry.url}
    gateways = [await start_gateway(**environment) for _ in range(2)]
    upstream = await start_upstream()
    await gateways[0].register("orders_service", upstream.port, health_check_url="/health")

    async def all_know_each_other() -> bool:
        states = [(await gateway.get("/status")).json() for gateway in gateways]
        return all(
            state["registry"]["live_gateways"] == 2
            and state["services"]["orders_service"]["healthy"] == 1
            for state in states
        )

    await until(all_know_each_other)
    own_registry.kill()

    for gateway in gateways:
        answers = [await ask(gateway, "192.0.2.7") for _ in range(8)]
        statuses = [answer.status for answer in answers]
        assert statuses == [200] * 3 + [429] * 5
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
        assert (await gateway.get("/status")).json()["limits"]["alone"] is True
        metrics = (await gateway.get("/metrics")).body.decode()
        assert re.search(r'decisions_total\{decision="\w+_locally",policy="default"\}', metrics)

    own_registry.start()
    clients = iter(range(1, 255))

    async def shared_again() -> bool:
        client = f"198.51.100.{next(clients)}"
        left = [remaining(await ask(gateway, client)) for gateway in gateways]
        return left == [5, 4]

    await until(shared_again)


@pytest.mark.registry_hangs
async def test_a_registry_that_hangs_slows_nobody_down(
    start_limited: StartGateway, own_registry: RegistryServer
) -> None:
    gateway = await start_limited(RATE_LIMIT_REQUESTS="50", REDIS_URL=own_registry.url)
    await gateway.get("/api/orders")

    own_registry.pause()
    try:
        async with asyncio.timeout(15):
            answers = [await gateway.get("/api/orders") for _ in range(10)]
    finally:
        own_registry.resume()

    assert {answer.status for answer in answers} == {200}


async def test_an_emptied_registry_limits_on(
    start_limited: StartGateway, own_registry: RegistryServer
) -> None:
    gateway = await start_limited(**TRUSTING, RATE_LIMIT_REQUESTS="4", REDIS_URL=own_registry.url)
    await ask(gateway)

    own_registry.kill()
    own_registry.start()

    async def shared_again() -> bool:
        await ask(gateway, "192.0.2.9")
        return not (await gateway.get("/status")).json()["limits"]["alone"]

    await until(shared_again)
    statuses = [(await ask(gateway, "192.0.2.8")).status for _ in range(6)]
    assert statuses == [200] * 4 + [429] * 2
