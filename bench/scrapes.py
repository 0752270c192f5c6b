"""What a scrape of a gateway with workers takes of the event loop of each: CPU time, in steps."""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import TypeVar

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from bench.report import Bar
from bench.stage import Stage
from discovery.base.steps import Steps
from gateway.siblings.summing.deciding.series import (
    Family,
    families_of,
    key_of,
    key_of_family,
    of_plain,
    to_plain,
)
from gateway.siblings.summing.deciding.sums import counters_of, summed
from gateway.siblings.summing.exposing import collected, written
from middlewares.telemetry.metrics import GatewayMetrics

#: Services, so that there are about 1,000 and 10,000 series.
SERVICES = (23, 240)
WORKERS = (2, 4)
FORMATS = {"text": "", "OpenMetrics": "application/openmetrics-text; version=1.0.0"}
LONGEST = Bar("the longest step of a scrape of 4 workers with 1,000 series", 10, " ms")

T = TypeVar("T")


class Costs:
    """CPU milliseconds by what is done, and the longest step of each."""

    def __init__(self) -> None:
        self._rounds: dict[str, list[tuple[float, float]]] = {}

    def stepped(self, what: str, steps: Steps[T]) -> T:
        """Do all of the steps."""
        took: list[float] = []
        while True:
            began_s = time.thread_time()
            try:
                next(steps)
            except StopIteration as done:
                took.append(time.thread_time() - began_s)
                self._rounds.setdefault(what, []).append((sum(took) * 1000, max(took) * 1000))
                result: T = done.value
                return result
            took.append(time.thread_time() - began_s)

    def at_once(self, what: str, do: Callable[[], T]) -> T:
        def one_step() -> Steps[T]:
            yield from ()
            return do()

        return self.stepped(what, one_step())

    def medians(self) -> dict[str, tuple[float, float]]:
        return {
            what: (median(all_ms for all_ms, _ in rounds), median(most for _, most in rounds))
            for what, rounds in self._rounds.items()
        }


def run(stage: Stage) -> None:
    longest = 0.0
    for services in SERVICES:
        registry = registry_of(services)
        costs, series = Costs(), 0
        gc.disable()  # as a pause of the collector is nobody's step
        try:
            for _ in range(3 if stage.quick else 9):
                series = measure(costs, registry)
        finally:
            gc.enable()
        stage.report.title(f"A scrape of {series:,} series in each worker, CPU of one worker in ms")
        medians = costs.medians()
        stage.report.table(
            ("what", "all", "longest step"),
            [(what, f"{all_ms:.1f}", f"{most:.1f}") for what, (all_ms, most) in medians.items()],
        )
        longest = longest or max(most for what, (_, most) in medians.items() if "alone" not in what)
    stage.report.say(f"{LONGEST.what}: {longest:.1f} ms, {LONGEST.verdict(longest)}")


def registry_of(services: int) -> CollectorRegistry:
    """The metrics of a worker whose services have answered."""
    metrics = GatewayMetrics(CollectorRegistry(), {})
    for number in range(services):
        for status in (200, 404, 500):
            metrics.request_finished(f"service{number}", "GET", status, 0.01)
        metrics.attempt_finished(f"service{number}", "answered", 0.01)
    return metrics.registry


def measure(costs: Costs, registry: CollectorRegistry) -> int:
    """One scrape in all its parts; returns how many series there are."""
    families = costs.stepped("collect", collected(registry))
    counters = costs.at_once("find what has changed", lambda: keys_of(families))
    told = costs.at_once("write the answer (in a thread)", lambda: orjson.dumps(to_plain(families)))
    other = costs.at_once("read an answer (in a thread)", lambda: of_plain(orjson.loads(told)))
    departed = costs.stepped("read the counters of the departed", families_of(counters))
    for workers in WORKERS:
        parts = (families, *[other] * (workers - 1))
        added = costs.stepped(f"add up {workers} workers", summed(parts, departed, 0))
    for name, accept in FORMATS.items():
        encode, _ = choose_encoder(accept)
        costs.stepped(f"write {name}", written(added, encode))
        costs.at_once(f"a process alone: write {name}", lambda encode=encode: encode(registry))  # type: ignore[misc]
    return sum(len(family.series) for family in families)


def keys_of(families: list[Family]) -> dict[str, float]:
    keys: dict[str, float] = {}
    for described, series in counters_of(families):
        keys[key_of_family(described)] = 0
        keys |= {key_of(described.name, one): one.value for one in series}
    return keys
