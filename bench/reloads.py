"""What reloads of the configuration file cost, and what traffic notices of them.

*One reload* of 5,000 routes: the time of the call, and the slowest answer of a client that asks for
/health every millisecond. *3,000 reloads*, each with one more route, at 200 requests/s. *A reload a second*
for a minute beside WebSockets, event streams and 200 requests/s.
"""

import asyncio
import time
from pathlib import Path
from statistics import median

from bench.peers import lockgate
from bench.peers.peer import Launch, Peer, Site
from bench.reloaded import Health, Kept, Reloaded
from bench.report import Bar, quantile, with_range
from bench.route_files import route, route_file
from bench.stage import Proxy, Stage
from bench.steady import Steady

ROUTES = 5000
ADDED = 3000
REQUESTS_PER_S = 200
KEPT = 20

WHOLE = Bar("a reload of 5,000 routes", 500, " ms")
HELD = Bar("the loop held by a reload of 5,000 routes", 10, " ms")
SLOWEST = Bar("the slowest request while routes are added", 30, " ms")
FAILED = Bar("requests that failed and connections that were cut during reloads", 0)


def run(stage: Stage) -> None:
    asyncio.run(_one(stage))
    asyncio.run(_adding(stage))
    asyncio.run(_each_second(stage))


def _peer(stage: Stage, text: str) -> tuple[Peer, list[Path]]:
    """Lockgate with this file, whose path is there once it was started."""
    plain = lockgate.peer(stage.python, stage.registry.port)
    files: list[Path] = []

    def launch(site: Site) -> Launch:
        files.append(Path(site.write("lockgate.yaml", text)))
        launched = plain.launch(site)
        environment = {**launched.environment, "GATEWAY_CONFIG": str(files[0])}
        return Launch(launched.command, environment)

    return Peer(plain.name, plain.version, True, launch), files


async def _one(stage: Stage) -> None:
    rounds = 3 if stage.quick else 50
    stage.report.title(f"A reload of {ROUTES:,} routes, {rounds} rounds (ms)")
    peer, files = _peer(stage, route_file(ROUTES, stage.stream_port))
    with stage.proxies([peer]) as (proxy,):
        reloaded = Reloaded(proxy.port, files[0], lockgate.TOKEN)
        held_ms: list[float] = []
        rest_ms: list[float] = []
        rss = []
        for number in range(1, rounds + 1):
            rest_ms.append(await _slowest_ms(proxy, asyncio.sleep(0.5)))
            text = route_file(ROUTES, stage.stream_port, changed=number)
            held_ms.append(await _slowest_ms(proxy, reloaded.reload(text)))
            rss.append(proxy.running.usage().rss_bytes / 2**20)
    took_ms = [one * 1000 for one in reloaded.took_s]
    stage.report.table(
        ("the call", "slowest /health meanwhile", "without a reload", "MiB, first to last round"),
        [
            (
                with_range(took_ms, 0),
                with_range(held_ms, 1),
                with_range(rest_ms, 1),
                f"{rss[0]:.0f} to {rss[-1]:.0f}",
            )
        ],
    )
    stage.report.bar(WHOLE, median(took_ms), with_range(took_ms, 0))
    stage.report.bar(HELD, median(held_ms), with_range(held_ms, 1))


async def _slowest_ms(proxy: Proxy, work: object) -> float:
    health = Health(proxy.port)
    async with health.asked():
        await work  # type: ignore[misc]
    return max(health.took_s) * 1000


async def _adding(stage: Stage) -> None:
    number = 100 if stage.quick else ADDED
    stage.report.title(f"{number:,} reloads with one route more each, {REQUESTS_PER_S} requests/s")
    text = route_file(0, stage.stream_port)
    peer, files = _peer(stage, text)
    with stage.proxies([peer]) as (proxy,):
        reloaded = Reloaded(proxy.port, files[0], lockgate.TOKEN)
        rest = Steady(proxy.port, "/origin/small", REQUESTS_PER_S)
        async with rest.running():
            await asyncio.sleep(2 if stage.quick else 20)
        load = Steady(proxy.port, "/origin/small", REQUESTS_PER_S)
        async with load.running():
            for place in range(number):
                text += route(place) + "\n"
                await reloaded.reload(text)
    stage.report.say(f"Without reloads, p50 / p99 / slowest: {_times(rest)} ms\n")
    _tell(stage, reloaded, load)
    stage.report.bar(SLOWEST, max(load.took_s) * 1000)
    stage.report.bar(FAILED, load.failed)


async def _each_second(stage: Stage) -> None:
    seconds = 5 if stage.quick else 60
    stage.report.title(f"A reload a second for {seconds} s, {REQUESTS_PER_S} requests/s")
    peer, files = _peer(stage, route_file(100, stage.stream_port))
    with stage.proxies([peer]) as (proxy,):
        reloaded = Reloaded(proxy.port, files[0], lockgate.TOKEN)
        load = Steady(proxy.port, "/origin/small", REQUESTS_PER_S)
        kept = Kept(proxy.port, "/origin", KEPT)
        async with kept.running(), load.running():
            for number in range(1, seconds + 1):
                began_s = time.monotonic()
                await reloaded.reload(route_file(100, stage.stream_port, changed=number))
                await asyncio.sleep(max(0.0, began_s + 1 - time.monotonic()))
    _tell(stage, reloaded, load)
    stage.report.say(
        f"{KEPT} WebSockets and {KEPT} event streams: {kept.messages:,} messages, "
        f"{kept.cut} cut, {kept.silent} silent\n"
    )
    stage.report.bar(FAILED, load.failed + kept.cut + kept.silent)


def _times(load: Steady) -> str:
    took_ms = [one * 1000 for one in load.took_s]
    return f"{median(took_ms):.1f} / {quantile(took_ms, 0.99):.1f} / {max(took_ms):.1f}"


def _tell(stage: Stage, reloaded: Reloaded, load: Steady) -> None:
    stage.report.table(
        ("requests", "failed", "p50 / p99 / slowest, ms", "a reload, ms"),
        [
            (
                f"{load.sent:,}",
                "; ".join(f"{number} times {what}" for what, number in load.failures.items())
                or "0",
                _times(load),
                with_range([one * 1000 for one in reloaded.took_s], 0),
            )
        ],
    )
