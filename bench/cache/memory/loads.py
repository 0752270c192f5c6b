"""Who asks for what: requests for a million URLs, some of them popular."""

import random
from collections.abc import Iterator
from itertools import accumulate

URLS = 1_000_000


def zipf(count: int, exponent: float, seed: int) -> list[int]:
    """URLs by number, the most popular first: the n-th is asked for in proportion to 1 / n ** exponent."""
    weights = list(accumulate(1 / number**exponent for number in range(1, URLS + 1)))
    return random.Random(seed).choices(range(URLS), cum_weights=weights, k=count)


def scanned(requests: list[int], each: int, burst: int) -> Iterator[int]:
    """After each so many requests a crawler asks for so many further URLs, each of them once."""
    crawled = URLS
    for place, request in enumerate(requests, 1):
        yield request
        if place % each == 0:
            yield from range(crawled, crawled + burst)
            crawled += burst


def moving(requests: list[int], each: int, step: int) -> Iterator[int]:
    """After each so many requests, so many new URLs become the most popular."""
    for place, request in enumerate(requests):
        yield (request - place // each * step) % URLS


def key(number: int) -> bytes:
    """A primary key as the layer makes them: 32 bytes that look random."""
    return random.Random(number).randbytes(32)


def size_of(number: int) -> int:
    """The size of its answer, however popular it is: half of them are under 4 KiB, 1 % over 100."""
    return min(int(random.Random(-number - 1).lognormvariate(8.3, 1.4)) + 200, 1_000_000)
