"""A whole system at once, with the product's own clients: does the model say what the registry takes?"""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import dataclass, replace

from bench.carries import sizes
from bench.carries.frames import CLIENTS, POLICIES, Frames, instance
from bench.carries.server import Server, Used
from bench.carries.system import LOOKS_AT_A_DRAIN, System
from discovery import AsyncServiceRegistry, RegistrySettings
from discovery.base.tasks import end
from discovery.member.leases import LEASE_S
from discovery.member.sweeper import Sweeper
from discovery.store import scripts
from discovery.view.watcher import Watcher
from middlewares.limits import limiter as limiters
from middlewares.limits.deciding import ask_for
from middlewares.limits.limiter import SharedLimiter

NAMESPACE = "mixed"
BEHIND_S = 0.1
#: Rather small, since one core carries all the clients.
SYSTEMS = (
    System("limits most", requests_s=6_000, instances=200, restarts_s=0.5, gateways=2, workers=2),
    System(
        "heartbeats most", requests_s=500, instances=3_000, restarts_s=0.5, gateways=2, workers=2
    ),
    System("changes most", requests_s=500, instances=200, restarts_s=6, gateways=8, workers=4),
    System("all", requests_s=3_000, instances=1_500, restarts_s=3, gateways=4, workers=4),
)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run took of the registry, a second, and what was really asked of it."""

    used: Used
    took_s: float
    system: System


class _Counts:
    """What the clients have done so far."""

    def __init__(self) -> None:
        self.asks = 0
        self.heartbeats = 0
        self.restarts = 0
        self.waited_s = 0.0


async def run(server: Server, system: System, for_s: float) -> Ran:
    """Run the system for a while.

    The answer's system has the rates that were reached, and the way to the registry as its clients had it:
    they share one interpreter, which keeps answers waiting.
    """
    limiters.ANSWER_WITHIN_S = 10.0  # the load's core is busy: that must not turn the registry off
    server.client.flushall(asynchronous=False)
    settings = RegistrySettings(server.url, namespace=NAMESPACE)
    sizes.register(server, Frames(server, NAMESPACE), system.instances)
    counts = _Counts()
    async with AsyncExitStack() as stack:
        crew = [
            await stack.enter_async_context(_worker(settings, number, system, counts))
            for number in range(system.followers)
        ]
        for work in (_beat(crew[0], system, counts), _restart(crew, system, counts)):
            stack.push_async_callback(end, asyncio.create_task(work))
        await asyncio.sleep(for_s / 4)
        before = await asyncio.to_thread(server.used)
        begun, begun_s = copy(counts), time.perf_counter()
        await asyncio.sleep(for_s)
        took_s = time.perf_counter() - begun_s
        used = await asyncio.to_thread(server.used) - before
        asks = max(1, counts.asks - begun.asks)
        reached = replace(
            system,
            requests_s=asks / took_s,
            heartbeat_s=system.instances * took_s / max(1, counts.heartbeats - begun.heartbeats),
            restarts_s=(counts.restarts - begun.restarts) / took_s,
            network_ms=(counts.waited_s - begun.waited_s) / asks * 1000,
        )
    return Ran(used, took_s, reached)


@asynccontextmanager
async def _worker(
    settings: RegistrySettings, number: int, system: System, counts: _Counts
) -> AsyncIterator[AsyncServiceRegistry]:
    """One worker of a gateway: it follows, sweeps, and asks for limits; the others use its registry."""
    gateway = f"gateway-{number // system.workers}"
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(AsyncServiceRegistry(settings=settings))
        watcher = Watcher(settings)
        sweeper = Sweeper(
            registry,
            gateway=gateway,
            remove_after_s=60.0,
            on_new_lease=lambda: None,
            worker=f"{gateway}.{number}",
            url=lambda: "http://10.0.0.1:8000",
        )
        limiter = SharedLimiter(settings, live_workers=lambda: system.followers)
        stack.push_async_callback(limiter.close)
        for work in (
            watcher.run(),
            sweeper.run(),
            limiter.run(),
            _ask(limiter, system.requests_s / system.followers, counts),
        ):
            stack.push_async_callback(end, asyncio.create_task(work))
        await watcher.ready()
        yield registry


async def _ask(limiter: SharedLimiter, per_s: float, counts: _Counts) -> None:
    """Requests come one after another at random times, as from many clients."""

    async def decide() -> None:
        begun_s = time.perf_counter()
        await limiter.decide(ask_for(POLICIES[:1], f"client-{random.randrange(CLIENTS)}"))
        counts.waited_s += time.perf_counter() - begun_s
        counts.asks += 1

    await _at_random(per_s, decide)


async def _beat(registry: AsyncServiceRegistry, system: System, counts: _Counts) -> None:
    """Each instance sends its heartbeats by itself."""
    keys = itertools.cycle([instance(number).key for number in range(system.instances)])

    async def beat() -> None:
        await registry.call(scripts.heartbeat(next(keys)))
        counts.heartbeats += 1

    await _at_random(system.instances / system.heartbeat_s, beat)


async def _restart(crew: list[AsyncServiceRegistry], system: System, counts: _Counts) -> None:
    """Replace one instance after another: register, judge, drain, acknowledge, deregister."""
    numbers = itertools.count(1_000_000)

    async def restart() -> None:
        one = instance(next(numbers))
        service, gateways = crew[-1], crew[:: system.workers]
        await service.call(scripts.register(one))
        for number, gateway in enumerate(gateways):
            said = [(one.key, "healthy", "")]
            await gateway.call(scripts.report(f"gateway-{number}", LEASE_S, said))
        await service.call(scripts.drain(one.key))
        for number, worker in enumerate(crew):
            name = f"gateway-{number // system.workers}.{number}"
            await worker.call(scripts.acknowledge(name, LEASE_S, [(one.key, 1, 0)]))
        for _ in range(LOOKS_AT_A_DRAIN):
            await service.call(scripts.drained(one.key))
        await service.call(scripts.deregister(one.key))
        counts.restarts += 1

    await _at_random(system.restarts_s, restart)


async def _at_random(per_s: float, do: Callable[[], Coroutine[None, None, None]]) -> None:
    """Begin so many a second at random times, whether or not those before have ended.

    A load that has no time does not make up for it: it must not come in one rush.
    """
    next_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        while True:
            next_s += random.expovariate(per_s)
            pause_s = next_s - time.perf_counter()
            if pause_s < -BEHIND_S:
                next_s -= pause_s
            await asyncio.sleep(max(0.0, pause_s))
            group.create_task(do())
