"""`python -m bench.balancing`: simulate, and write the numbers and plots of docs/balancing.md."""

import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from bench.balancing import ways
from bench.balancing.plots import bars
from bench.balancing.prequal import Prequal
from bench.balancing.world import Fault, Way, World
from gateway.hop.deciding.balancing import p2c

DOCS = Path(__file__).parents[2] / "docs"
PAGE, IMAGES = DOCS / "balancing.md", DOCS / "images"
BEGIN, END = "<!-- simulated: python -m bench.balancing -->", "<!-- end of simulated -->"
SEEDS = range(1, 6)
FAULTS: tuple[Fault, ...] = ("none", "tail", "slow", "failing", "hanging")


class Traffic(NamedTuple):
    """How many gateways share how many requests a second, and for how long."""

    gateways: int
    per_second: int
    for_s: float

    def __str__(self) -> str:
        gateways = "one gateway" if self.gateways == 1 else f"{self.gateways} gateways"
        return f"{gateways}, {self.per_second:,}/s"


TRAFFICS = (
    Traffic(1, 1000, 35.0),
    Traffic(4, 1000, 35.0),
    Traffic(1, 50, 125.0),
    Traffic(4, 50, 125.0),
)

Make = Callable[[World, random.Random], Way]


def _product(choose: Callable[[], ways.Choose], *, sees_latency: bool = True) -> Make:
    return lambda world, rng: ways.Product(
        choose(), rng, len(world.instances), sees_latency=sees_latency
    )


WAYS: dict[str, Make] = {
    "p2c": _product(ways.p2c_of),
    "p2c without latency": _product(lambda: ways.p2c_of(0), sees_latency=False),
    "least_request": _product(ways.least),
    "round_robin": _product(ways.taking_turns),
    "hash": _product(ways.hashed),
    "Prequal": Prequal,
}
#: How many instances are looked at, of eight.
LOOKS: dict[str, Make] = {
    f"{few or 2} of 8": _product(lambda few=few: ways.p2c_of(few))  # type: ignore[misc]
    for few in (0, 8)
}


@dataclass(frozen=True, slots=True)
class Case:
    """One run."""

    way: str
    fault: Fault
    traffic: Traffic
    seed: int
    instances: int = 5


class Numbers(NamedTuple):
    """What came of a run; `least` and `most` are the shares of the instances without a fault."""

    p50_ms: float
    p99_ms: float
    lost_in_1000: float
    lost: float
    least: float
    most: float


def simulate(case: Case) -> Numbers:
    world = World(case.fault, case.seed, case.instances)
    make = {**WAYS, **LOOKS}[case.way]
    rngs = (random.Random(case.seed * 100 + index) for index in range(case.traffic.gateways))
    gateways = [make(world, rng) for rng in rngs]
    outcome = world.run(gateways, case.traffic.per_second, case.traffic.for_s)
    shares = [outcome.shares[index] / outcome.requests for index in range(case.instances - 1)]
    return Numbers(
        outcome.percentile_ms(0.5),
        outcome.percentile_ms(0.99),
        1000 * outcome.lost / outcome.requests,
        outcome.lost,
        min(shares),
        max(shares),
    )


class Results:
    """The means over the seeds."""

    def __init__(self, cases: Sequence[Case]) -> None:
        with ProcessPoolExecutor() as workers:
            found = workers.map(simulate, cases, chunksize=4)
            self._numbers = dict(zip(cases, found, strict=True))

    def of(self, way: str, fault: Fault, traffic: Traffic, instances: int = 5) -> Numbers:
        cases = (Case(way, fault, traffic, seed, instances) for seed in SEEDS)
        return Numbers(*map(fmean, zip(*(self._numbers[case] for case in cases), strict=True)))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ms(value: float) -> str:
    return f"{value:,.0f}"


def page(results: Results) -> str:
    parts = []
    for traffic in TRAFFICS:
        rows = []
        for way in WAYS:
            none, tail, slow, failing, hanging = (results.of(way, one, traffic) for one in FAULTS)
            rows.append(
                [
                    f"`{way}`" if way.islower() and " " not in way else way,
                    ms(none.p99_ms),
                    f"{tail.least:.2f} to {tail.most:.2f}",
                    ms(slow.p99_ms),
                    f"{failing.lost:,.0f}",
                    f"{hanging.lost:,.0f}",
                ]
            )
        head = (
            "way",
            "p99, ms",
            "shares, tail",
            "p99 with a slow one, ms",
            "lost, failing",
            "lost, hanging",
        )
        parts += [
            f"**{traffic}**, {round(traffic.per_second * traffic.for_s, -2):,.0f} requests",
            table(head, rows),
        ]
    parts.append(_looks(results))
    return "\n\n".join(parts)


LOOK_AT = Traffic(4, 1600, 35.0)


def _looks(results: Results) -> str:
    rows = []
    for way in LOOKS:
        none, slow, hanging = (
            results.of(way, one, LOOK_AT, 8) for one in ("none", "slow", "hanging")
        )
        rows.append(
            [
                way,
                f"{none.p50_ms:.1f}",
                f"{none.p99_ms:.1f}",
                f"{slow.p99_ms:.1f}",
                f"{hanging.lost:,.0f}",
            ]
        )
    head = ("looked at", "p50, ms", "p99, ms", "p99 with a slow one, ms", "lost, hanging")
    return f"**Eight instances, {LOOK_AT}**\n\n{table(head, rows)}"


def plots(results: Results) -> None:
    series = [str(traffic) for traffic in TRAFFICS]
    slow = {way: [results.of(way, "slow", one).p99_ms for one in TRAFFICS] for way in WAYS}
    title = "p99 of five instances, of which one takes 20 times as long (ms)"
    (IMAGES / "balancing-slow.svg").write_text(bars(title, slow, series, "ms"))
    for fault, what in (("failing", "fails at once"), ("hanging", "hangs")):
        lost = {way: [results.of(way, fault, one).lost_in_1000 for one in TRAFFICS] for way in WAYS}  # type: ignore[arg-type]
        title = f"Lost of 100,000 requests to five instances, of which one {what}"
        lost = {way: [100 * value for value in values] for way, values in lost.items()}
        (IMAGES / f"balancing-{fault}.svg").write_text(bars(title, lost, series, "lost"))


def main() -> None:
    cases = [Case(*one) for one in product(WAYS, FAULTS, TRAFFICS, SEEDS)]
    cases += [
        Case(way, fault, LOOK_AT, seed, 8)
        for way, fault, seed in product(LOOKS, FAULTS, SEEDS)
        if fault in ("none", "slow", "hanging")
    ]
    results = Results(cases)
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{page(results)}\n\n{END}{after}")
    plots(results)


if __name__ == "__main__":
    assert p2c.FEW == 5, "the text beside the tables says five"
    main()
