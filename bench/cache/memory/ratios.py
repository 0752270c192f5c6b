"""The share of requests that each policy answers from memory."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from bench.report import Bar, Report

from . import loads
from .policies import Belady, Lru, Policy, S3Fifo, Sieve, WTinyLfu

MIB = 1024 * 1024
#: One size for all: then Belady's is the best that any policy can do.
SAME_SIZE = 8192
OURS = "S3-FIFO, Lockgate's"
POLICIES: dict[str, Callable[[int], Policy]] = {
    OURS: S3Fifo,
    "W-TinyLFU": WTinyLfu,
    "SIEVE": Sieve,
    "LRU": Lru,
}
AGAINST_LRU = Bar("hits of the memory of answers against LRU's, Zipf 1.0", 1.1, least=True)
AGAINST_BEST = Bar("hits of the memory of answers against Belady's, Zipf 1.0", 0.9, least=True)


def run(report: Report, count: int) -> None:
    """Let each policy answer the same requests."""
    zipf = {exponent: loads.zipf(count, exponent, seed=18) for exponent in (0.8, 1.0, 1.2)}
    same, mixed = _same_size, cache(loads.size_of)
    crawled = list(loads.scanned(zipf[1.0], count // 10, count // 20))
    moving = list(loads.moving(zipf[1.0], count // 20, 1000))
    names = ("Belady", *POLICIES)
    rows = []
    for what, requests, size_of, mib in (
        ("Zipf 0.8", zipf[0.8], same, 64),
        ("Zipf 1.0", zipf[1.0], same, 64),
        ("Zipf 1.2", zipf[1.2], same, 64),
        ("Zipf 1.0 in 8 MiB", zipf[1.0], same, 8),
        ("Zipf 1.0, sizes that differ", zipf[1.0], mixed, 64),
        ("Zipf 1.0 beside a crawler", crawled, same, 64),
        ("Zipf 1.0, popularity that moves", moving, same, 64),
    ):
        report.progress(what)
        found = _ratios(requests, size_of, mib * MIB)
        rows.append((what, *(f"{100 * found[name]:.1f} %" for name in names)))
        if what == "Zipf 1.0":
            report.bar(AGAINST_LRU, found[OURS] / found["LRU"])
            report.bar(AGAINST_BEST, found[OURS] / found["Belady"])
    report.progress("")
    report.title(f"Requests answered from 64 MiB, {count:,} by people for {loads.URLS:,} URLs")
    report.table(("load", *names), rows)


def _same_size(_number: int) -> int:
    return SAME_SIZE


def _ratios(requests: Sequence[int], size_of: Callable[[int], int], bound: int) -> dict[str, float]:
    keys = [b"%d" % number for number in requests]
    new: dict[str, Callable[[int], Policy]] = {
        "Belady": lambda size: Belady(size, keys),
        **POLICIES,
    }
    return {
        name: ratio(make(bound), requests, keys, map(size_of, requests))
        for name, make in new.items()
    }


def ratio(
    policy: Policy, requests: Sequence[int], keys: Sequence[bytes], sizes: Iterable[int]
) -> float:
    """The share of hits among the requests of people in the second half, when the memory is long full."""
    hits = people = 0
    for place, (number, key, size) in enumerate(zip(requests, keys, sizes, strict=True)):
        is_hit = policy.asked(key)
        if not is_hit:
            policy.put(key, size)
        if place >= len(keys) // 2 and number < loads.URLS:
            people += 1
            hits += is_hit
    return hits / people
