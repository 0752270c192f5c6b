"""`python -m bench.listening.trial WAY [--quick]`: try one way, and print what was seen as JSON."""

import argparse
import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from statistics import median

from bench.listening.clients import Seen, connecting, open_one
from bench.listening.ways import WAYS, Fleet, Way
from discovery.base.tasks import end

ROLLS = 26
PER_S = 600
KILLED_FOR_S = 1.0
HUNG_FOR_S = 3.0
#: A connection that takes longer hangs; a busy worker needs 0.05 s.
HANGS_S = 0.5
OPENED = 64
SLOWLY_EACH_S = 0.01
SPREADS = 7
CONNECTIONS = 3000


@dataclass(slots=True)
class Tried:
    """What was seen of a way; by number of workers where that is varied."""

    way: str
    rolls: int = 0
    connections: int = 0
    waiting: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    killed_lost: dict[str, int] = field(default_factory=dict)
    killed_hung: int = 0
    killed_longest_s: float = 0.0
    hung_lost: dict[str, int] = field(default_factory=dict)
    hung_hung: int = 0
    hung_of: int = 0
    hung_longest_s: float = 0.0
    #: The largest share of OPENED connections that one worker got: the median and the worst.
    at_once: dict[int, tuple[float, float]] = field(default_factory=dict)
    slowly: dict[int, tuple[float, float]] = field(default_factory=dict)
    cpu_us: dict[int, float] = field(default_factory=dict)


async def attempt(way: Way, *, quick: bool) -> Tried:
    tried = Tried(way.name)
    await _roll(way, tried, 4 if quick else ROLLS)
    await _kill(way, tried)
    await _hang(way, tried)
    for slots in (2, 4):
        tried.at_once[slots] = await _spread(way, slots, at_once=True, quick=quick)
        tried.slowly[slots] = await _spread(way, slots, at_once=False, quick=quick)
    for slots in (1, 2, 4):
        tried.cpu_us[slots] = await _cpu(way, slots, quick=quick)
    return tried


async def _roll(way: Way, tried: Tried, rolls: int) -> None:
    """Replace workers one after the other, each busy half of the time, under new connections."""
    async with (
        Fleet(way, 2, busy=True) as fleet,
        _watched(fleet) as most,
        connecting(fleet.port, PER_S) as seen,
    ):
        await asyncio.sleep(0.3)
        for number in range(rolls):
            await fleet.roll(number % 2)
        await asyncio.sleep(0.3)
    tried.rolls, tried.connections, tried.waiting = rolls, len(seen), most[0]
    tried.lost = _lost(seen)


async def _kill(way: Way, tried: Tried) -> None:
    """Kill one of two workers, with its successor there a second later."""
    async with Fleet(way, 2, busy=True) as fleet, connecting(fleet.port, PER_S) as seen:
        await asyncio.sleep(0.3)
        await fleet.workers[0].end(signal.SIGKILL)
        await asyncio.sleep(KILLED_FOR_S)
        fleet.workers[0] = await fleet.start(0)
        await asyncio.sleep(0.3)
    tried.killed_lost = _lost(seen)
    tried.killed_hung, tried.killed_longest_s = _hung(seen)


async def _hang(way: Way, tried: Tried) -> None:
    """Stop one of two workers; after some seconds it is killed and replaced."""
    async with Fleet(way, 2) as fleet, connecting(fleet.port, PER_S) as seen:
        await asyncio.sleep(0.3)
        fleet.workers[0].send(signal.SIGSTOP)
        await asyncio.sleep(HUNG_FOR_S)
        await fleet.workers[0].end(signal.SIGKILL)
        fleet.workers[0] = await fleet.start(0)
        await asyncio.sleep(0.3)
    tried.hung_lost = _lost(seen)
    tried.hung_hung, tried.hung_longest_s = _hung(seen)
    tried.hung_of = len(seen)


async def _spread(way: Way, slots: int, *, at_once: bool, quick: bool) -> tuple[float, float]:
    """The largest share of a worker: the median of some times, and the worst."""
    shares = []
    async with Fleet(way, slots) as fleet:
        for _ in range(2 if quick else SPREADS):
            if at_once:
                opened = await asyncio.gather(*(open_one(fleet.port) for _ in range(OPENED)))
            else:
                opened = []
                for _ in range(OPENED):
                    opened.append(await open_one(fleet.port))
                    await asyncio.sleep(SLOWLY_EACH_S)
            shares.append(max(Counter(slot for slot, _ in opened).values()) / OPENED)
            for _, writer in opened:
                writer.close()
            await asyncio.sleep(0.1)
    return median(shares), max(shares)


async def _cpu(way: Way, slots: int, *, quick: bool) -> float:
    """CPU µs of all workers for each connection: accepted, asked once, and closed."""
    count = CONNECTIONS // 5 if quick else CONNECTIONS
    async with Fleet(way, slots) as fleet:
        before_ns = 0
        for number in range(count + 100):
            if number == 100:
                before_ns = fleet.cpu_ns()
            _, writer = await open_one(fleet.port)
            writer.close()
        await asyncio.sleep(0.05)
        return (fleet.cpu_ns() - before_ns) / 1000 / count


@asynccontextmanager
async def _watched(fleet: Fleet) -> AsyncIterator[list[int]]:
    """The most connections that were seen waiting to be accepted."""
    most = [0]

    async def look() -> None:
        while True:
            most[0] = max(most[0], fleet.waiting())
            await asyncio.sleep(0.01)

    task = asyncio.create_task(look())
    try:
        yield most
    finally:
        await end(task)


def _lost(seen: Sequence[Seen]) -> dict[str, int]:
    return dict(Counter(one.lost for one in seen if one.lost is not None))


def _hung(seen: Sequence[Seen]) -> tuple[int, float]:
    return sum(one.took_s > HANGS_S for one in seen), max(one.took_s for one in seen)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    began_s = time.monotonic()
    tried = asyncio.run(attempt(WAYS[args.way], quick=args.quick))
    print(json.dumps({**asdict(tried), "took_s": time.monotonic() - began_s}))


if __name__ == "__main__":
    main()
