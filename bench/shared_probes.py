"""What workers of one gateway share: probes in an interval, and how long a verdict takes to a sibling.

    python -m bench shared-probes

The verdicts' way is measured by the workers themselves: `discovery_verdict_delay_seconds`, from the end of the
probe in one process to the moment at which another has taken it, by the clock that both share.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress

import aiohttp
from aiohttp import web

from bench.peers.lockgate import TOKEN
from bench.processes import THIS_TREE, Running, StartError, cores, free_port
from bench.report import Bar
from bench.stage import Stage

INSTANCES = 20
INTERVAL_S = 0.5
WORKERS = (1, 2, 4)
SETTLES_IN_S = 3.0
STARTS_IN_TRIES = 4
DELAY = Bar("a verdict to a sibling, p99", 10, " ms")
NAME = "discovery_verdict_delay_seconds_bucket"

#: The buckets of a histogram: upper edges in seconds, and how many are below each.
Buckets = list[tuple[float, float]]


def run(stage: Stage) -> None:
    asyncio.run(_run(stage, 8.0 if stage.quick else 30.0))


async def _run(stage: Stage, for_s: float) -> None:
    stage.report.title(f"Workers that share the probes of {INSTANCES} instances")
    rows = []
    for count in WORKERS:
        probes, buckets = await _measured(stage, count, for_s)
        p50, p99 = (quantile_ms(buckets, share) for share in (0.5, 0.99))
        verdict = stage.report.bar(DELAY, p99) if p99 is not None else ""
        rows.append((str(count), f"{probes:.2f}", _text(p50), _text(p99), verdict))
    header = ("workers", "probes of an instance in an interval", "p50 ms", "p99 ms", "bar")
    stage.report.table(header, rows)
    stage.report.say("p50 and p99 are upper edges of buckets.")


async def _measured(stage: Stage, count: int, for_s: float) -> tuple[float, Buckets]:
    """Probes of an instance in an interval, and how long verdicts took."""
    probes = 0

    async def health(_request: web.Request) -> web.Response:
        nonlocal probes
        probes += 1
        return web.Response()

    port = free_port()
    environment = {
        **THIS_TREE,
        "GATEWAY_PORT": str(port),
        "GATEWAY_WORKERS": str(count),
        "REDIS_URL": f"redis://127.0.0.1:{stage.registry.port}/0",
        "REGISTRY_NAMESPACE": f"shared-{count}",
        "ADMIN_TOKEN": TOKEN,
        "HEALTH_CHECK_INTERVAL": str(INTERVAL_S),
        "SHUTDOWN_GRACE": "1",
    }
    async with AsyncExitStack() as stack:
        app = web.Application()
        app.router.add_get("/health", health)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        ports = [free_port() for _ in range(INSTANCES)]
        for one in ports:
            await web.TCPSite(runner, "127.0.0.1", one).start()
        command = [stage.python, "-m", "gateway"]
        folder = stage.folder / f"shared-{count}"
        gateway = Running(
            command, core=cores()[1], folder=folder, port=port, environment=environment
        )
        stack.callback(gateway.end)
        await asyncio.to_thread(until_up, gateway)
        fields = {"Authorization": f"Bearer {TOKEN}"}
        session = await stack.enter_async_context(aiohttp.ClientSession(headers=fields))
        url = f"http://127.0.0.1:{port}"
        for number, one in enumerate(ports):
            body = {"host": "127.0.0.1", "port": one, "health_check_url": "/health", "ttl": 3600}
            path = f"{url}/services/probed_service/instances/i{number}"
            async with session.put(path, json=body) as answer:
                answer.raise_for_status()
        await asyncio.sleep(SETTLES_IN_S)
        before, probed = await _buckets(session, url), probes
        await asyncio.sleep(for_s)
        after, probed = await _buckets(session, url), probes - probed
        buckets = [(edge, n - m) for (edge, n), (_, m) in zip(after, before, strict=True)]
        return probed / INSTANCES / (for_s / INTERVAL_S), buckets


def until_up(gateway: Running) -> None:
    """Wait for several workers on one core, which may take longer than one process. Raises StartError."""
    for _ in range(STARTS_IN_TRIES - 1):
        with suppress(StartError):
            return gateway.wait_until_up()
    return gateway.wait_until_up()


async def _buckets(session: aiohttp.ClientSession, url: str) -> Buckets:
    async with session.get(f"{url}/metrics") as answer:
        return list(buckets_of(await answer.text()))


def buckets_of(metrics: str) -> Iterator[tuple[float, float]]:
    """The buckets in the text of `/metrics`, in order."""
    for edge, count in re.findall(rf'^{NAME}\{{le="([^"]+)"\}} (\S+)$', metrics, re.MULTILINE):
        yield float(edge.replace("+Inf", "inf")), float(count)


def quantile_ms(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """The upper edge of the bucket in which this share is reached; None without any."""
    if not buckets or not buckets[-1][1]:
        return None
    total = buckets[-1][1]
    return next(edge * 1000 for edge, count in buckets if count >= share * total)


def _text(value_ms: float | None) -> str:
    return "-" if value_ms is None else f"≤ {value_ms:g}"
