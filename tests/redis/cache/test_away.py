"""Redis is away, slow, full, read-only or emptied, or has bad records: that is a miss and no more."""

import asyncio

import pytest
import redis

from discovery.model.errors import RegistryUnavailable
from discovery.model.settings import RegistrySettings
from middlewares.cache.entry import Variants
from middlewares.cache.stores import leases, reach, reads
from middlewares.cache.stores.scripts import digest_of, id_of, keys_of
from middlewares.cache.stores.shared import Lead, Mark, SharedStore
from middlewares.cache.stores.store import Purge
from tests.support.eventually import eventually
from tests.support.limiters import Clock
from tests.support.registry_servers import RegistryServer
from tests.support.shared_stores import by_nothing, entry_of, running_store

KEYS = keys_of(RegistrySettings().namespace)
META, KEPT, HEADS, BODIES, USES = KEYS[:5]
ID = id_of(digest_of(b"k"), (), b"")
NEVER = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Redis more time, so that it does not count as away on a busy machine."""
    monkeypatch.setattr(reads, "PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "MOST_PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "ANSWER_WITHIN_S", 10.0)
    monkeypatch.setattr(leases, "ANSWER_WITHIN_S", 10.0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, _patient: None) -> None:
    monkeypatch.setattr(reads, "PATIENCE_S", 0.005)
    monkeypatch.setattr(reads, "MOST_PATIENCE_S", 0.005)


async def keep(store: SharedStore) -> bool:
    return await store.keep(b"k", (), b"", entry_of(stored_s=store.now_s()))


async def is_kept(store: SharedStore) -> bool:
    return isinstance(await store.get(b"k", by_nothing), Variants)


async def is_kept_after_keeping(store: SharedStore) -> bool:
    return await keep(store) and await is_kept(store)


async def do_all(store: SharedStore) -> None:
    """Do everything that a gateway does; nothing but a purge fails."""
    assert await store.get(b"k", by_nothing) is None
    assert not await keep(store)
    await store.mark(b"k", 1)
    await store.drop(b"k")
    for purge in (Purge("prefix", b"/"), Purge("tag", b"t")):
        with pytest.raises(RegistryUnavailable):  # who purges tries again
            await store.purge([purge])
    assert await store.counts() is None
    lead = await store.lead(b"k")
    assert isinstance(lead, Lead)
    assert not lead.look_again
    assert not await store.led(b"other", 5)
    lead.release()


async def answers_at_once(store: SharedStore) -> bool:
    """Whether a read is answered without a wait."""
    asking = asyncio.ensure_future(store.get(b"k", by_nothing))
    await asyncio.sleep(0)
    is_done = asking.done()
    asking.cancel()
    return is_done


async def test_nothing_raises_where_no_redis_is() -> None:
    async with running_store(NEVER) as store:
        await do_all(store)
        assert (store.is_away, store.is_writable) == (True, False)


async def test_nobody_waits_for_a_redis_that_was_away_within_the_last_second() -> None:
    clock = Clock()
    async with running_store(NEVER, clock_s=clock) as store:
        assert await store.get(b"k", by_nothing) is None
        assert await answers_at_once(store)
        clock.now_s += reach.AWAY_FOR_S
        assert not await answers_at_once(store)


async def test_a_client_does_not_wait_for_a_redis_that_hangs(
    own_registry: RegistryServer, impatient: None
) -> None:
    """The call itself goes on for 10 s here."""
    async with running_store(own_registry.url) as store:
        await eventually(lambda: keep(store))
        await eventually(lambda: is_kept(store))
        own_registry.pause()
        found = await asyncio.gather(*(store.get(b"%d" % n, by_nothing) for n in range(100)))
        assert found == [None] * 100
        assert await answers_at_once(store)
        own_registry.resume()
        await eventually(lambda: is_kept(store))


async def test_one_that_was_slow_before_it_went_away_costs_no_more_than_another(
    own_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls took so long that a client would wait for minutes, as long as Redis answers."""
    monkeypatch.setattr(reads, "PATIENCE_S", 0.005)
    monkeypatch.setattr(reads, "MOST_PATIENCE_S", 1000.0)
    monkeypatch.setattr(reads, "ANSWER_WITHIN_S", 1000.0)
    clock = Clock()
    async with running_store(own_registry.url, clock_s=clock) as store:
        own_registry.pause()
        assert await store.get(b"k", by_nothing) is None
        clock.now_s += 1000
        own_registry.resume()
        await eventually(lambda: is_kept_after_keeping(store))
        own_registry.kill()
        assert not await is_kept(store)
        assert store.is_away
        own_registry.start()
        own_registry.pause()
        clock.now_s += reach.AWAY_FOR_S
        assert not await is_kept(store)
        own_registry.resume()


async def test_redis_is_used_again_once_it_is_back(own_registry: RegistryServer) -> None:
    clock = Clock()
    async with running_store(own_registry.url, clock_s=clock) as store:
        assert await keep(store)
        own_registry.kill()
        await do_all(store)
        own_registry.start()
        clock.now_s += reach.AWAY_FOR_S
        assert not await is_kept(store)  # a server that starts anew has nothing
        assert await keep(store)
        assert await is_kept(store)
        assert not store.is_away


async def test_a_redis_that_was_emptied_keeps_anew(registry_url: str) -> None:
    async with running_store(registry_url) as store:
        assert await keep(store)
        lead = await store.lead(b"k")
        assert lead is not None
        with redis.Redis.from_url(registry_url) as client:
            client.flushall()
            assert not await is_kept(store)
            client.script_flush()
        assert await keep(store)
        assert await is_kept(store)
        lead.release()


async def test_a_read_only_redis_is_read_and_not_written(own_registry: RegistryServer) -> None:
    async with running_store(own_registry.url) as store:
        assert await keep(store)
        with own_registry.client() as client:
            client.zadd(USES, {ID: 1})  # so that it would note the use
            client.replicaof("127.0.0.1", 1)  # type: ignore[arg-type]
        assert await is_kept(store)
        assert not await keep(store)
        assert (store.is_away, store.is_writable) == (False, False)
        assert await store.lead(b"k") is not None  # everyone asks for himself


async def test_a_full_redis_is_read_and_not_written(own_registry: RegistryServer) -> None:
    async with running_store(own_registry.url) as store:
        assert await keep(store)
        with own_registry.client() as client:
            client.zadd(USES, {ID: 1})
            client.config_set("maxmemory", 1)
        assert await is_kept(store)
        assert not await keep(store)
        assert (store.is_away, store.is_writable) == (False, False)
        assert await store.lead(b"k") is not None


@pytest.mark.parametrize(
    "head",
    [b"", b"1", b"x" * 59, b"10" + b"0" * 57 + b"u\n\nshort", b"10" + b"x" * 200, b"\n" * 300],
    ids=range(6),
)
async def test_a_bad_record_is_a_miss_and_can_be_replaced(registry_url: str, head: bytes) -> None:
    async with running_store(registry_url) as store:
        assert await keep(store)
        with redis.Redis.from_url(registry_url) as client:
            client.hset(HEADS, ID, head)
        assert not await is_kept(store)
        assert store.bad_records == 1
        assert await eventually(lambda: keep(store))
        assert await is_kept(store)


async def test_a_body_of_another_length_is_a_miss(registry_url: str) -> None:
    async with running_store(registry_url) as store:
        assert await keep(store)
        with redis.Redis.from_url(registry_url) as client:
            client.hset(BODIES, ID, b"hell")
        assert not await is_kept(store)


@pytest.mark.parametrize("name", KEYS, ids=[key.rpartition(":")[2] for key in KEYS])
async def test_a_lost_part_is_a_miss_at_most_and_is_mended(registry_url: str, name: str) -> None:
    """A server that is short of memory may drop any key."""
    async with running_store(registry_url) as store:
        for key in (b"a", b"b", b"c"):
            assert await store.keep(key, (), b"", entry_of(stored_s=store.now_s()))
        assert await keep(store)
        with redis.Redis.from_url(registry_url) as client:
            client.delete(name)
            await store.get(b"k", by_nothing)
            assert await keep(store)
            assert await keep(store)
            assert await is_kept(store)
            counts = await store.counts()
            assert counts is not None
            assert counts.entries == client.zcard(USES) == client.hlen(BODIES)
            assert (counts.entries > 1) == (int(client.hlen(KEPT)) > 1)  # type: ignore[arg-type]


async def test_a_key_of_another_kind_is_a_miss(registry_url: str) -> None:
    async with running_store(registry_url) as store:
        with redis.Redis.from_url(registry_url) as client:
            client.set(HEADS, "x")
        assert not await is_kept(store)
        assert not await keep(store)


async def test_nothing_is_served_whose_age_is_not_known_after_the_clock_went_back(
    registry_url: str,
) -> None:
    """Its age came out as 0, for as long as the clock was behind."""
    async with running_store(registry_url) as store:
        assert await keep(store)
        with redis.Redis.from_url(registry_url) as client:
            latest = int(client.hget(META, "latest") or 0)  # type: ignore[arg-type]
            client.hset(META, "latest", latest + 3_600_000)
        assert not await is_kept(store)
        assert await store.keep(b"new", (), b"", entry_of(stored_s=store.now_s()))
        assert not await is_kept(store)
        assert isinstance(await store.get(b"new", by_nothing), Variants)


async def test_a_read_notes_the_time_so_that_a_clock_that_goes_back_is_seen(
    registry_url: str,
) -> None:
    async with running_store(registry_url) as store:
        assert await keep(store)
        with redis.Redis.from_url(registry_url) as client:
            before = int(client.hget(META, "latest") or 0)  # type: ignore[arg-type]
            client.hset(META, "latest", before - 5000)
            assert await is_kept(store)
            assert int(client.hget(META, "latest") or 0) >= before  # type: ignore[arg-type]


async def test_marks_of_a_redis_that_is_away_are_none(own_registry: RegistryServer) -> None:
    async with running_store(own_registry.url) as store:
        await store.mark(b"k", 30)
        assert isinstance(await store.get(b"k", by_nothing), Mark)
        own_registry.kill()
        assert await store.get(b"k", by_nothing) is None
