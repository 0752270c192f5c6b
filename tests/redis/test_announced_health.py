"""What `announce()` logs about its service's health with a real registry; the test acts as the gateway."""

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from discovery import AsyncServiceRegistry, RegistrySettings
from discovery.announcing.announcement import make_announcement
from discovery.store import scripts
from discovery.store.keys import registry_keys
from tests.redis.test_announcing import NAME, StartService, start_service
from tests.support.eventually import eventually
from tests.support.registry_servers import free_port

__all__ = ["start_service"]

KEY = f"{NAME}/a1"
URL = "http://localhost:8080"
LEASE_S = 60


@pytest.fixture
async def registry(registry_url: str) -> AsyncIterator[AsyncServiceRegistry]:
    async with AsyncServiceRegistry(registry_url) as registry:
        await registry.call(scripts.sweep("g", LEASE_S, 60, url=URL))
        yield registry


async def report(registry: AsyncServiceRegistry, verdict: str, evidence: str) -> None:
    await registry.call(scripts.report("g", LEASE_S, [(KEY, verdict, evidence)]))


def said(logs: Any) -> list[dict[str, Any]]:
    """The log lines about health, without those about the registration."""
    return [line for line in logs if line["event"] != "announce.registered"]


async def test_health_is_said_once_per_change_and_what_to_do(
    registry_url: str, registry: AsyncServiceRegistry, start_service: StartService
) -> None:
    with capture_logs() as logs:
        service = await start_service(registry_url)
        await eventually(service.registered)
        await report(registry, "unhealthy", "GET /health answers 404, expected 200 to 299")
        await eventually(lambda: said(logs))
        await report(registry, "unhealthy", "connect failed: Connection refused")
        await eventually(lambda: len(said(logs)) > 1)
        await report(registry, "healthy", "GET /health answers 200")
        await eventually(lambda: len(said(logs)) > 2)
        (before,) = service.registered()
        await eventually(
            lambda: service.registered()[0]["lapses_at_ms"] > before["lapses_at_ms"] + 300
        )  # three heartbeats later

    no_path, refused, healthy = said(logs)
    where = f"http://localhost:{service.port}/health"
    assert (no_path["event"], no_path["log_level"]) == ("announce.unhealthy", "warning")
    assert no_path["evidence"] == f"GET {where} answers 404, expected 200 to 299"
    assert no_path["advice"] == (
        "give the path of its health check (health_path), or health_path=None if it has none"
    )
    assert refused["evidence"].endswith(f"Connection refused, at localhost:{service.port}")
    assert (healthy["event"], healthy["url"]) == ("announce.healthy", f"{URL}/api/price/")


async def test_without_a_gateway_it_says_that_none_is_there(
    registry_url: str, start_service: StartService
) -> None:
    with capture_logs() as logs:
        await start_service(registry_url)
        await eventually(lambda: said(logs))
    (line,) = said(logs)
    assert (line["event"], line["log_level"]) == ("announce.unprobed", "warning")
    assert registry_url in line["registry"]


async def test_a_port_that_nothing_listens_at_is_said_once(registry_url: str) -> None:
    """The service waited for its port for ever and said nothing."""
    port = free_port()
    announcement = make_announcement(
        name=NAME,
        port=port,
        host=None,
        health_path=None,
        metadata=None,
        version=None,
        weight=1,
        instance_id=None,
        settings=RegistrySettings(registry_url),
        starts_within_s=0.05,
    )
    with capture_logs() as logs:
        announcement.start()
        await eventually(lambda: logs)
        with socket.create_server(("127.0.0.1", port)):
            await eventually(announcement.listening.is_set)
        await announcement.withdraw()
    late = [line for line in logs if line["event"] == "announce.not_listening"]
    assert [(line["port"], line["log_level"]) for line in late] == [(port, "warning")]


async def test_a_drain_by_somebody_else_is_said_and_its_own_is_not(
    registry_url: str, registry: AsyncServiceRegistry, start_service: StartService
) -> None:
    with capture_logs() as logs:
        service = await start_service(registry_url)
        await eventually(service.registered)
        await registry.drain(NAME, "a1")
        await eventually(lambda: said(logs))
        await service.runner.cleanup()
    assert [line["event"] for line in said(logs)] == ["announce.drained"]


async def test_its_own_goodbye_is_not_said(
    registry_url: str, registry: AsyncServiceRegistry, start_service: StartService
) -> None:
    with capture_logs() as logs:
        service = await start_service(registry_url)
        await eventually(service.registered)
        await report(registry, "healthy", "200")
        await eventually(lambda: said(logs))
        await service.runner.cleanup()
    assert [line["event"] for line in said(logs)] == ["announce.healthy"]


async def test_whoever_takes_it_out_is_said_before_it_registers_again(
    registry_url: str, registry: AsyncServiceRegistry, start_service: StartService
) -> None:
    with capture_logs() as logs:
        service = await start_service(registry_url)
        await eventually(service.registered)
        await registry.deregister_service(NAME, "a1")
        await eventually(lambda: logs and logs[-1]["event"] == "announce.registered")
        await eventually(lambda: len(logs) == 3)
    events = [line["event"] for line in logs]
    assert events == ["announce.registered", "announce.deregistered", "announce.registered"]


async def test_a_removal_for_ill_health_is_said_and_what_is_wrong_still_after_it(
    registry_url: str, registry: AsyncServiceRegistry, start_service: StartService
) -> None:
    """The instance comes back on probation, and is never called unhealthy again."""
    with capture_logs() as logs:
        service = await start_service(registry_url)
        await eventually(service.registered)
        await report(registry, "unhealthy", "GET /health answers 404, expected 200 to 299")
        await eventually(lambda: said(logs))
        with redis.Redis.from_url(registry_url) as client:
            client.zadd(registry_keys("default")[6], {KEY: 1})  # for a long time
        await registry.call(scripts.sweep("g", LEASE_S, 60, url=URL))
        await eventually(lambda: len(said(logs)) > 1)
        await eventually(service.registered)
        await report(registry, "starting", "GET /health answers 404, expected 200 to 299")
        await eventually(lambda: len(said(logs)) > 2)
    assert [line["event"] for line in said(logs)] == [
        "announce.unhealthy",
        "announce.removed",
        "announce.unhealthy",
    ]
