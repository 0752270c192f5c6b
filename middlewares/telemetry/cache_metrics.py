"""Metrics of the cache."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from middlewares.telemetry.metric_families import counter, gauge


@dataclass(frozen=True, slots=True)
class CacheNumbers:
    """What a worker's cache has done since it began, and what its memory has now.

    The pairs are of a route and what the name of the metric says; the others are by route. `redis_up` is None
    where no route uses Redis; `redis_lost` counts by why.
    """

    hits: Mapping[tuple[str, str], int]
    misses: Mapping[tuple[str, str], int]
    collapsed: Mapping[str, int]
    stored: Mapping[str, int]
    not_stored: Mapping[tuple[str, str], int]
    entries: int
    bytes: int
    evicted: int
    refused: int
    purged: int
    dropped: int
    redis_up: bool | None
    redis_lost: Mapping[str, int]


class CacheCollector(Collector):
    """Asks for the numbers when the metrics are scraped."""

    def __init__(self, numbers: Callable[[], CacheNumbers]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        now = self._numbers()
        yield counter(
            "gateway_cache_hits",
            "Requests answered from the cache.",
            ["route", "kind"],
            now.hits,
        )
        yield counter(
            "gateway_cache_misses",
            "Requests on routes with a cache that were not answered from it.",
            ["route", "why"],
            now.misses,
        )
        yield counter(
            "gateway_cache_collapsed",
            "Requests that waited for the answer to another one.",
            ["route"],
            _labelled(now.collapsed),
        )
        yield counter(
            "gateway_cache_stored", "Answers that were kept.", ["route"], _labelled(now.stored)
        )
        yield counter(
            "gateway_cache_not_stored",
            "Answers that were not kept.",
            ["route", "why"],
            now.not_stored,
        )
        yield gauge("gateway_cache_entries", "Answers in memory.", [], {(): now.entries})
        yield gauge("gateway_cache_bytes", "Bytes of memory, with overhead.", [], {(): now.bytes})
        for name, about, number in (
            ("evictions", "Answers that left memory for others.", now.evicted),
            ("refused", "Answers that memory had no room for.", now.refused),
            ("purged", "Answers that purges took here.", now.purged),
            ("dropped", "Times that all answers were dropped.", now.dropped),
        ):
            yield CounterMetricFamily(f"gateway_cache_{name}", about, value=number)
        if now.redis_up is not None:
            yield gauge(
                "gateway_cache_redis_up",
                "1 while Redis answers what is kept there.",
                [],
                {(): int(now.redis_up)},
            )
            yield counter(
                "gateway_cache_redis_lost",
                "Answers that were not read from Redis, or not written to it.",
                ["why"],
                _labelled(now.redis_lost),
            )


def _labelled(counts: Mapping[str, int]) -> Mapping[tuple[str], int]:
    return {(name,): count for name, count in counts.items()}
