"""Minutes of requests for a million URLs to a gateway whose memory of answers holds few of them."""

import asyncio
import json
import random
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from bench.connection import Connection
from bench.peers import lockgate
from bench.peers.peer import Launch, Site
from bench.processes import THIS_TREE, Running, free_port, until_routed
from bench.report import Bar
from bench.stage import Proxy, Stage

from . import loads
from .origin import body
from .ratios import MIB

BOUND_MIB = 64
CONNECTIONS = 16
#: One of so many requests is a crawler's, for a URL that nobody else asks for.
CRAWLER = 5
FILE = f"""\
cache: {{memory: {BOUND_MIB}MiB}}
routes:
- {{name: things, match: {{prefix: /things}}, service: things_service, limits: null, cache: {{}}}}
"""
GROWTH = Bar("a gateway's memory at the end against the first quarter's end", 1.05)


@dataclass(slots=True)
class Seen:
    """What came back, and what the gateway held: (s, resident bytes)."""

    requests: int = 0
    wrong: int = 0
    held: list[tuple[float, int]] = field(default_factory=list)


def run(stage: Stage, lasts_s: int) -> None:
    """Run a gateway with a route that is remembered, its origin, and those who ask."""
    peer = lockgate.peer(stage.python, stage.registry.port)

    def launch(site: Site) -> Launch:
        made = peer.launch(site)
        file = site.write("lockgate.yaml", FILE)
        return replace(made, environment={**made.environment, "GATEWAY_CONFIG": file})

    port = free_port()
    command = [sys.executable, "-m", "bench.cache.memory.origin", str(port)]
    folder = stage.folder / "things"
    with (
        Running(command, core=stage.load_core, folder=folder, port=port, environment=THIS_TREE),
        stage.proxies([replace(peer, launch=launch)]) as proxies,
    ):
        for proxy in proxies:
            lockgate.register(proxy.port, "things", port, health_check_url="/things/0")
            until_routed(f"http://127.0.0.1:{proxy.port}/things/0")
            empty = proxy.running.usage().rss_bytes
            seen = asyncio.run(_ask_for(proxy, lasts_s))
            _show(stage, proxy, lasts_s, empty, seen)


async def _ask_for(proxy: Proxy, lasts_s: int) -> Seen:
    seen, numbers, began_s = Seen(), _numbers(), time.monotonic()

    async def one() -> None:
        connection = await Connection.open(proxy.port)
        while time.monotonic() < began_s + lasts_s:
            number = next(numbers)
            status, came, _ = await connection.exchange("GET", f"/things/{number}")
            seen.requests += 1
            seen.wrong += status != 200 or came != body(number)
        await connection.end()

    async def watch() -> None:
        while (at_s := time.monotonic() - began_s) < lasts_s:
            seen.held.append((at_s, proxy.running.usage().rss_bytes))
            await asyncio.sleep(1.0)

    await asyncio.gather(watch(), *(one() for _ in range(CONNECTIONS)))
    return seen


def _numbers() -> Iterator[int]:
    chance = random.Random(18)
    weights = list(accumulate(1 / number for number in range(1, loads.URLS + 1)))
    crawled = loads.URLS
    while True:
        for place, number in enumerate(
            chance.choices(range(loads.URLS), cum_weights=weights, k=5000)
        ):
            if place % CRAWLER == 0:
                crawled += 1
                yield crawled
            else:
                yield number


def _show(stage: Stage, proxy: Proxy, lasts_s: int, empty: int, seen: Seen) -> None:
    report = stage.report
    report.title(
        f"{lasts_s} s of requests for a million URLs, {BOUND_MIB} MiB of answers in a gateway"
    )
    held = seen.held
    shown = [held[int(len(held) * part)] for part in (0.05, 0.1, 0.25, 0.5, 0.75)] + held[-1:]
    report.table(
        ("after", "resident, MiB", "more than empty, MiB"),
        [
            (f"{at_s:.0f} s", f"{rss / MIB:.1f}", f"{(rss - empty) / MIB:.1f}")
            for at_s, rss in shown
        ],
    )
    said = _status(proxy.port)["cache"]
    report.say(
        f"{seen.requests:,} requests, {seen.wrong} of them answered with other bytes than the origin's; "
        f"{said['hits']:,} hits, {said['misses']:,} misses; "
        f"{said['entries']:,} answers of {said['bytes'] / MIB:.1f} MiB at the end."
    )
    report.bar(GROWTH, held[-1][1] / shown[2][1])


def _status(port: int) -> dict[str, Any]:
    fields = {"Authorization": f"Bearer {lockgate.TOKEN}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/status", headers=fields)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return dict(json.load(answer))
