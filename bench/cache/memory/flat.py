"""A worker's memory of answers under a load that never fits.

`python -m bench.cache.memory.flat SECONDS MIB` prints JSON.

A million URLs by Zipf's law, a crawler now and then, and popularity that moves. Bodies are written memory, as
those that come from a socket are. Each second it notes what the process has resident, and what the store says.
"""

import gc
import json
import os
import random
import sys
import time
from itertools import accumulate
from pathlib import Path

from middlewares.cache.entry import Entry, Freshness
from middlewares.cache.stores.memory import AnswerMemory

from . import loads

MIB = 1024 * 1024
PAGE = os.sysconf("SC_PAGESIZE")
#: Of so many requests the first are by people, and the others of a crawler.
ROUND, PEOPLE = 20_000, 16_000
NAMES = (
    b"Content-Type",
    b"Cache-Control",
    b"ETag",
    b"Last-Modified",
    b"Date",
    b"Server",
    b"Vary",
    b"X-Request-Id",
)
PIECE = 16 * 1024


def answer(number: int, now_s: float) -> Entry:
    """An answer as the layer keeps it, with nothing in it that another one shares."""
    size = loads.size_of(number)
    fields = tuple((bytes(bytearray(name)), b"%s of %d" % (name, number)) for name in NAMES)
    return Entry(
        200,
        b"OK",
        fields,
        tuple(b"%d" % (number % 10) * min(PIECE, size - at) for at in range(0, size, PIECE)),
        size,
        Freshness(now_s / 3, 60.0),
        now_s,
        b"http://shop.test/things/%d" % number,
        etag=fields[2][1],
        last_modified=fields[3][1],
        ready_lines=b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(b": ".join(line) for line in fields),
    )


def resident() -> int:
    """How many bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def main() -> None:
    lasts_s, size = float(sys.argv[1]), int(float(sys.argv[2]) * MIB)
    chance = random.Random(1)
    weights = list(accumulate(1 / number for number in range(1, loads.URLS + 1)))
    urls = range(loads.URLS)
    gc.collect()
    gc.freeze()
    before = resident()
    store = AnswerMemory(size)
    seconds: list[tuple[float, int, int, int]] = []
    hits = people = crawled = asked = moved = 0
    began = now = time.monotonic()
    while now < began + lasts_s:
        requests = chance.choices(urls, cum_weights=weights, k=PEOPLE)
        moved += 100
        for place in range(ROUND):
            number = (requests[place] + moved) % loads.URLS if place < PEOPLE else -place - asked
            key = loads.key(number)
            found = store.get(key)
            if place < PEOPLE:
                people += 1
                hits += found is not None
            else:
                crawled += 1
            if found is None:
                store.keep(key, (), b"", answer(number, now))
        asked += ROUND
        now = time.monotonic()
        if now - began >= len(seconds):
            seconds.append((now - began, resident() - before, store.bytes, store.entries))
    print(
        json.dumps(
            {
                "seconds": seconds,
                "hit_ratio": hits / people,
                "requests": asked,
                "evicted": store.evicted,
                "size": size,
            }
        )
    )


if __name__ == "__main__":
    main()
