"""Worker processes that use limits without mercy, and write down what they were given."""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from middlewares.limits import limiter as limiters
from middlewares.limits.deciding import Ask, Check, Policy
from middlewares.limits.limiter import SharedLimiter
from tests.support.documents import ROOT
from tests.support.limiters import running

WORKERS = 4
RATE = Policy("rate", 30, 300_000)
IN_FLIGHT = Policy("burst", 0, 0, concurrent=8)
TOKENS = Policy("tokens", 0, 400_000, budget=400, reserve=10)
SHADOW = Policy("shadow", 3, 300_000, shadow=True)
ASKS = [
    (RATE,),
    (TOKENS,),
    (IN_FLIGHT,),
    (RATE, IN_FLIGHT, TOKENS),
    (SHADOW, TOKENS),
    (IN_FLIGHT, SHADOW),
]


class Taken(NamedTuple):
    """What a worker took, in seconds of the clock that all processes share.

    `units` of the limit `name` were taken from `from_s` to `to_s`: an admission was asked for and
    answered, a request was in flight, or units were spent at some time between.
    """

    name: str
    from_s: float
    to_s: float
    units: int


async def work(url: str, seed: int, for_s: float, said: Path) -> None:
    """Send requests side by side for a while, and append each Taken to a file, a line each."""
    until_s = time.monotonic() + for_s
    rng = random.Random(seed)
    with said.open("w", buffering=1) as file:

        def note(*taken: Any) -> None:
            file.write(json.dumps(taken) + "\n")

        async with running(url, live_workers=WORKERS) as limiter:

            async def client() -> None:
                while time.monotonic() < until_s:
                    await request(limiter, rng, note)
                    await asyncio.sleep(rng.random() * 0.01)

            await asyncio.gather(*(client() for _ in range(12)))


async def request(limiter: SharedLimiter, rng: random.Random, note: Any) -> None:
    policies = rng.choice(ASKS)
    ask = Ask(tuple(Check(policy, "c") for policy in policies))
    sent_s = time.monotonic()
    try:
        decision = await asyncio.wait_for(limiter.decide(ask), rng.choice([0.001, 9, 9, 9]))
    except TimeoutError:  # the client has left; whether it was counted is not known
        return
    answered_s = time.monotonic()
    if decision.locally:
        note("alone", sent_s, answered_s, 0)
    if not decision.allowed:
        return
    if RATE in policies:
        note("rate", sent_s, answered_s, 1)
    held = decision.held
    if held is None:
        return
    spent = 0
    for _ in range(rng.randrange(5)):
        await asyncio.sleep(rng.random() * 0.02)
        units = rng.randrange(1, 8)
        reserved = held.reserved("tokens")
        if spent + units > reserved and not await limiter.extend(held, "tokens", units):
            break
        now_s = time.monotonic()
        spent += units
        if reserved:
            note("tokens", now_s, now_s, units)
    if IN_FLIGHT in policies:
        note("burst", answered_s, time.monotonic(), 1)
    if rng.random() < 0.2:
        limiter.settle(held)  # what it has cost is not known
    else:
        limiter.settle(held, {"tokens": spent})


class Workers:
    """Four processes that work at once."""

    def __init__(self, url: str, folder: Path, for_s: float, *, seed: int, within_s: float) -> None:
        self._files = [folder / f"{number}.jsonl" for number in range(WORKERS)]
        self.processes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.support.limit_workers", url),
                    *(str(seed + number), str(for_s), str(within_s), str(file)),
                ],
                cwd=ROOT,
            )
            for number, file in enumerate(self._files)
        ]

    def have_begun(self) -> bool:
        return all(file.exists() and file.stat().st_size for file in self._files)

    def decisions_alone(self) -> int:
        """How many decisions workers have made alone so far."""
        return sum(file.read_text().count('"alone"') for file in self._files)

    def taken(self) -> list[Taken]:
        """What was taken, once all have ended."""
        for process in self.processes:
            process.wait(60)
        lines = (line for file in self._files for line in file.read_text().splitlines())
        taken = []
        for line in lines:
            with contextlib.suppress(ValueError):  # the last one of a killed process
                taken.append(Taken(*json.loads(line)))
        return taken

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def working(
    url: str, folder: Path, for_s: float, *, seed: int, within_s: float = 10.0
) -> Iterator[Workers]:
    """Workers to whom a registry counts as away after `within_s`."""
    workers = Workers(url, folder, for_s, seed=seed, within_s=within_s)
    try:
        yield workers
    finally:
        workers.end()


if __name__ == "__main__":
    _, its_url, its_seed, its_for_s, its_within_s, its_file = sys.argv
    limiters.ANSWER_WITHIN_S = float(its_within_s)
    asyncio.run(work(its_url, int(its_seed), float(its_for_s), Path(its_file)))
