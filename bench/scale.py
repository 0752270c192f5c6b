"""How discovery's cost grows with the number of instances that send heartbeats: 100, 1,000 and 10,000."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import aiohttp
import redis.asyncio
import structlog

from bench.peers import lockgate
from bench.peers.peer import Launch, Site
from bench.processes import Running, StartError, free_port
from bench.report import Bar, quantile
from bench.stage import Stage
from discovery import AsyncServiceRegistry, RegistrySettings
from discovery.base.tasks import end
from discovery.model.instance import Instance, parse_registration
from discovery.store import scripts
from discovery.store.keys import registry_keys
from discovery.view.watcher import Watcher

SIZES = (100, 1_000, 10_000)
#: The size to which the growth is extrapolated.
LARGER = 100_000
INSTANCES_OF_A_SERVICE = 10
HEARTBEAT_S = 5.0
LEASE_S = 15.0
#: Heartbeats are spread over the interval in slices; each is a call, as instances send it.
SLICE_S = 0.05
CHANGES = 100
HEALTHY_WITHIN_S = 120.0
#: By then a gateway that lost its connection has read the view anew.
NEW_VIEW_WITHIN_S = 2.0
MIB = 1024 * 1024

GATEWAY_CPU = Bar("gateway's CPU at 10,000 instances", 3, " %")
FULL_VIEW = Bar("full view of 10,000 instances", 300, " ms")
CHANGE = Bar("a change at 10,000 instances, p99", 100, " ms")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU in percent of a core, memory in MiB above an empty registry's, times in ms."""

    registry_cpu: float
    gateway_cpu: float
    registry_mib: float
    gateway_mib: float
    view_ms: float
    pause_ms: float
    listing_ms: float
    change_p50_ms: float
    change_p99_ms: float


#: The columns, and their fields of Cost.
MEASURED = {
    "registry CPU %": "registry_cpu",
    "gateway CPU %": "gateway_cpu",
    "registry MiB": "registry_mib",
    "gateway MiB": "gateway_mib",
    "full view ms": "view_ms",
    "slowest answer meanwhile ms": "pause_ms",
    "GET /services ms": "listing_ms",
    "change ms, p50": "change_p50_ms",
    "p99": "change_p99_ms",
}


def run(stage: Stage) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for_s = 10 if stage.quick else 300
    stage.report.title(f"Instances that send heartbeats, {for_s} s each")
    costs = []
    for size in SIZES:  # each is printed at once: the whole takes a quarter of an hour
        costs.append(asyncio.run(_measure(stage, size, for_s)))
        shown = (f"{what} {_shown(getattr(costs[-1], name))}" for what, name in MEASURED.items())
        stage.report.say(f"{size:,}: {', '.join(shown)}")
    stage.report.say("")
    stage.report.table(
        ("instances", *MEASURED),
        [
            (f"{size:,}", *(_shown(getattr(cost, name)) for name in MEASURED.values()))
            for size, cost in zip(SIZES, costs, strict=True)
        ],
    )
    stage.report.bar(GATEWAY_CPU, costs[-1].gateway_cpu)
    stage.report.bar(FULL_VIEW, costs[-1].view_ms)
    stage.report.bar(CHANGE, costs[-1].change_p99_ms)
    stage.report.title("How each grows")
    steps = [f"each 1,000 more, {few:,} to {many:,}" for few, many in pairwise(SIZES)]
    stage.report.table(
        ("", *steps, f"{LARGER:,} if it goes on so"),
        [
            (what, *_growth([getattr(cost, name) for cost in costs]))
            for what, name in MEASURED.items()
        ],
    )


def _growth(values: Sequence[float]) -> list[str]:
    """How much each thousand instances add between two sizes, and what that extrapolates to."""
    rates = [
        (value[1] - value[0]) / (size[1] - size[0])
        for value, size in zip(pairwise(values), pairwise(SIZES), strict=True)
    ]
    larger = values[-1] + max(0.0, rates[-1]) * (LARGER - SIZES[-1])
    return [*(f"{rate * 1000:+.2f}" for rate in rates), _shown(larger)]


def _shown(value: float) -> str:
    return f"{value:,.1f}"


async def _measure(stage: Stage, size: int, for_s: float) -> Cost:
    settings = RegistrySettings(
        f"redis://127.0.0.1:{stage.registry.port}/0", namespace=f"scale{size}"
    )
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(redis.asyncio.Redis(port=stage.registry.port))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        registry = await stack.enter_async_context(AsyncServiceRegistry(settings=settings))
        await client.flushall()
        gateway = stack.enter_context(_gateway(stage, settings))
        empty = (stage.registry.usage().rss_bytes, gateway.usage().rss_bytes)
        instances = [_instance(number, stage.small_port) for number in range(size)]
        crowd = Crowd(client, registry_keys(settings.namespace), instances)
        await crowd.register()
        await stack.enter_async_context(crowd.beating())
        await _until_healthy(session, gateway.port, size)
        before = (stage.registry.usage().cpu_s, gateway.usage().cpu_s)
        began_s = time.monotonic()
        changes_s = []
        for number in range(CHANGES):
            await asyncio.sleep(began_s + for_s * number / CHANGES - time.monotonic())
            changes_s.append(await _change(registry, session, gateway.port, number))
        took_s = time.monotonic() - began_s
        after = (stage.registry.usage(), gateway.usage())
        views_s = [await _full_view(settings) for _ in range(5)]
        pauses_s = [await _slowest_answer(client, session, gateway.port) for _ in range(3)]
        listings_s = [await _listing(session, gateway.port) for _ in range(3)]
    return Cost(
        registry_cpu=(after[0].cpu_s - before[0]) / took_s * 100,
        gateway_cpu=(after[1].cpu_s - before[1]) / took_s * 100,
        registry_mib=(after[0].rss_bytes - empty[0]) / MIB,
        gateway_mib=(after[1].rss_bytes - empty[1]) / MIB,
        view_ms=quantile(views_s, 0.5) * 1000,
        pause_ms=quantile(pauses_s, 0.5) * 1000,
        listing_ms=quantile(listings_s, 0.5) * 1000,
        change_p50_ms=quantile(changes_s, 0.5) * 1000,
        change_p99_ms=quantile(changes_s, 0.99) * 1000,
    )


class Crowd:
    """Instances without processes: the registry hears from them what real ones would send."""

    def __init__(
        self, client: redis.asyncio.Redis, keys: list[str], instances: list[Instance]
    ) -> None:
        self._client = client
        self._keys = keys
        self._instances = instances

    async def register(self) -> None:
        for begin in range(0, len(self._instances), 500):
            await self._call(
                [scripts.register(one) for one in self._instances[begin : begin + 500]]
            )

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Send each instance's heartbeat once an interval while the block runs."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            await end(task)

    async def _beat(self) -> None:
        began_s = time.monotonic()
        slices = round(HEARTBEAT_S / SLICE_S)
        number = 0
        while True:
            await asyncio.sleep(began_s + number * SLICE_S - time.monotonic())
            due = self._instances[number % slices :: slices]
            await self._call([scripts.renew([one.key]) for one in due])
            number += 1

    async def _call(self, asked: Sequence[scripts.Command[Any]]) -> None:
        if not asked:
            return
        script = await self._client.script_load(scripts.script_source(asked[0].script))
        pipeline = self._client.pipeline(transaction=False)
        for command in asked:
            pipeline.evalsha(script, len(self._keys), *self._keys, *command.args)
        await pipeline.execute()


def _gateway(stage: Stage, settings: RegistrySettings) -> Running:
    port = free_port()
    folder = stage.folder / settings.namespace
    folder.mkdir()
    peer = lockgate.peer(stage.python, stage.registry.port)
    launch: Launch = peer.launch(Site(port, stage.small_port, stage.stream_port, folder))
    environment = {**launch.environment, "REGISTRY_NAMESPACE": settings.namespace}
    return Running(
        launch.command, core=stage.proxy_core, folder=folder, port=port, environment=environment
    )


def _instance(number: int, port: int) -> Instance:
    """An instance whose heartbeat is its probe, if the gateway supports that; else a TCP connect."""
    name = f"crowd{number // INSTANCES_OF_A_SERVICE}_service"
    body = {"host": "127.0.0.1", "port": port, "metadata": {"health.probe": "heartbeat"}}
    return parse_registration(name, f"crowd-{number}", body, default_ttl_s=LEASE_S)


async def _until_healthy(session: aiohttp.ClientSession, port: int, size: int) -> None:
    """Raises StartError if that takes too long: a load without CPU time lets leases lapse."""
    healthy, ends_s = 0, time.monotonic() + HEALTHY_WITHIN_S
    while healthy < size:
        if time.monotonic() > ends_s:
            raise StartError(f"only {healthy:,} of {size:,} instances are healthy: a busy machine?")
        await asyncio.sleep(0.5)
        async with session.get(f"http://127.0.0.1:{port}/services") as answer:
            services = (await answer.json(content_type=None))["services"]
        healthy = sum(one["healthy"] for one in services)


async def _change(
    registry: AsyncServiceRegistry, session: aiohttp.ClientSession, port: int, number: int
) -> float:
    """Register an instance, and wait until the gateway lists it."""
    name = f"change{number}_service"
    began_s = time.monotonic()
    await registry.register_service(name, "127.0.0.1", 1, instance_id=name, ttl_s=LEASE_S)
    async with asyncio.timeout(5):
        while True:
            async with session.get(f"http://127.0.0.1:{port}/services/{name}") as answer:
                await answer.read()
                if answer.status == 200:
                    break
    took_s = time.monotonic() - began_s
    await registry.deregister_service(name, name)
    return took_s


async def _slowest_answer(
    client: redis.asyncio.Redis, session: aiohttp.ClientSession, port: int
) -> float:
    """The slowest answer while the gateway reads its view anew after a lost connection."""
    for one in await client.client_list():
        if one["cmd"] == "xread":
            await client.client_kill_filter(_id=one["id"])
    slowest_s, ends_s = 0.0, time.monotonic() + NEW_VIEW_WITHIN_S
    while time.monotonic() < ends_s:
        began_s = time.monotonic()
        async with session.get(f"http://127.0.0.1:{port}/health") as answer:
            await answer.read()
        slowest_s = max(slowest_s, time.monotonic() - began_s)
    return slowest_s


async def _listing(session: aiohttp.ClientSession, port: int) -> float:
    """Read all services at once."""
    began_s = time.monotonic()
    async with session.get(f"http://127.0.0.1:{port}/services") as answer:
        await answer.read()
    return time.monotonic() - began_s


async def _full_view(settings: RegistrySettings) -> float:
    """From nothing: connect, read everything, and make a view of it."""
    watcher = Watcher(settings)
    began_s = time.monotonic()
    task = asyncio.create_task(watcher.run())
    try:
        await asyncio.wait_for(watcher.ready(), 10)
        return time.monotonic() - began_s
    finally:
        await end(task)
