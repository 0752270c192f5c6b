"""A drain is complete once every worker of every gateway has acknowledged it."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from discovery import AsyncServiceRegistry
from discovery.base.tasks import end
from discovery.member.sweeper import Sweeper
from discovery.model.answers import Swept
from discovery.store import scripts
from discovery.store.clients import connect_async
from discovery.store.keys import registry_keys, tag
from gateway.process import serve
from gateway.process.serve import ListenError
from gateway.process.sockets import bind
from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.raw_clients import exchange
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.upstreams import OK, Received, ServedConnection

pytestmark = pytest.mark.both_loops

GATEWAYS, WORKERS, ACKS = (f"{tag('default')}:{name}" for name in ("gateways", "workers", "acks"))
DRAIN = "/services/orders/instances/{}/drain?wait={}"


async def both_route_to(gateways: list[RunningGateway], key: str) -> None:
    await eventually(lambda: all(g.member.health.status(key) == "healthy" for g in gateways))


async def two_gateways(start_gateway: StartGateway) -> list[RunningGateway]:
    """Two gateways that know of each other."""
    gateways = [await start_gateway(), await start_gateway()]
    await eventually(lambda: all(g.member.sweeper.live_workers == 2 for g in gateways))
    return gateways


async def test_nothing_reaches_an_instance_after_twenty_drains_were_acknowledged(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    """When drains were acknowledged at the view's swap, late requests came in 9 of 20 drains."""

    async def answer_late(_: Received, connection: ServedConnection) -> None:
        await asyncio.sleep(0.002)
        await connection.send(OK)

    gateways = await two_gateways(start_gateway)
    stays, goes = await start_keep_alive(answer_late), await start_keep_alive(answer_late)
    await gateways[0].register("orders", stays.port, "stays", health_check_url="/health")
    await both_route_to(gateways, "orders/stays")
    statuses: set[int] = set()
    late = 0

    async def load(gateway: RunningGateway) -> None:
        while True:
            statuses.add((await gateway.get("/api/orders")).status)

    tasks = [asyncio.create_task(load(gateways[number % 2])) for number in range(8)]
    try:
        for _ in range(20):
            await gateways[0].register("orders", goes.port, "goes", health_check_url="/health")
            await both_route_to(gateways, "orders/goes")
            before = len(goes.requests)
            await eventually(lambda before=before: len(goes.requests) > before + 4)  # type: ignore[misc]

            drained = await gateways[0].admin("POST", DRAIN.format("goes", 30))
            assert drained.json() == {
                "complete": True,
                "workers": 2,
                "missing": 0,
                "in_flight": 0,
            }
            acknowledged, served = len(goes.requests), len(stays.requests)
            await eventually(lambda served=served: len(stays.requests) > served + 20)  # type: ignore[misc]
            late += len(goes.requests) - acknowledged
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert (late, statuses) == (0, {200})


async def test_a_request_at_another_gateway_is_waited_for_and_counted(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    over = asyncio.Event()

    async def slow(_received: Received, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.write(OK)

    gateways = await two_gateways(start_gateway)
    upstream = await start_upstream(slow)
    await gateways[0].register("orders", upstream.port)
    await both_route_to(gateways, "orders/i1")
    under_way = asyncio.create_task(gateways[1].get("/api/orders"))
    await eventually(lambda: upstream.requests)

    async def is_half_done() -> bool:
        answer = (await gateways[0].admin("POST", DRAIN.format("i1", 0))).json()
        return bool(answer == {"complete": False, "workers": 2, "missing": 1, "in_flight": 1})

    await eventually(is_half_done)
    waiting = asyncio.create_task(gateways[0].admin("POST", DRAIN.format("i1", 30)))
    over.set()

    assert (await waiting).json()["complete"] is True
    assert (await under_way).status == 200


async def test_a_dead_worker_delays_a_drain_by_its_lease_at_most(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port)
    async with AsyncServiceRegistry(registry_url) as registry:
        await registry.call(scripts.sweep("", 0, 60, worker="dead.1", worker_lease_s=60))
        assert await registry.drain("orders", "i1")

        async def one_is_missing() -> bool:
            found = await registry.drained("orders", "i1")
            return (found.complete, found.workers, found.missing) == (False, 2, 1)

        await eventually(one_is_missing)
        await registry.call(scripts.sweep("", 0, 60, worker="dead.1", worker_lease_s=1))
        late = await registry.drained("orders", "i1", wait_s=30)

    assert (late.complete, late.workers) == (True, 1)


async def test_a_gateway_that_stops_is_not_waited_for(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateways = await two_gateways(start_gateway)
    upstream = await start_upstream()
    await gateways[0].register("orders", upstream.port)
    await gateways[1].stop()

    answer = await gateways[0].admin("POST", DRAIN.format("i1", 30))

    assert answer.json() == {"complete": True, "workers": 1, "missing": 0, "in_flight": 0}


async def test_an_acknowledgement_of_a_registration_that_is_over_does_not_count(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port)
    assert (await gateway.admin("POST", DRAIN.format("i1", 30))).json()["complete"] is True

    await gateway.register("orders", upstream.port)
    async with AsyncServiceRegistry(registry_url) as registry:
        drained = await registry.drained("orders", "i1", wait_s=5)

    assert (drained.draining, drained.complete, drained.missing) == (False, False, 1)


async def test_acknowledgements_are_said_again_to_a_registry_that_has_lost_them(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port)
    assert (await gateway.admin("POST", DRAIN.format("i1", 30))).json()["complete"] is True
    async with aclosing(connect_async(registry_url)) as client:
        await client.delete(ACKS)
        await client.hincrby(registry_keys("default")[0], "rev", 1)  # a jump causes a new snapshot
    await gateway.register("orders", upstream.port, "i2")

    assert (await gateway.admin("POST", DRAIN.format("i1", 30))).json()["complete"] is True


async def test_acknowledgements_are_said_again_when_they_were_swept_away_with_the_lease(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    """A gateway was stopped for longer than its lease and did not repeat its words, so the drain waited."""
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port)
    assert (await gateway.admin("POST", DRAIN.format("i1", 30))).json()["complete"] is True
    async with aclosing(connect_async(registry_url)) as client:
        await client.delete(ACKS, GATEWAYS, WORKERS)  # as after another gateway's sweep
    await eventually(lambda: _holds_its_lease(gateway))

    assert (await gateway.admin("POST", DRAIN.format("i1", 30))).json()["complete"] is True


async def test_a_request_that_tries_its_next_candidate_leaves_a_drained_one_out(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """It had chosen among both, and reached the second after that drain was acknowledged."""
    asked, reset = asyncio.Event(), asyncio.Event()

    async def break_off(_received: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reset.wait()

    gateway = await start_gateway()
    breaks, drains = await start_upstream(break_off), await start_upstream()
    await gateway.register("orders", breaks.port, "breaks", health_check_url="/health", weight=1000)
    await gateway.register("orders", drains.port, "drains", health_check_url="/health", weight=1)
    while not asked.is_set():
        request = asyncio.create_task(gateway.get("/api/orders"))
        await eventually(lambda request=request: request.done() or asked.is_set())  # type: ignore[misc]
    answer = await gateway.admin("POST", DRAIN.format("drains", 30))
    assert answer.json()["complete"] is True
    served = len(drains.requests)
    reset.set()

    assert (await request).status == 502
    assert len(drains.requests) == served


async def test_a_starting_worker_holds_its_lease_before_it_takes_connections(
    registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drain that began between the worker's view and its lease completed without the worker."""
    workers = registry_keys("default")[10]
    held: list[bytes] = []

    async def never(_: Sweeper) -> None:
        await asyncio.Event().wait()

    async def look_instead_of_listening(*_: object) -> None:
        client = connect_async(registry_url)
        held.extend(await client.zrange(workers, 0, -1))
        await client.aclose()
        raise ListenError

    monkeypatch.setattr(Sweeper, "run", never)
    monkeypatch.setattr(serve, "listen", look_instead_of_listening)
    with pytest.raises(ListenError):
        await serve.serve(gateway_settings({"REDIS_URL": registry_url}), [])
    assert len(held) == 1


async def test_a_worker_that_listens_without_a_view_routes_once_it_holds_its_lease(
    own_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a view but no lease, a drain would complete while the worker still sent requests."""
    lease, sweep = asyncio.Event(), Sweeper.sweep

    async def sweep_late(sweeper: Sweeper) -> Swept | None:
        await lease.wait()
        return await sweep(sweeper)

    async def status_of(path: str) -> int:
        return (await exchange(port, b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode())).status

    own_registry.kill()
    monkeypatch.setattr(Sweeper, "sweep", sweep_late)
    monkeypatch.setattr(serve, "VIEW_WITHIN_S", 0.05)
    port = free_port()
    settings = gateway_settings({"REDIS_URL": own_registry.url, "GATEWAY_PORT": str(port)})
    with capture_logs() as logs:
        serving = asyncio.create_task(serve.serve(settings, bind(settings)))
        try:
            await eventually(lambda: events(logs, "gateway.started"))
            own_registry.start()
            await eventually(lambda: events(logs, "registry.connected"))
            assert (await status_of("/api/orders"), await status_of("/ready")) == (503, 503)
            lease.set()
            await eventually(lambda: events(logs, "gateway.routing"))
            assert (await status_of("/api/orders"), await status_of("/ready")) == (404, 200)
        finally:
            await end(serving)


def events(logs: Sequence[EventDict], event: str) -> list[EventDict]:
    return [line for line in logs if line["event"] == event]


async def _holds_its_lease(gateway: RunningGateway) -> bool:
    drained = await gateway.member.registry.drained("orders", "i1")
    return drained.workers == 1
