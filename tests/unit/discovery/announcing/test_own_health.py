"""How often an announced instance asks the registry about itself, and what it logs."""

import asyncio
import logging
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from discovery.announcing.own_health import OwnHealth
from discovery.announcing.registrar import REGISTERED
from discovery.model.answers import Standing
from discovery.model.errors import RegistryUnavailable
from discovery.model.instance import Instance, parse_registration
from tests.support.eventually import eventually

INSTANCE = parse_registration("orders_service", "o1", {"host": "localhost", "port": 9000})
HEALTHY = Standing("healthy", gateway_url="http://localhost:8080")
UNHEALTHY = Standing("unhealthy", "connect failed: Connection refused")


class Registrar:
    """A stand-in registrar that gives the test's answers, repeats the last one, and counts calls."""

    registry = "redis://user:s3cret@nobody.invalid default"

    def __init__(self, *standings: Standing | Exception) -> None:
        self.standings = list(standings)
        self.asked = 0

    async def standing(self, key: str) -> Standing:
        self.asked += 1
        said = self.standings.pop(0) if len(self.standings) > 1 else self.standings[0]
        if isinstance(said, Exception):
            raise said
        return said

    async def register(self, instance: Instance) -> None: ...

    async def renew(self, key: str) -> str:
        return "healthy"

    async def drain(self, key: str) -> None: ...

    async def drained(self, key: str) -> None: ...

    async def deregister(self, key: str) -> None: ...

    async def close(self) -> None: ...


def long_registered(registrar: Registrar) -> OwnHealth:
    clock = iter([0.0])
    return OwnHealth(INSTANCE, registrar, lambda: next(clock, 60.0))


async def heartbeats(health: OwnHealth, states: Sequence[str]) -> None:
    for state in states:
        await health.renewed(state)


async def test_of_a_healthy_instance_its_heartbeats_are_all_that_is_asked() -> None:
    registrar = Registrar(HEALTHY)
    health = OwnHealth(INSTANCE, registrar)
    await health.look()
    await heartbeats(health, ["healthy"] * 50)
    await health.sleep(0.01)
    assert registrar.asked == 1


async def test_a_change_of_state_is_asked_about_and_said_once() -> None:
    registrar = Registrar(HEALTHY, UNHEALTHY)
    health = long_registered(registrar)
    with capture_logs() as logs:
        await heartbeats(health, ["healthy", "healthy", "unhealthy", "unhealthy"])
        registrar.standings = [HEALTHY]
        await heartbeats(health, ["healthy", "healthy"])
    assert [line["event"] for line in logs] == [
        "announce.healthy",
        "announce.unhealthy",
        "announce.healthy",
    ]
    assert logs[0] == {
        "event": "announce.healthy",
        "log_level": "info",
        "instance": "o1",
        "url": "http://localhost:8080/api/orders/",
    }
    assert logs[1]["evidence"] == "connect failed: Connection refused, at localhost:9000"
    assert "another port (port)?" in logs[1]["advice"]
    assert registrar.asked == 4  # at first, twice while unhealthy, and at the recovery


async def test_where_a_heartbeat_tells_no_state_it_is_asked_each_time() -> None:
    registrar = Registrar(HEALTHY)
    await heartbeats(OwnHealth(INSTANCE, registrar), [REGISTERED] * 3)
    assert registrar.asked == 3


async def test_what_a_dead_gateway_said_is_no_verdict_and_the_next_ones_is_heard() -> None:
    """A service that came back after a crash read "healthy", though no gateway was there to probe it."""
    registrar = Registrar(Standing("healthy", live_gateways=0), HEALTHY)
    health = long_registered(registrar)
    with capture_logs() as logs:
        await heartbeats(health, ["healthy"] * 5)
    assert [line["event"] for line in logs] == ["announce.unprobed", "announce.healthy"]
    assert registrar.asked == 2


async def test_of_each_registration_its_health_is_told_anew() -> None:
    """After a pause "registered" was the last line, because nobody asked until the next change."""
    registrar = Registrar(HEALTHY)
    health = OwnHealth(INSTANCE, registrar)
    with capture_logs() as logs:
        await health.look()
        health.begin()
        sleeping = asyncio.create_task(health.sleep(60))
        await eventually(lambda: len(logs) == 2)
        sleeping.cancel()
    assert [line["event"] for line in logs] == ["announce.healthy"] * 2


async def test_until_there_is_a_verdict_it_looks_after_ever_longer_pauses() -> None:
    registrar, looks_s = Registrar(Standing("starting")), [time.monotonic()]

    async def standing(key: str) -> Standing:
        looks_s.append(time.monotonic())
        if len(looks_s) == 4:
            seen.set()
        return Standing("starting")

    seen = asyncio.Event()
    registrar.standing = standing  # type: ignore[method-assign]
    sleeping = asyncio.create_task(OwnHealth(INSTANCE, registrar).sleep(60))
    await asyncio.wait_for(seen.wait(), 30)
    sleeping.cancel()

    pauses_s = [after - before for before, after in pairwise(looks_s)]
    assert all(
        pause_s > least_s for pause_s, least_s in zip(pauses_s, (0.19, 0.39, 0.79), strict=True)
    )


async def test_the_next_heartbeat_waits_for_no_answer() -> None:
    """Four slow calls between two heartbeats took longer than the lease."""
    registrar, began = Registrar(HEALTHY), asyncio.Event()

    async def never(key: str) -> Standing:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    registrar.standing = never  # type: ignore[method-assign]
    async with asyncio.timeout(10):
        await OwnHealth(INSTANCE, registrar).sleep(1.5)
    assert began.is_set()


async def test_with_the_first_verdict_it_looks_no_more() -> None:
    registrar = Registrar(HEALTHY)
    await OwnHealth(INSTANCE, registrar).sleep(1.5)
    assert registrar.asked == 1


async def test_a_registry_that_is_away_is_no_news_and_no_failure() -> None:
    registrar = Registrar(RegistryUnavailable("away"))
    health = OwnHealth(INSTANCE, registrar)
    with capture_logs() as logs:
        await health.look()
        await health.lost()
    assert logs == []


async def test_no_password_is_said() -> None:
    health = long_registered(Registrar(Standing("starting", live_gateways=0)))
    with capture_logs() as logs:
        await health.look()
    (line,) = logs
    assert line["registry"] == "redis://user:***@nobody.invalid default"


async def test_a_program_without_structlog_reads_a_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registrar = Registrar(HEALTHY, UNHEALTHY)
    health = long_registered(registrar)
    with caplog.at_level(logging.INFO, "lockgate.discovery"):
        await health.look()
        await health.look()
    healthy, unhealthy = caplog.records
    assert healthy.getMessage() == "healthy: http://localhost:8080/api/orders/"
    assert (healthy.levelname, unhealthy.levelname) == ("INFO", "WARNING")
    assert unhealthy.getMessage().startswith("unhealthy: connect failed: Connection refused, at ")
