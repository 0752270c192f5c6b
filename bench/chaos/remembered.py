"""What clients see while a service is dead, slow or flapping whose answers the gateway remembers."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.chaos import acts
from bench.chaos.acts import PATH, Act
from bench.chaos.instance import Fault
from bench.chaos.proofs import NothingBroken
from bench.chaos.readers import Read, Readers
from bench.chaos.runner import WELL_AT_FIRST_WITHIN_S
from bench.chaos.watching import Watch
from bench.chaos.world import DEFAULTS, QUICK, Shape, World

CLIENTS, PAGES = 500, 50
SHORT_CLIENTS = 100
SLOW_S = 0.5
#: Reads before the fault, and after it.
CALM_S = 2.0
NOTHING = "null"
_KEPT = "default_ttl: 1s"


@dataclass(frozen=True, slots=True)
class Remembered:
    """A scenario; `cache` is the section of the route, and `did` may hold {s}.

    `slow`: how many answers may take longer than SLOW_S; None: any.
    """

    name: str
    did: str
    act: Act
    cache: str
    short_s: float
    full_s: float
    fault: Fault = "all fail"
    slow: int | None = None
    #: Whether stale answers must have been served.
    serves_stale: bool = True


SCENARIOS = [
    Remembered(
        "remembered: dead",
        "kill -9 of all instances, back after {s} s",
        acts.kill_all,
        f"{{{_KEPT}, stale_if_error: 1h}}",
        3,
        30,
    ),
    Remembered(
        "remembered: fails",
        "all instances answer 500 to all requests for {s} s",
        acts.misbehave_together,
        f"{{{_KEPT}, stale_if_error: 1h}}",
        3,
        20,
    ),
    Remembered(
        "remembered: slow",
        "all instances answer 2 s later for {s} s",
        acts.misbehave_together,
        f"{{{_KEPT}, stale_while_revalidate: 1m}}",
        4,
        20,
        fault="slow",
        slow=0,
    ),
    Remembered(
        "remembered: flaps",
        "kill -9 of all instances, back after 1 s, killed again 2 s later, for {s} s",
        acts.flap,
        f"{{{_KEPT}, stale_while_revalidate: 1m, stale_if_error: 1h}}",
        6,
        20,
    ),
    Remembered(
        "remembered in Redis: dead",
        "kill -9 of all instances, back after {s} s",
        acts.kill_all,
        f"{{stores: redis, {_KEPT}, stale_if_error: 1h}}",
        3,
        30,
    ),
    Remembered(
        "remembered in Redis: registry hangs",
        "SIGSTOP of the registry for {s} s",
        acts.hang_registry,
        f"{{stores: redis, {_KEPT}}}",
        3,
        20,
        slow=0,
        serves_stale=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the clients saw from the fault to its end."""

    scenario: Remembered
    seconds: float
    reads: Sequence[Read]
    nothing_broken: str | None = None
    recovered: bool = True
    sources: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        right = (read.source for read in self.reads if read.failure is None)
        object.__setattr__(self, "sources", Counter(right))

    @property
    def failed(self) -> Counter[str]:
        return Counter(read.failure for read in self.reads if read.failure is not None)

    @property
    def slow(self) -> int:
        """Right answers that took longer than SLOW_S."""
        return sum(read.failure is None and _took_s(read) > SLOW_S for read in self.reads)

    def problems(self) -> list[str]:
        """Why the bar is missed; empty if it is met."""
        found = []
        if self.nothing_broken is not None:
            found.append(f"the scenario itself failed, nothing was broken: {self.nothing_broken}")
        if self.scenario.serves_stale and not self.sources["stale"]:
            found.append("no stale answer was served, so nothing was shown")
        if self.failed:
            kinds = ", ".join(f"{n} x {kind}" for kind, n in self.failed.items())
            found.append(f"{self.failed.total()} requests failed ({kinds})")
        if self.scenario.slow is not None and self.slow > self.scenario.slow:
            found.append(f"{self.slow} answers took over {SLOW_S} s, {self.scenario.slow} may")
        if not self.recovered:
            found.append("the gateway never said that all is well again")
        return found

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        slowest_ms = max((_took_s(read) * 1000 for read in self.reads), default=0.0)
        sources = (str(self.sources[source]) for source in ("fresh", "stale", "fetched"))
        return (
            self.scenario.name,
            self.scenario.did.format(s=f"{self.seconds:g}"),
            f"`{self.scenario.cache}`" if self.scenario.cache != NOTHING else "none",
            str(len(self.reads)),
            str(self.failed.total()),
            *sources,
            str(self.slow),
            f"{slowest_ms:.0f}",
        )

    def line(self) -> str:
        """The same in one line."""
        told = zip(HEAD[2:], self.cells()[2:], strict=True)
        return f"{self.scenario.name}: {', '.join(f'{name} {value}' for name, value in told)}"


HEAD = (
    "scenario",
    "what was done",
    "cache",
    "requests",
    "failed",
    "fresh",
    "stale",
    "fetched",
    f"over {SLOW_S} s",
    "slowest, ms",
)


async def run(scenario: Remembered, folder: Path, *, short: bool, seed: int = 1) -> Seen:
    """Run it. Raises StartError if something does not start."""
    times, seconds = (QUICK, scenario.short_s) if short else (DEFAULTS, scenario.full_s)
    world = World(Shape(fault=scenario.fault, cache=scenario.cache), times, folder)
    watch, nothing_broken = Watch(world), None
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world.running())
        await stack.enter_async_context(watch.running())
        await watch.start_well(WELL_AT_FIRST_WITHIN_S)
        clients = SHORT_CLIENTS if short else CLIENTS
        readers = Readers(world.ports()[0], path=PATH, clients=clients, pages=PAGES, seed=seed)
        await readers.read_all(until_kept=scenario.cache != NOTHING)
        async with readers.running():
            await asyncio.sleep(CALM_S)
            try:
                await scenario.act(world, seconds)
            except NothingBroken as error:
                nothing_broken = str(error)
            recovered = await watch.until_well(times.lease_s + 3 * times.probe_each_s + 5)
            await asyncio.sleep(CALM_S)
    began_s, ended_s = world.broken_at_s or 0.0, world.mended_at_s or 0.0
    during = [read for read in readers.reads if read.ended_s >= began_s and read.sent_s <= ended_s]
    return Seen(scenario, seconds, during, nothing_broken, recovered)


def _took_s(read: Read) -> float:
    return read.ended_s - read.sent_s
