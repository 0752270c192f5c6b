"""What one gateway keeps in Redis, another one finds there."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis

from discovery.model.settings import RegistrySettings
from middlewares.cache.entry import Entry, Freshness, Variants
from middlewares.cache.stores import reads
from middlewares.cache.stores.scripts import keys_of
from middlewares.cache.stores.shared import MOST_VARIANTS, Mark, SharedStore
from middlewares.cache.stores.store import Purge
from tests.support.every_server import registry_server as registry_server
from tests.support.limiters import Clock
from tests.support.shared_stores import by_nothing, entry_of, running_store

KEYS = keys_of(RegistrySettings().namespace)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Redis more time, so that it does not count as away on a busy machine."""
    monkeypatch.setattr(reads, "PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "MOST_PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "ANSWER_WITHIN_S", 10.0)


@pytest.fixture
async def store(registry_url: str) -> AsyncIterator[SharedStore]:
    async with running_store(registry_url) as store:
        yield store


async def kept(store: SharedStore, key: bytes) -> Entry | None:
    """The entry without names of Vary under a key."""
    found = await store.get(key, by_nothing)
    return found.entries.get(b"") if isinstance(found, Variants) else None


async def keep(
    store: SharedStore, key: bytes, url: bytes = b"http://h/a", **changes: object
) -> None:
    entry = entry_of(url=url, stored_s=store.now_s(), **changes)
    assert await store.keep(key, (), b"", entry)


async def test_another_gateway_finds_the_very_entry(store: SharedStore, registry_url: str) -> None:
    entry = entry_of(
        b"\0\xff" * 5000,
        status=404,
        phrase=b"Not \xfcber",
        fields=((b"X", b""), (b"x", b"\xff")),
        freshness=Freshness(1.5, 60.25, 7, 8, True, True, True, True, True),
        url=b"https://h/\xff?q",
        etag=b'W/"a"',
        last_modified=b"",
        tags=frozenset({b"a", b"b"}),
        ready_lines=b"404 Not \xfcber\r\nX: \r\nx: \xff\r\nContent-Length: 10000\r\n",
        stored_s=store.now_s(),
    )
    assert await store.keep(b"key", (b"accept",), b"html", entry)
    async with running_store(registry_url) as other:
        found = await other.get(b"key", lambda vary: b"html" if vary else b"")
    assert isinstance(found, Variants)
    assert found.vary == (b"accept",)
    (there,) = found.entries.values()
    ages = abs(there.stored_s - entry.stored_s)
    assert ages < 5
    assert there == entry_of(
        **{name: getattr(entry, name) for name in Entry.__slots__ if name != "stored_s"},
        body=b"",
        stored_s=there.stored_s,
    )


async def test_an_entry_has_the_age_that_it_had_in_the_gateway_that_kept_it(
    registry_url: str,
) -> None:
    """Clocks of two gateways have nothing in common."""
    first, second = Clock(), Clock()
    second.now_s = 5.0
    async with running_store(registry_url, clock_s=first) as store:
        assert await store.keep(b"k", (), b"", entry_of(stored_s=first.now_s - 40))
        async with running_store(registry_url, clock_s=second) as other:
            there = await kept(other, b"k")
    assert there is not None
    assert 40 <= second.now_s - there.stored_s < 50


async def test_an_entry_never_looks_newer_than_it_is(store: SharedStore, registry_url: str) -> None:
    """An answer from before a purge looked a millisecond newer than the purge, and was served after it."""
    async with running_store(registry_url) as other:
        for number in range(50):
            key = b"%d" % number
            await store.get(key, by_nothing)
            stored_s = store.now_s()
            assert await store.keep(key, (), b"", entry_of(stored_s=stored_s))
            there = await kept(other, key)
            assert there is not None
            assert there.stored_s <= stored_s


async def test_what_is_not_kept_is_a_miss(store: SharedStore) -> None:
    assert await store.get(b"k", by_nothing) is None


async def test_variants_are_told_apart_and_others_are_a_miss(store: SharedStore) -> None:
    for name in (b"a", b"b"):
        entry = entry_of(name, stored_s=store.now_s())
        assert await store.keep(b"k", (b"accept",), name, entry)
    for name, body in ((b"a", (b"a",)), (b"b", (b"b",))):
        found = await store.get(b"k", lambda vary, name=name: name if vary else b"")
        assert isinstance(found, Variants)
        assert found.entries[name].pieces == body
    missed = await store.get(b"k", lambda vary: b"c" if vary else b"")
    assert missed == Variants((b"accept",), {})


async def test_other_names_of_vary_take_the_place_of_those_before(
    store: SharedStore, registry_url: str
) -> None:
    async with running_store(registry_url) as other:
        await store.keep(b"k", (b"a",), b"1", entry_of(b"old", stored_s=store.now_s()))
        assert await other.get(b"k", by_nothing) == Variants((b"a",), {})
        await store.keep(b"k", (b"b",), b"b", entry_of(b"new", stored_s=store.now_s()))
        found = await other.get(b"k", by_nothing)
        assert isinstance(found, Variants)
        assert (found.vary, found.entries[b"b"].pieces) == ((b"b",), (b"new",))
        counts = await store.counts()
        assert counts is not None
        assert counts.entries == 1


async def test_a_key_has_no_more_variants_than_it_may(store: SharedStore) -> None:
    for number in range(MOST_VARIANTS + 3):
        name = b"%d" % number
        await store.keep(b"k", (b"a",), name, entry_of(name, stored_s=store.now_s()))
    counts = await store.counts()
    assert counts is not None
    assert counts.entries == MOST_VARIANTS
    assert await store.get(b"k", lambda _: b"2") == Variants((b"a",), {})
    newest = b"%d" % (MOST_VARIANTS + 2)
    found = await store.get(b"k", lambda _: newest)
    assert isinstance(found, Variants)
    assert newest in found.entries


async def test_a_mark_is_found_until_something_is_kept(store: SharedStore) -> None:
    await store.mark(b"k", 30)
    mark = await store.get(b"k", by_nothing)
    assert isinstance(mark, Mark)
    assert 0 < mark.left_s <= 30
    await keep(store, b"k")
    assert await kept(store, b"k")


async def test_many_who_ask_at_once_are_answered_by_one_call(store: SharedStore) -> None:
    await keep(store, b"k")
    found = await asyncio.gather(*(store.get(b"k", by_nothing) for _ in range(1000)))
    assert all(one is not None for one in found)
    assert len({id(one.entries[b""]) for one in found if isinstance(one, Variants)}) == 1


async def test_bodies_that_are_too_many_for_one_call_come_in_the_next(
    store: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "BYTES_PER_CALL", 1000)
    for number in range(10):
        await keep(store, b"%d" % number, body=b"x" * 600)
    found = await asyncio.gather(*(kept(store, b"%d" % number) for number in range(10)))
    assert all(one is not None for one in found)


URLS = {b"http://h/a", b"http://h/a?1", b"http://h/ab", b"https://i/a", b"http://h/\xff"}


@pytest.mark.parametrize(
    ("purge", "taken"),
    [
        (Purge("url", b"http://h/a"), [b"http://h/a"]),
        (Purge("url", b"/a"), [b"http://h/a", b"https://i/a"]),
        (Purge("prefix", b"http://h/a"), [b"http://h/a", b"http://h/a?1", b"http://h/ab"]),
        (Purge("prefix", b"/a"), sorted(URLS - {b"http://h/\xff"})),
        (Purge("prefix", b"http://h/\xff"), [b"http://h/\xff"]),
        (Purge("tag", b"all"), sorted(URLS)),
        (Purge("tag", b"al"), []),
    ],
    ids=repr,
)
@pytest.mark.parametrize("soft", [False, True])
async def test_a_purge_takes_what_it_names(
    store: SharedStore, purge: Purge, taken: list[bytes], soft: bool
) -> None:
    for url in URLS:
        await keep(store, url, url, tags=frozenset({b"all", b"of" + url}))
    assert await store.purge([Purge(purge.kind, purge.value, soft)]) == len(taken)
    found = {url: await kept(store, url) for url in URLS}
    if soft:
        stale = {url for url, one in found.items() if one is not None and one.is_stale}
        assert (sorted(stale), None in found.values()) == (taken, False)
    else:
        assert sorted(url for url, one in found.items() if one is None) == taken


@pytest.mark.parametrize("soft", [False, True])
async def test_everything_is_purged_and_counted_once(store: SharedStore, soft: bool) -> None:
    for url in URLS:
        await keep(store, url, url)
    assert await store.purge([Purge("prefix", b"/", soft)]) == len(URLS)
    found = [await kept(store, url) for url in URLS]
    assert all(one is not None and one.is_stale if soft else one is None for one in found)


@pytest.mark.parametrize("soft", [False, True])
async def test_a_purge_of_many_goes_in_steps_and_takes_each_once(
    store: SharedStore, monkeypatch: pytest.MonkeyPatch, soft: bool
) -> None:
    monkeypatch.setattr("middlewares.cache.stores.shared.PURGED_PER_CALL", 3)
    for number in range(10):
        await keep(store, b"%d" % number, b"http://h/%d" % number)
    assert await store.purge([Purge("prefix", b"http://h/", soft)]) == 10


async def test_many_purges_at_once_take_what_each_names(
    store: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("middlewares.cache.stores.shared.PURGED_PER_CALL", 3)
    monkeypatch.setattr("middlewares.cache.stores.shared.PURGES_PER_CALL", 4)
    for number in range(20):
        tags = frozenset({b"even"}) if number % 2 == 0 else frozenset()
        await keep(store, b"%d" % number, b"http://h/%d" % number, tags=tags)
    purges = [Purge("url", b"http://h/%d" % number) for number in (1, 3, 5, 77, 7, 9)]
    assert await store.purge([*purges, Purge("tag", b"even", soft=True)]) == 15
    found = [await kept(store, b"%d" % number) for number in range(20)]
    assert [one is None for one in found] == [number in (1, 3, 5, 7, 9) for number in range(20)]
    stale = [one is not None and one.is_stale for one in found]
    assert stale == [number % 2 == 0 for number in range(20)]


async def test_only_what_was_stored_by_then_is_dropped(store: SharedStore) -> None:
    await kept(store, b"k")
    now_s = store.now_s()
    assert await store.keep(b"k", (b"a",), b"old", entry_of(stored_s=now_s - 10))
    assert await store.keep(b"k", (b"a",), b"new", entry_of(stored_s=now_s))
    await store.drop(b"k", now_s - 5)
    assert await store.get(b"k", lambda _: b"old") == Variants((b"a",), {})
    found = await store.get(b"k", lambda _: b"new")
    assert isinstance(found, Variants)
    assert found.entries


async def test_nothing_is_left_in_redis_of_what_was_forgotten(
    store: SharedStore, registry_url: str
) -> None:
    for number in range(5):
        await keep(store, b"%d" % number, tags=frozenset({b"a", b"b"}))
    await store.purge([Purge("url", b"http://h/a")])
    with redis.Redis.from_url(registry_url) as client:
        assert client.hgetall(KEYS[0]).get(b"bytes") == b"0"
        assert not any(client.exists(key) for key in KEYS[1:])


async def test_what_was_dropped_or_cleared_is_a_miss(store: SharedStore) -> None:
    for key in (b"a", b"b"):
        await keep(store, key)
    await store.drop(b"a")
    assert await kept(store, b"a") is None
    assert await kept(store, b"b") is not None
    await store.clear()
    assert await kept(store, b"b") is None
