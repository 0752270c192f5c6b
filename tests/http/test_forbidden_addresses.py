"""The gateway never connects to some addresses, even if a record was written straight into the registry."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from discovery import AsyncServiceRegistry
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_process
from tests.support.gateways import RunningGateway
from tests.support.registry_servers import free_port
from tests.support.upstreams import Received


async def write(registry_url: str, host: str, port: int, **more: Any) -> None:
    """Register an instance as a service does, without the gateway's API."""
    async with AsyncServiceRegistry(registry_url) as registry:
        await registry.register_service("rogue", host, port, instance_id="i1", **more)


async def evidence(gateway: RunningGateway) -> str:
    """The probes' evidence once the instance is unhealthy."""
    await eventually(lambda: gateway.member.health.status("rogue/i1") == "unhealthy")
    return gateway.member.health.health("rogue/i1").evidence


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("169.254.169.254", "link-local"),
        ("169.254.0.1", "link-local"),
        ("fe80::1", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b:1::a9fe:a9fe", "link-local"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("fd00:ec2::254", "metadata"),
        ("fd00:ec2::23", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "multicast"),
    ],
)
@pytest.mark.parametrize("health_path", [None, "/health"])
async def test_forbidden_addresses_are_never_connected_to(
    start_gateway: StartGateway, registry_url: str, host: str, reason: str, health_path: str | None
) -> None:
    gateway = await start_gateway()

    with capture_logs() as logs:
        await write(registry_url, host, 80, health_check_url=health_path)
        why = await evidence(gateway)
        answer = await gateway.get("/api/rogue")
        (line,) = [e for e in logs if e["event"] == "instance.health_changed"]

    assert reason in why
    assert reason in line["evidence"]
    assert (line["from"], line["to"]) == ("starting", "unhealthy")
    assert (answer.status, answer.reason) == (503, "no_healthy_instance")


async def test_the_unspecified_address_reaches_no_local_service(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    """The kernel reads 0.0.0.0 as this machine."""
    gateway, upstream = await start_gateway(), await start_upstream()

    await write(registry_url, "0.0.0.0", upstream.port)

    assert "unspecified" in await evidence(gateway)
    assert upstream.open_connections == 0
    assert upstream.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("health_path", [None, "/health"])
async def test_the_gateways_own_listener_is_no_instance(
    start_gateway: StartGateway, registry_url: str, host: str, health_path: str | None
) -> None:
    gateway = await start_gateway()

    await write(registry_url, host, gateway.port, health_check_url=health_path)

    why = await evidence(gateway)
    # localhost may also be ::1, where nothing listens; the evidence names the last address tried.
    assert "own listener" in why or (host == "localhost" and "connect failed" in why)
    answer = await gateway.get("/api/rogue")
    assert (answer.status, answer.reason) == (503, "no_healthy_instance")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_requests_are_held_against_the_rules_by_themselves(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str, host: str
) -> None:
    """A health URL at another port passes its probes, but the instance's own address is forbidden."""
    gateway, upstream = await start_gateway(), await start_upstream()

    health_check_url = f"http://{host}:{upstream.port}/health"
    await write(registry_url, host, gateway.port, health_check_url=health_check_url)
    await eventually(lambda: gateway.member.health.status("rogue/i1") == "healthy")
    answer = await gateway.get("/api/rogue/health")

    assert (answer.status, answer.reason) == (502, "upstream_unreachable")
    assert b"listener" not in answer.body


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost"])
async def test_a_wildcard_listener_is_at_every_address_of_this_machine(
    tmp_path: Path, registry_url: str, host: str
) -> None:
    async with gateway_process(tmp_path, registry_url, GATEWAY_HOST="0.0.0.0") as gateway:
        await write(registry_url, host, gateway.port)
        (line,) = await eventually(lambda: gateway.logs("instance.health_changed"))
        answer = await gateway.request("GET", "/api/rogue")

        assert line["to"] == "unhealthy"
        assert (answer.status, answer.reason) == (503, "no_healthy_instance")
        # The gateway got only this request, and no probe of its own.
        assert len(await eventually(lambda: gateway.logs("request"))) == 1


async def test_probes_are_held_against_the_rules_by_themselves(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()

    health_check_url = f"http://127.0.0.1:{gateway.port}/health"
    await write(registry_url, "127.0.0.1", upstream.port, health_check_url=health_check_url)

    assert "own listener" in await evidence(gateway)


async def test_probes_follow_no_redirects(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    gateway, target = await start_gateway(), await start_upstream()
    location = b"Location: http://127.0.0.1:%d/secret\r\n" % target.port
    redirecting = await start_upstream(
        b"HTTP/1.1 302 Found\r\n" + location + b"Content-Length: 0\r\n\r\n"
    )

    await write(registry_url, "127.0.0.1", redirecting.port, health_check_url="/probe")

    assert await evidence(gateway) == "GET /probe answers 302, expected 200 to 299"
    assert target.requests == []


async def test_of_an_endless_health_answer_little_is_read_and_the_status_counts(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    async def endless(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"s3cret " * 1000)
            await writer.drain()

    gateway, upstream = (
        await start_gateway(HEALTH_CHECK_TIMEOUT="10"),
        await start_upstream(endless),
    )

    with capture_logs() as logs:
        await write(registry_url, "127.0.0.1", upstream.port, health_check_url="/probe")
        await eventually(lambda: gateway.member.health.status("rogue/i1") == "healthy")

    assert "s3cret" not in str(logs)
    assert gateway.member.health.health("rogue/i1").evidence == "GET /probe answers 200"


@pytest.mark.parametrize(
    ("allowed", "host", "may"),
    [
        ("10.0.0.0/8", "127.0.0.1", False),
        ("10.0.0.0/8", "localhost", False),
        ("localhost", "127.0.0.1", False),
        ("localhost", "localhost", True),
        ("10.0.0.0/8,127.0.0.0/8", "127.0.0.1", True),
        ("127.0.0.1, ::1", "localhost", True),
        ("0.0.0.0/0", "169.254.169.254", False),
        ("169.254.169.254", "169.254.169.254", False),
    ],
)
async def test_allowed_hosts_narrow_what_is_connected_to(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    registry_url: str,
    allowed: str,
    host: str,
    may: bool,
) -> None:
    gateway = await start_gateway(REGISTRY_ALLOWED_HOSTS=allowed)
    upstream = await start_upstream()

    await write(registry_url, host, upstream.port)
    await eventually(lambda: gateway.member.health.status("rogue/i1") != "starting")
    answer = await gateway.get("/api/rogue")

    assert answer.status == (200 if may else 503)
    assert len(upstream.requests) == (1 if may else 0)


@pytest.mark.parametrize(
    ("allowed", "host", "may"),
    [
        ("10.0.0.0/8", "127.0.0.1", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "64:ff9b::a01:203", True),
        ("10.0.0.0/8", "64:ff9b::b01:203", False),
        ("fd00::/8", "fd12::1", True),
        ("fd00::/8", "10.1.2.3", False),
        ("0.0.0.0/0,::/0", "169.254.169.254", False),
        ("0.0.0.0/0,::/0", "224.0.0.1", False),
        ("orders.internal", "Orders.Internal", True),
        ("orders.internal", "price.internal", False),
        ("orders.internal", "10.1.2.3", False),
        ("orders.internal,10.0.0.0/8", "price.internal", True),  # decided by its addresses
    ],
)
async def test_the_api_refuses_what_is_not_allowed(
    start_gateway: StartGateway, allowed: str, host: str, may: bool
) -> None:
    gateway = await start_gateway(REGISTRY_ALLOWED_HOSTS=allowed)

    body = {"host": host, "port": free_port()}
    answer = await gateway.admin("PUT", "/services/rogue/instances/i1", json=body)

    if may:
        assert answer.status == 201
    else:
        assert (answer.status, answer.reason) == (400, "bad_request")
        assert "never connected to" in answer.json()["detail"]
        assert "169" in host or "224" in host or "REGISTRY_ALLOWED_HOSTS" in answer.json()["detail"]


async def test_the_api_refuses_the_gateways_own_listener(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()

    body = {"host": "127.0.0.1", "port": gateway.port}
    answer = await gateway.admin("PUT", "/services/rogue/instances/i1", json=body)

    assert (answer.status, answer.reason) == (400, "bad_request")
    assert "own listener" in answer.json()["detail"]


@pytest.mark.parametrize(("allowed", "may"), [("10.0.0.0/8", False), ("127.0.0.0/8", True)])
async def test_requests_are_held_against_the_allowance_of_each_gateway(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    registry_url: str,
    allowed: str,
    may: bool,
) -> None:
    """It is registered through a gateway that allows it; a gateway that does not never connects."""
    lenient = await start_gateway()
    upstream = await start_upstream()
    await lenient.register("rogue", upstream.port)
    strict = await start_gateway(REGISTRY_ALLOWED_HOSTS=allowed)
    await eventually(lambda: strict.member.health.status("rogue/i1") != "starting")
    answer = await strict.get("/api/rogue")

    assert answer.status == (200 if may else 503)
    assert len(upstream.requests) == (1 if may else 0)
