"""Metrics of splits."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter, gauge


class SplitNumbers(NamedTuple):
    """What a worker knows of one share: `moved` of its requests went to another, `weight` is from 0 to 1."""

    route: str
    share: str
    requests: int
    moved: int
    weight: float


class SplitCollector(Collector):
    """Asks for the numbers when the metrics are scraped; nothing is said while there are none."""

    def __init__(self, numbers: Callable[[], Iterable[SplitNumbers]]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        now = list(self._numbers())
        if not now:
            return
        labels = ["route", "share"]
        yield counter(
            "gateway_split_requests",
            "Requests by the share of the split that they went to.",
            labels,
            {(one.route, one.share): one.requests for one in now},
        )
        yield counter(
            "gateway_split_moved",
            "Requests that went to another share because theirs could not answer.",
            labels,
            {(one.route, one.share): one.moved for one in now},
        )
        yield gauge(
            "gateway_split_weight",
            "The part of all clients that a share has, 0 to 1.",
            labels,
            {(one.route, one.share): one.weight for one in now},
        )
