"""CPU, throughput and latency in rounds, so that a disturbance of the machine hits all proxies."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bench.checking import wrong_answers
from bench.load import Load, LoadError, load
from bench.stage import Proxy, Stage
from bench.workloads import Workload

CONNECTIONS = 64

#: What is measured in one go: this load on this proxy.
Pair = tuple[Workload, Proxy]


@dataclass(frozen=True, slots=True)
class Round:
    """One proxy under one workload in one round; CPU time is per request."""

    cpu_us: float
    registry_us: float
    load: Load
    rss_bytes: int


def cpu_us(one: Round) -> float:
    return one.cpu_us


def per_s(one: Round) -> float:
    return one.load.per_s


@dataclass(slots=True)
class Rounds:
    """What was measured; a round that failed is missing."""

    _measured: dict[tuple[str, str], dict[int, Round]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def add(self, number: int, workload: Workload, proxy: Proxy, one: Round) -> None:
        self._measured[workload.name, proxy.peer.title][number] = one

    def of(self, workload: Workload, proxy: Proxy) -> Sequence[Round]:
        return list(self._measured[workload.name, proxy.peer.title].values())

    def ratios(self, one: Pair, other: Pair, figure: Callable[[Round], float]) -> list[float]:
        """The one's figure divided by the other's, each within a round that has both."""
        return [figure(ours) / figure(theirs) for ours, theirs in self._paired(one, other)]

    def differences(self, one: Pair, other: Pair, figure: Callable[[Round], float]) -> list[float]:
        """The one's figure less the other's, each within a round that has both."""
        return [figure(ours) - figure(theirs) for ours, theirs in self._paired(one, other)]

    def _paired(self, one: Pair, other: Pair) -> list[tuple[Round, Round]]:
        ones, others = (
            self._measured[workload.name, proxy.peer.title] for workload, proxy in (one, other)
        )
        return [(ones[n], others[n]) for n in ones if n in others]


def in_rounds(stage: Stage, pairs: Iterable[Pair], rounds: int, *, pause_ms: float = 0.0) -> Rounds:
    """Measure A B C … A B C …; the first measurement of each is preceded by a second of load."""
    pairs = [pair for pair in pairs if _is_served(stage, *pair)]
    measured = Rounds()
    for workload, proxy in pairs:
        try:
            drive(stage, workload, proxy, 1, pause_ms)
        except LoadError as error:
            stage.report.say(f"{proxy.peer.title}, {workload.name}: {error}")
    for number, (workload, proxy) in itertools.product(range(rounds), pairs):
        stage.report.progress(
            f"round {number + 1} of {rounds}: {workload.name}, {proxy.peer.title}"
        )
        try:
            measured.add(number, workload, proxy, _measure(stage, workload, proxy, pause_ms))
        except LoadError as error:
            stage.report.say(f"{proxy.peer.title}, {workload.name}: {error}")
    stage.report.progress("")
    return measured


def _is_served(stage: Stage, workload: Workload, proxy: Proxy) -> bool:
    """Whether the proxy answers the workload rightly; the report says so if not."""
    wrong = wrong_answers(proxy.port, proxy.template(workload), workload)
    if wrong:
        stage.report.say(f"{proxy.peer.title} is left out of {workload.name}: {wrong}")
    return not wrong


def _measure(stage: Stage, workload: Workload, proxy: Proxy, pause_ms: float) -> Round:
    before, registry_before = proxy.running.usage(), stage.registry.usage()
    seen = drive(stage, workload, proxy, 1 if stage.quick else 3, pause_ms)
    after, registry_after = proxy.running.usage(), stage.registry.usage()
    if seen.failed:
        raise LoadError(f"{seen.failed} of {seen.requests} requests failed")
    each_us = 1e6 / seen.requests
    return Round(
        (after.cpu_s - before.cpu_s) * each_us,
        (registry_after.cpu_s - registry_before.cpu_s) * each_us,
        seen,
        after.rss_bytes,
    )


def drive(
    stage: Stage, workload: Workload, proxy: Proxy, duration_s: float, pause_ms: float = 0.0
) -> Load:
    """Load the proxy with the workload from the other core."""
    return load(
        proxy.port,
        proxy.template(workload),
        core=stage.load_core,
        connections=CONNECTIONS,
        duration_s=duration_s,
        pause_ms=pause_ms,
    )
