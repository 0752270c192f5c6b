"""Real requests as evidence: failed connects, instances that hang, and what does not count."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.upstream.pool import Pool
from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.support import hanging_process
from tests.support.eventually import eventually
from tests.support.gateways import Answer, RunningGateway
from tests.support.loop_time import loop_time
from tests.support.upstreams import OK, Received, ServedConnection


@contextmanager
def service_process() -> Iterator[tuple[int, int]]:
    """(pid, port) of an instance in its own process."""
    command = [sys.executable, str(Path(hanging_process.__file__))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


async def health_of(gateway: RunningGateway, instance_id: str) -> dict[str, Any]:
    """An instance's health in `/services/orders`, seen with the token."""
    service = (await gateway.admin("GET", "/services/orders")).json()
    (health,) = [one["health"] for one in service["instances"] if one["id"] == instance_id]
    return dict(health)


@pytest.mark.parametrize("probe", [{"health_check_url": "/health"}, {}])
async def test_of_three_instances_one_that_hangs_costs_no_get_and_gets_nothing_after_half_a_second(
    start_gateway: StartGateway, start_upstream: StartUpstream, probe: dict[str, str]
) -> None:
    """The kernel accepts connections for a stopped process, so a connect proves nothing."""
    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="5")
    for instance_id in ("i1", "i2"):
        await gateway.register(
            "orders", (await start_upstream()).port, instance_id, ttl=600, **probe
        )
    with service_process() as (pid, port):
        await gateway.register("orders", port, "hangs", ttl=600, **probe)
        pool = pool_of(gateway, "orders/hangs")
        await eventually(lambda: get_until_used(gateway, lambda: pool.idle > 0))

        os.kill(pid, signal.SIGSTOP)
        stopped_s, latest_s, latest_began_s = time.monotonic(), 0.0, 0.0
        answers: list[asyncio.Task[Answer]] = []
        async with loop_time() as stopped:
            while time.monotonic() - stopped_s < 2.5 or stopped.s < 1:
                answers.append(asyncio.create_task(gateway.get("/api/orders")))
                await asyncio.sleep(0.02)
                began_s = max([latest_began_s, *(one.began_s for one in pool.active)])
                if began_s > latest_began_s:
                    latest_s, latest_began_s = stopped.s, began_s

        assert {(await answer).status for answer in answers} == {200}
        assert 0 < latest_s < 0.5
        assert (await health_of(gateway, "hangs"))["condition"] != "healthy"
        assert "no answer for" in (await health_of(gateway, "hangs"))["history"][1]["evidence"]

        os.kill(pid, signal.SIGCONT)
        await eventually(lambda: is_in_condition(gateway, "hangs", "healthy"), within_s=15)


def pool_of(gateway: RunningGateway, key: str) -> Pool:
    """The connections to an instance of `orders`."""
    entry = gateway.member.watcher.view.services["orders"][key]
    return gateway.gateway.upstreams.pool(entry.instance)


async def get_until_used(gateway: RunningGateway, used: Any) -> bool:
    assert (await gateway.get("/api/orders")).status == 200
    return bool(used())


async def is_in_condition(gateway: RunningGateway, instance_id: str, condition: str) -> bool:
    return str((await health_of(gateway, instance_id))["condition"]) == condition


async def test_an_instance_with_a_slow_endpoint_is_asked_once_and_left_alone(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    """A long poll looks like a hang until the probe passes; after that the same request raises no new
    suspicion and is not moved."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(received: Received, connection: ServedConnection) -> None:
        if received.target == b"/slow":
            asked.set()
            await answer.wait()
        await connection.send(OK)

    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="5")
    upstreams = [await start_keep_alive(slow) for _ in range(2)]
    for number, upstream in enumerate(upstreams):
        await gateway.register(
            "orders", upstream.port, f"i{number}", health_check_url="/health", ttl=600
        )
    waiting = asyncio.create_task(gateway.get("/api/orders/slow"))
    await asked.wait()
    (polled,) = [n for n, one in enumerate(upstreams) if one.requests]
    async with loop_time() as polling:
        while polling.s < 1.2:
            # The other instance goes on answering; nothing else goes to the one with the long poll.
            pool_of(gateway, f"orders/i{1 - polled}").answered_s = time.monotonic()
            await asyncio.sleep(0.02)

    history = (await health_of(gateway, f"i{polled}"))["history"]
    assert [(one["from"], one["to"]) for one in history] == [
        ("starting", "healthy"),
        ("healthy", "suspected"),
        ("suspected", "healthy"),
    ]
    assert not waiting.done()
    answer.set()
    assert (await waiting).status == 200
    assert sum(one.target == b"/slow" for up in upstreams for one in up.requests) == 1


async def test_the_gateways_own_pause_is_no_hang_of_an_instance(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    """Requests from before the pause seem to wait long, but their answers are only unread."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(received: Received, connection: ServedConnection) -> None:
        if received.target == b"/slow":
            asked.set()
            await answer.wait()
        await connection.send(OK)

    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="60")
    upstreams = [await start_keep_alive(slow) for _ in range(2)]
    for number, upstream in enumerate(upstreams):
        await gateway.register(
            "orders", upstream.port, f"i{number}", health_check_url="/health", ttl=600
        )
    waiting = asyncio.create_task(gateway.get("/api/orders/slow"))
    await asked.wait()
    (busy,) = [n for n, one in enumerate(upstreams) if one.requests]
    # The other instance has answered a request that was sent later.
    pool_of(gateway, f"orders/i{1 - busy}").answered_s = time.monotonic()

    time.sleep(0.6)  # noqa: ASYNC251  # the event loop stands, as it does for a collector or a pause of the machine
    answer.set()

    assert (await waiting).status == 200
    history = (await health_of(gateway, f"i{busy}"))["history"]
    assert [one["to"] for one in history] == ["healthy"]


async def test_a_failed_connect_counts_at_once_and_has_the_instance_probed(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="60", HEALTH_FALL="1")
    alive, dead = await start_upstream(), await start_upstream()
    await gateway.register("orders", alive.port, "alive")
    await gateway.register("orders", dead.port, "dead")
    await dead.stop()

    await eventually(lambda: get_until_used(gateway, lambda: suspected(gateway, "orders/dead")))

    await eventually(lambda: gateway.member.health.status("orders/dead") == "unhealthy")
    changes = (await health_of(gateway, "dead"))["history"]
    assert [one["to"] for one in changes] == ["healthy", "suspected", "unhealthy"]
    assert changes[1]["evidence"].startswith("connect failed: ")


def suspected(gateway: RunningGateway, key: str) -> bool:
    return any(one.after == "suspected" for one in gateway.member.health.history(key))


async def test_a_death_on_a_reused_connection_never_counts(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    async def dies_on_reuse(_: Received, connection: ServedConnection) -> None:
        if len(connection.requests) > 1:
            connection.reset()
        else:
            await connection.send(OK)

    gateway = await start_gateway()
    upstream = await start_keep_alive(dies_on_reuse)
    await gateway.register("orders", upstream.port, health_check_url="/health")

    for _ in range(10):
        assert (await gateway.get("/api/orders")).status == 200

    assert [one["to"] for one in (await health_of(gateway, "i1"))["history"]] == ["healthy"]


async def test_health_evidence_is_shown_to_those_with_the_token_alone(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway()
    await gateway.register("orders", (await start_upstream()).port, health_check_url="/health")

    (shown,) = (await gateway.admin("GET", "/services/orders")).json()["instances"]
    (public,) = (await gateway.get("/services/orders")).json()["instances"]
    (listed,) = (await gateway.admin("GET", "/services")).json()["services"][0]["instances"]

    assert shown["health"]["condition"] == "healthy"
    (change,) = shown["health"]["history"]
    assert (change["from"], change["to"]) == ("starting", "healthy")
    assert change["evidence"] == shown["health"]["latest"] == "GET /health answers 200"
    assert "health" not in public
    assert "health" not in listed
