"""What a hit, an answer that is kept, and a purge take."""

from collections.abc import Callable, Sequence
from time import process_time

from bench.report import Bar, Report
from discovery.base.steps import at_once
from middlewares.cache.entry import Entry
from middlewares.cache.stores.memory import AnswerMemory
from middlewares.cache.stores.store import Purge

from . import loads
from .flat import answer
from .ratios import MIB, POLICIES, SAME_SIZE

HIT = Bar("a hit in the memory of answers", 1.5, " µs")


def run(report: Report, rounds: int) -> None:
    """Take the least of the rounds: the rest is the machine's."""
    report.title(f"What a policy costs, nanoseconds, the least of {rounds} rounds")
    report.table(("policy", "a hit", "one that is put, another leaves"), _policies(rounds))
    keys = [loads.key(number) for number in range(4000)]
    answers = [answer(number, 1.0) for number in range(4000)]
    hits, kept, purged, entries = [], [], [], 0
    for _ in range(rounds):
        store = AnswerMemory(8 * MIB)
        kept.append(_kept_ns(store, keys, answers))
        hits.append(_each_ns(store.get, [key for key in keys if store.get(key)] * 20))
        began = process_time()
        at_once(store.purging([Purge("prefix", b"http://shop.test/other/")]))
        entries = store.entries
        purged.append((process_time() - began) / entries * 1e9)
    report.title(f"What the memory of answers costs, the least of {rounds} rounds")
    hit_us = min(hits) / 1000
    verdict = report.bar(HIT, hit_us)
    report.table(
        ("what", "takes"),
        [
            ("a hit", f"{hit_us:.2f} µs, {verdict}"),
            ("an answer that is kept, others leave", f"{min(kept) / 1000:.1f} µs"),
            ("a purge of a prefix, for each answer that is kept", f"{min(purged) / 1000:.2f} µs"),
        ],
    )


def _policies(rounds: int) -> list[tuple[str, str, str]]:
    rows = []
    keys = [loads.key(number) for number in range(40_000)]
    for name, new in POLICIES.items():
        hits, puts = [], []
        for _ in range(rounds):
            policy = new(64 * MIB)

            def put(key: bytes, put: Callable[[bytes, int], None] = policy.put) -> None:
                put(key, SAME_SIZE)

            puts.append(_each_ns(put, keys))
            hits.append(_each_ns(policy.asked, [key for key in keys if policy.asked(key)] * 3))
        rows.append((name, f"{min(hits):.0f}", f"{min(puts):.0f}"))
    return rows


def _kept_ns(store: AnswerMemory, keys: Sequence[bytes], answers: Sequence[Entry]) -> float:
    began = process_time()
    for key, one in zip(keys, answers, strict=True):
        store.keep(key, (), b"", one)
    return (process_time() - began) / len(keys) * 1e9


def _each_ns(call: Callable[[bytes], object], keys: Sequence[bytes]) -> float:
    began = process_time()
    for key in keys:
        call(key)
    return (process_time() - began) / len(keys) * 1e9
