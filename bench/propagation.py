"""How long a change takes until the first or last routed request, two gateways, and subscribers see it."""

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import aiohttp
import structlog

from bench import first_routed
from bench.peers import etcd, lockgate
from bench.report import Bar, Report, quantile
from bench.stage import Proxy, Stage
from discovery import AsyncServiceRegistry
from discovery.base.tasks import end
from discovery.store import scripts

#: HAProxy's figures by its runtime API, from DESIGN.md.
BARS = {
    "register: to the first routed request": Bar("register to first routed, p99", 22, " ms"),
    "drain: to the last routed request": Bar("drain to last routed, p99", 2.7, " ms"),
}
GIVEN_UP_AFTER_S = 5.0
LEASE_S = 3600.0
#: A gateway that only reports: the registry's status of an instance is its verdict.
SPEAKER = "bench-speaker"

#: Makes one change, given its number, and returns when all have seen it.
Change = Callable[[int], Awaitable[float]]


def run(stage: Stage) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(_run(stage, 50 if stage.quick else 1000))
    first_routed.run(stage)


async def _run(stage: Stage, count: int) -> None:
    stage.report.title(f"Propagation of {count} changes, one after another (ms)")
    rows = []
    two = [lockgate.peer(stage.python, stage.registry.port) for _ in range(2)]
    with stage.proxies(two) as proxies:
        async with AsyncExitStack() as stack:
            url = f"redis://127.0.0.1:{stage.registry.port}/0"
            registry = await stack.enter_async_context(AsyncServiceRegistry(url))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            ours = Changes(registry, session, proxies, stage.small_port)
            for what, change in (
                ("register: to the first routed request", ours.register),
                ("drain: to the last routed request", ours.drain),
                ("deregister: to the last routed request", ours.deregister),
                ("health: to both gateways' GET /services/{name}", ours.health),
                ("register: to two subscribers in Python", ours.subscribers),
            ):
                rows.append(_row(stage.report, what, [await change(n) for n in range(count)]))
            await ours.close()
            rows += await _etcd(stage, session, count)
    stage.report.table(("Lockgate, unless it says etcd", "p50", "p99", "bar"), rows)


def _row(report: Report, what: str, took_s: list[float]) -> tuple[str, str, str, str]:
    p50_ms, p99_ms = (quantile(took_s, share) * 1000 for share in (0.5, 0.99))
    bar = BARS.get(what)
    verdict = report.bar(bar, p99_ms) if bar else ""
    return what, f"{p50_ms:.2f}", f"{p99_ms:.2f}", verdict


class Changes:
    """One change of each kind, and how many seconds it takes."""

    def __init__(
        self,
        registry: AsyncServiceRegistry,
        session: aiohttp.ClientSession,
        proxies: list[Proxy],
        origin_port: int,
    ) -> None:
        self._registry = registry
        self._session = session
        self._proxies = proxies
        self._origin_port = origin_port
        self._stack = AsyncExitStack()
        self._seen: list[asyncio.Queue[str]] = []

    async def register(self, number: int) -> float:
        name = f"first{number}_service"
        began_s = time.monotonic()
        await self._register(name)
        await self._until(lambda: self._routed(name))
        took_s = time.monotonic() - began_s
        await self._registry.deregister_service(name, name)
        return took_s

    async def drain(self, number: int) -> float:
        return await self._last(f"drain{number}_service", self._registry.drain)

    async def deregister(self, number: int) -> float:
        name = f"last{number}_service"
        return await self._last(name, self._registry.deregister_service)

    async def health(self, number: int) -> float:
        """Change an instance that the gateways themselves find dead, so the speaker's verdict decides."""
        name = "spoken_service"
        key, said = f"{name}/{name}", ("healthy", "unhealthy")[number % 2]
        if number == 0:
            await self._registry.register_service(
                name, "127.0.0.1", 1, instance_id=name, ttl_s=LEASE_S
            )
            await self._until(lambda: self._shown(name, "unhealthy"))
        began_s = time.monotonic()
        await self._registry.call(scripts.report(SPEAKER, LEASE_S, [(key, said, "spoken")]))
        await self._until(lambda: self._shown(name, said))
        return time.monotonic() - began_s

    async def subscribers(self, number: int) -> float:
        name = f"seen{number}_service"
        if not self._seen:
            for _ in range(2):
                self._seen.append(await self._subscribe())
        began_s = time.monotonic()
        await self._register(name)
        for seen in self._seen:
            while await asyncio.wait_for(seen.get(), GIVEN_UP_AFTER_S) != name:
                pass
        took_s = time.monotonic() - began_s
        await self._registry.deregister_service(name, name)
        return took_s

    async def close(self) -> None:
        await self._stack.aclose()

    async def _register(self, name: str) -> None:
        await self._registry.register_service(
            name,
            "127.0.0.1",
            self._origin_port,
            instance_id=name,
            health_check_url="/small",
            ttl_s=LEASE_S,
        )

    async def _last(self, name: str, take_out: Callable[[str, str], Awaitable[bool]]) -> float:
        """From the request to end it until the last request that was still routed; 0 if there was none."""
        await self._register(name)
        await self._until(lambda: self._routed(name))
        began_s = last_s = time.monotonic()
        asked = asyncio.ensure_future(take_out(name, name))
        while True:
            sent_s = time.monotonic()
            if not await self._routed(name):
                break
            last_s = sent_s
        await asked
        await self._registry.deregister_service(name, name)
        return last_s - began_s

    async def _routed(self, name: str) -> bool:
        segment = name.removesuffix("_service")
        url = f"http://127.0.0.1:{self._proxies[0].port}/api/{segment}/small"
        async with self._session.get(url) as answer:
            await answer.read()
            return answer.status == 200

    async def _shown(self, name: str, status: str) -> bool:
        for proxy in self._proxies:
            url = f"http://127.0.0.1:{proxy.port}/services/{name}"
            async with self._session.get(url) as answer:
                service = await answer.json(content_type=None)
            if [one["status"] for one in service.get("instances", ())] != [status]:
                return False
        return True

    async def _until(self, look: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(GIVEN_UP_AFTER_S):
            while not await look():
                pass

    async def _subscribe(self) -> asyncio.Queue[str]:
        """The names of services that change; the subscription is active on return."""
        seen: asyncio.Queue[str] = asyncio.Queue()
        following = asyncio.Event()

        async def follow() -> None:
            async with aclosing(self._registry.watch()) as changes:
                async for change in changes:
                    following.set()
                    seen.put_nowait(change.service)

        task = asyncio.create_task(follow())
        self._stack.push_async_callback(end, task)
        await asyncio.wait_for(following.wait(), GIVEN_UP_AFTER_S)
        return seen


async def _etcd(
    stage: Stage, session: aiohttp.ClientSession, count: int
) -> list[tuple[str, str, str, str]]:
    version = etcd.version()
    if version is None:
        stage.report.say("etcd is not installed, and left out (Debian: etcd-server).\n")
        return []
    with etcd.start(stage.load_core, Path(tempfile.mkdtemp(dir=stage.folder))) as server:
        client = etcd.Etcd(session, server.port)
        lease = await client.lease(round(LEASE_S))
        async with client.watch() as one, client.watch() as other:
            took_s = [await _put(client, lease, (one, other), n) for n in range(count)]
    what = f"etcd {version}: put under a lease, to two watches in Python"
    return [_row(stage.report, what, took_s)]


async def _put(
    client: etcd.Etcd, lease: str, watches: tuple[AsyncIterator[str], ...], number: int
) -> float:
    key = f"{etcd.PREFIX}seen{number}/a"
    began_s = time.monotonic()
    await client.put(key, '{"host":"127.0.0.1","port":1}', lease)
    async with asyncio.timeout(GIVEN_UP_AFTER_S):
        for watch in watches:
            async for changed in watch:
                if changed == key:
                    break
    took_s = time.monotonic() - began_s
    with contextlib.suppress(aiohttp.ClientError):
        await client.delete(key)
    return took_s
