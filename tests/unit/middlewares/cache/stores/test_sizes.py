"""Whether the sizes that the store counts are those that Python takes."""

import gc
import tracemalloc

import pytest

from middlewares.cache.entry import Entry, Freshness
from middlewares.cache.stores.memory import AnswerMemory


def entry(number: int, fields: int, pieces: int, tags: int, body: int) -> Entry:
    """Make one with nothing in it that another has."""
    return Entry(
        200,
        b"OK",
        tuple((b"x-name-%d" % of, b"value %d of %d" % (of, number)) for of in range(fields)),
        tuple(bytes(body) for _ in range(pieces)),
        body * pieces,
        Freshness(number / 3, number / 7, number / 11, number / 13),
        number / 17,
        b"http://shop.test/%d" % number,
        tags=frozenset(b"tag %d of %d" % (of, number) for of in range(tags)),
    )


@pytest.mark.parametrize(
    ("fields", "pieces", "tags", "body"),
    [(0, 0, 0, 0), (12, 1, 0, 2000), (12, 16, 0, 64), (4, 1, 20, 100), (100, 1, 0, 100)],
)
def test_what_is_counted_is_what_is_taken(fields: int, pieces: int, tags: int, body: int) -> None:
    store = AnswerMemory(256 * 1024 * 1024)
    entry(0, fields, pieces, tags, body)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(3000):
            key = number.to_bytes(32, "big")
            store.keep(key, (), b"", entry(number, fields, pieces, tags, body))
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert store.entries == 3000
    assert taken <= store.bytes <= 1.25 * taken
