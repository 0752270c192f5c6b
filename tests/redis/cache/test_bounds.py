"""What Redis keeps is bounded, and what is used stays."""

from collections.abc import AsyncIterator

import pytest
import redis

from discovery.model.settings import RegistrySettings
from middlewares.cache.entry import Variants
from middlewares.cache.stores import reads
from middlewares.cache.stores.codec import OVERHEAD_BYTES, Record
from middlewares.cache.stores.scripts import digest_of, id_of, keys_of
from middlewares.cache.stores.shared import MOST_SHARE, Counts, SharedStore
from tests.support.registry_servers import RegistryServer
from tests.support.shared_stores import MIB, by_nothing, entry_of, running_store

KEYS = keys_of(RegistrySettings().namespace)
USES, MARKS = KEYS[4], KEYS[7]
MOST_BYTES = 200_000


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "MOST_PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "ANSWER_WITHIN_S", 10.0)


@pytest.fixture
async def store(registry_url: str) -> AsyncIterator[SharedStore]:
    async with running_store(registry_url, most_bytes=MOST_BYTES) as store:
        yield store


async def keep(store: SharedStore, number: int, size: int = 2000) -> bool:
    entry = entry_of(b"x" * size, url=b"http://h/%d" % number, stored_s=store.now_s())
    return await store.keep(b"%d" % number, (), b"", entry)


async def is_kept(store: SharedStore, number: int) -> bool:
    return isinstance(await store.get(b"%d" % number, by_nothing), Variants)


async def counts_of(store: SharedStore) -> Counts:
    counts = await store.counts()
    assert counts is not None
    return counts


def set_last_use(url: str, numbers: range, ago_ms: int) -> None:
    """As if these had last been used so long ago."""
    with redis.Redis.from_url(url) as client:
        seconds, micros = client.time()  # type: ignore[misc]
        now_ms = seconds * 1000 + micros // 1000
        for number in numbers:
            id_ = id_of(digest_of(b"%d" % number), (), b"")
            client.zadd(USES, {id_: now_ms - ago_ms}, xx=True)


async def test_the_bytes_never_exceed_the_bound(store: SharedStore) -> None:
    for number in range(200):
        assert await keep(store, number, 100 * (number % 40))
        assert (await counts_of(store)).bytes <= MOST_BYTES
    assert (await counts_of(store)).evicted > 0


async def test_the_bytes_are_those_of_the_entries_that_are_there(store: SharedStore) -> None:
    for number in range(100):
        await keep(store, number % 30, 50 * number)
    counts = await counts_of(store)
    there = [number for number in range(30) if await is_kept(store, number)]
    assert counts.entries == len(there)
    sizes = [
        Record(found.entries[b""]).size
        for number in there
        if isinstance(found := await store.get(b"%d" % number, by_nothing), Variants)
    ]
    assert counts.bytes == sum(sizes)


async def test_what_was_not_used_for_longest_is_evicted_first(
    store: SharedStore, registry_url: str
) -> None:
    for number in range(60):
        await keep(store, number)
    set_last_use(registry_url, range(60), 60_000)
    set_last_use(registry_url, range(20, 40), 120_000)
    for number in range(100, 120):
        await keep(store, number)
    gone = {number for number in range(60) if not await is_kept(store, number)}
    assert gone
    assert gone <= set(range(20, 40))


async def test_a_scan_does_not_push_out_what_is_used(store: SharedStore, registry_url: str) -> None:
    """Each page of a crawl is asked for once; what clients ask for again and again stays."""
    for number in range(60):
        await keep(store, number)
    set_last_use(registry_url, range(10, 60), 600_000)
    set_last_use(registry_url, range(10), 60_000)
    for number in range(1000, 1500):
        await keep(store, number)
    assert all([await is_kept(store, number) for number in range(10)])


async def test_an_entry_that_takes_too_much_is_refused(store: SharedStore) -> None:
    assert not await keep(store, 1, int(MOST_BYTES * MOST_SHARE))
    assert (store.refused, store.is_writable) == (1, True)


async def test_a_large_entry_makes_room_in_several_calls(registry_url: str) -> None:
    async with running_store(registry_url, most_bytes=4 * MIB) as store:
        for number in range(400):
            await keep(store, number, 9000)
        assert await keep(store, 1000, 400_000)
        assert await is_kept(store, 1000)


async def test_marks_are_bounded(registry_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("middlewares.cache.stores.shared.MOST_MARKS", 10)
    async with running_store(registry_url) as store:
        for number in range(30):
            await store.mark(b"%d" % number, 60 + number)
        assert await store.get(b"29", by_nothing) is not None
    with redis.Redis.from_url(registry_url) as client:
        assert client.zcard(MARKS) == 10


async def test_everything_goes_by_itself_once_no_gateway_uses_it(
    store: SharedStore, registry_url: str
) -> None:
    await keep(store, 1)
    await store.mark(b"m", 5)
    lead = await store.lead(b"l")
    assert lead is not None
    with redis.Redis.from_url(registry_url) as client:
        there = list(client.scan_iter())
        assert len(there) > 5
        assert all(client.pttl(key) > 0 for key in there)  # type: ignore[operator]
    lead.release()


async def test_the_overhead_is_not_less_than_what_redis_takes(
    own_registry: RegistryServer,
) -> None:
    """It is the operator's memory that the bound is about."""
    async with running_store(own_registry.url) as store:
        with own_registry.client() as client:
            await keep(store, 0)
            before = client.info("memory")["used_memory"]
            at_first = await counts_of(store)
            for number in range(1, 3001):
                await keep(store, number, 300)
            taken = client.info("memory")["used_memory"] - before
            counted = (await counts_of(store)).bytes - at_first.bytes
    assert OVERHEAD_BYTES < 1000
    assert 0.8 * counted < taken < 1.1 * counted
