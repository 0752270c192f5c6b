"""False alarms and power of the tests that a split takes its canary back by, simulated with the product's own code.

Time is simulated: a window is 60 s, looked at every 5 s. Answers take log-normal times around 50 ms.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median

from bench.report import Bar
from bench.stage import Stage
from middlewares.split.deciding.evidence import PERIODS, Counts, Evidence, Margins
from middlewares.split.deciding.plan import Gathered, Plan, State, decide
from middlewares.split.deciding.rendezvous import Rendezvous
from middlewares.split.deciding.weights import with_share

PLAN = Plan(0, Margins(errors=0.02, latency=1.5, over_s=60.0))
PERIOD_S = PLAN.period_ms / 1000
MANY = 100_000
FALSE_ALARMS = Bar("windows of a healthy canary with a false alarm, of 1,000", 0)
DETECTED = Bar(
    "a canary with 20 % more failures is rolled back within its window", 99, " %", least=True
)
FLIPPED = Bar("identities of 100,000 that a change of weights moved without need", 0)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests in a second, and what becomes of them on both sides."""

    about: str
    rate: float = 100.0
    percent: float = 5.0
    canary_fails: float = 0.0
    stable_fails: float = 0.0
    times: float = 1.0

    def period(self, rng: random.Random) -> Counts:
        """The counts of one period."""
        evidence = Evidence()
        for _ in range(round(self.rate * PERIOD_S)):
            is_canary = rng.random() * 100 < self.percent
            took_s = rng.lognormvariate(-3.0, 0.6) * (self.times if is_canary else 1.0)
            failed = rng.random() < (self.canary_fails if is_canary else self.stable_fails)
            evidence.add(is_canary=is_canary, failed=failed, took_s=took_s)
        return evidence.taken()


HEALTHY = (
    Traffic("no failures"),
    Traffic("1 % of both fail", canary_fails=0.01, stable_fails=0.01),
    Traffic("20 % of both fail", canary_fails=0.2, stable_fails=0.2),
    Traffic("10 requests/s", rate=10, canary_fails=0.01, stable_fails=0.01),
    Traffic("half of all clients", percent=50, canary_fails=0.01, stable_fails=0.01),
)
AT_THE_MARGIN = (
    Traffic("2 % more failures, which is the margin", canary_fails=0.03, stable_fails=0.01),
    Traffic("1.5 times as slow, which is the margin", times=1.5),
)
FAILING = (
    Traffic("5 % more failures", canary_fails=0.05),
    Traffic("10 % more failures", canary_fails=0.1),
    Traffic("20 % more failures", canary_fails=0.2),
    Traffic("everything fails", canary_fails=1.0),
    Traffic("10 % more failures beside 1 %", canary_fails=0.11, stable_fails=0.01),
    Traffic("everything fails, 10 requests/s", rate=10, canary_fails=1.0),
    Traffic("5 % more failures, 1,000 requests/s", rate=1000, canary_fails=0.05),
    Traffic("twice as slow", times=2.0),
    Traffic("three times as slow", times=3.0),
    Traffic("twice as slow, half of all clients", times=2.0, percent=50),
)


def run(stage: Stage) -> None:
    """Identities, false alarms, then how soon a failing canary is found."""
    report, rng = stage.report, random.Random(20)
    _identities(stage)
    windows = 100 if stage.quick else 1000
    report.title(f"False alarms over {windows:,} windows of 60 s one after the other")
    rows, most = [], 0
    for traffic in (*HEALTHY, *AT_THE_MARGIN):
        alarms = _alarms(traffic, windows, rng)
        if traffic in HEALTHY:
            most = max(most, alarms)
        rows.append((traffic.about, f"{traffic.rate:g}", f"{traffic.percent:g} %", str(alarms)))
    report.table(("canary", "requests/s", "share", "false alarms"), rows)
    report.bar(FALSE_ALARMS, most)
    times = 10 if stage.quick else 100
    report.title(f"How soon a failing canary is found, {times} times, each after a healthy window")
    rows = []
    for traffic in FAILING:
        found = [_found_after_s(traffic, rng) for _ in range(times)]
        within = [one for one in found if one is not None]
        part = 100 * len(within) / times
        soon = f"{median(within):.0f} s" if within else "-"
        rows.append(
            (traffic.about, f"{traffic.rate:g}", f"{traffic.percent:g} %", f"{part:.1f} %", soon)
        )
        if traffic.about == "20 % more failures":
            report.bar(DETECTED, part)
    report.table(("canary", "requests/s", "share", "within 60 s", "median"), rows)


def _identities(stage: Stage) -> None:
    report = stage.report
    report.title("100,000 identities through the steps of a canary")
    shares, usual = Rendezvous("orders", [">=2", "^1"]), (5.0, 95.0)
    identities = [f"client\x0010.{n >> 16}.{n >> 8 & 255}.{n & 255}".encode() for n in range(MANY)]
    weights = (0.0, 100.0)
    before = [shares.pick(one, weights) for one in identities]
    rows, flipped = [], 0
    for step in (1.0, 5.0, 25.0, 100.0, 5.0, 0.0):
        grows = step > weights[0]
        weights = with_share(weights, usual, 0, step)
        now = [shares.pick(one, weights) for one in identities]
        moved = sum(one != other for one, other in zip(before, now, strict=True))
        wrong = sum(
            one != other and other != (0 if grows else 1)
            for one, other in zip(before, now, strict=True)
        )
        flipped += wrong
        rows.append((f"{step:g} %", f"{100 * now.count(0) / MANY:.2f} %", f"{moved:,}", str(wrong)))
        before = now
    report.table(("share", "has", "moved", "of them without need"), rows)
    report.bar(FLIPPED, flipped)


def _running(traffic: Traffic) -> State:
    return State((traffic.percent, 100 - traffic.percent))


def _alarms(traffic: Traffic, windows: int, rng: random.Random) -> int:
    """How many looks called it a breach, over windows without a pause between them."""
    alarms = 0
    state, usual = _running(traffic), (traffic.percent, 100 - traffic.percent)
    for now, gathered in _periods([traffic] * (windows * PERIODS), rng):
        alarms += decide(state, gathered, PLAN, usual, now) is not None
    return alarms


def _found_after_s(traffic: Traffic, rng: random.Random) -> float | None:
    """Seconds from the first failure to the end of the period that shows it; None: not within the window."""
    healthy = replace(traffic, canary_fails=traffic.stable_fails, times=1.0)
    state, usual = _running(traffic), (traffic.percent, 100 - traffic.percent)
    for now, gathered in _periods([healthy] * PERIODS + [traffic] * PERIODS, rng):
        after_s = (now / PLAN.period_ms - PERIODS) * PERIOD_S
        if after_s > 0 and decide(state, gathered, PLAN, usual, now) is not None:
            return after_s
    return None


def _periods(made: list[Traffic], rng: random.Random) -> Iterator[tuple[int, Gathered]]:
    """The time at the end of each period, and what was gathered until then."""
    kept: dict[int, Counts] = {}
    for number, traffic in enumerate(made):
        kept[number] = traffic.period(rng)
        kept.pop(number - PERIODS, None)
        yield (number + 1) * PLAN.period_ms, Gathered(kept, {})
