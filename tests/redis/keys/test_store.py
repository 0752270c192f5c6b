"""The scripts of the keys, on each server that is installed."""

import time
from collections.abc import AsyncIterator

import pytest
import redis

from middlewares.auth.ways.api_keys import store as stores
from middlewares.auth.ways.api_keys.deciding.records import KeyRecord, change_of, decode
from middlewares.auth.ways.api_keys.deciding.ring import Ended
from middlewares.auth.ways.api_keys.store import KeyExpired, KeyStore, Place, TooManyKeys
from tests.support.every_server import registry_server as registry_server
from tests.support.keyrings import create, new_key, store_at

NOTHING = Place("", 0)
DAY_MS = 86_400_000


@pytest.fixture
async def store(registry_url: str) -> AsyncIterator[KeyStore]:
    async with store_at(registry_url) as store:
        yield store


def now_ms() -> int:
    return round(time.time() * 1000)


async def all_of(store: KeyStore) -> dict[str, tuple[KeyRecord | None, dict[bytes, int | None]]]:
    page = await store.changes(NOTHING, "")
    found = [change_of(row) for row in page.rows]
    return {one.id: (one.record, dict(one.digests)) for one in found}


async def test_an_empty_registry_has_no_key(store: KeyStore) -> None:
    page = await store.changes(NOTHING, "")
    assert (page.place, page.follows, page.rows) == (NOTHING, True, [])
    assert await store.revoke("k1") is None
    assert await store.rotate("k1", b"x" * 32, 0) is None


async def test_a_key_is_there_after_its_creation(store: KeyStore) -> None:
    record = KeyRecord("orders", ("a", "b"), 5, now_ms() + DAY_MS)
    _, digest = new_key()
    place = await store.create("k1", digest, record)
    assert await all_of(store) == {"k1": (record, {digest: None})}
    page = await store.changes(NOTHING, "")
    assert page.place == place


async def test_the_registry_never_has_the_key(store: KeyStore, registry_url: str) -> None:
    key, digest = new_key()
    await store.create("k1", digest, KeyRecord("orders"))
    await store.rotate("k1", new_key()[1], 5000)
    await store.used([("k1", 17)])
    with redis.Redis.from_url(registry_url) as client:
        dumped = b"".join(client.dump(name) or b"" for name in client.scan_iter())
    assert digest.hex().encode() in dumped
    assert key.encode() not in dumped
    assert key[3:46].encode() not in dumped


async def test_a_revoked_key_has_no_record_and_an_end(store: KeyStore) -> None:
    digest = await create(store)
    before_ms = now_ms()
    place = await store.revoke("k1")
    assert place is not None
    (record, digests) = (await all_of(store))["k1"]
    assert record is None
    assert before_ms - 1000 <= (digests[digest] or 0) <= now_ms() + 1000
    assert await store.revoke("k1") is None


async def test_after_a_rotation_there_are_two_keys_and_the_first_one_ends(store: KeyStore) -> None:
    first, (_, second) = await create(store), new_key()
    rotated = await store.rotate("k1", second, 60_000)
    assert rotated is not None
    assert decode(rotated.record).name == "k1"
    (_, digests) = (await all_of(store))["k1"]
    assert digests == {second: None, first: rotated.ends_ms}
    assert list(digests) == [second, first]
    assert abs(rotated.ends_ms - now_ms() - 60_000) < 10_000


async def test_another_rotation_ends_no_key_later_than_promised_and_maybe_earlier(
    store: KeyStore,
) -> None:
    first, (_, second), (_, third), (_, fourth) = await create(store), *(new_key() for _ in "234")
    promised = await store.rotate("k1", second, 60_000)
    await store.rotate("k1", third, 600_000)
    assert promised is not None
    (_, digests) = (await all_of(store))["k1"]
    assert digests[first] == promised.ends_ms
    now = await store.rotate("k1", fourth, 0)
    assert now is not None
    (_, digests) = (await all_of(store))["k1"]
    assert {one: digests[one] for one in (first, second, third)} == dict.fromkeys(
        (first, second, third), now.ends_ms
    )


async def test_a_key_that_is_rotated_often_keeps_a_bounded_number_of_digests(
    store: KeyStore, registry_url: str
) -> None:
    await create(store)
    for _ in range(30):
        await store.rotate("k1", new_key()[1], 1000)
    (_, digests) = (await all_of(store))["k1"]
    assert len(digests) == 20
    with redis.Redis.from_url(registry_url) as client:
        assert client.zcard("{lockgate:default}:keys:ends") == 19


async def test_an_expired_key_is_not_rotated(store: KeyStore) -> None:
    await create(store, record=KeyRecord("n", (), 0, now_ms() - 60_000))
    with pytest.raises(KeyExpired):
        await store.rotate("k1", new_key()[1], 0)


async def test_changes_come_in_pages_and_each_id_with_its_last_one(store: KeyStore) -> None:
    for number in range(5):
        await create(store, f"k{number}")
    await store.revoke("k0")
    page = await store.changes(NOTHING, "", 2)
    assert [row[0] for row in page.rows] == [b"k1", b"k2"]
    known = Place(page.place.epoch, change_of(page.rows[-1]).revision)
    page = await store.changes(known, "k2", 9)
    assert page.follows
    assert [row[0] for row in page.rows] == [b"k3", b"k4", b"k0"]
    page = await store.changes(page.place, "k0")
    assert (page.follows, page.rows) == (True, [])


async def test_revisions_grow_even_if_the_servers_clock_goes_back(
    store: KeyStore, registry_url: str
) -> None:
    await create(store)
    ahead = 9_000_000_000_000_000
    with redis.Redis.from_url(registry_url) as client:
        client.hset("{lockgate:default}:keys:meta", "rev", str(ahead))
    await create(store, "k2")
    await create(store, "k3")
    assert (await store.changes(NOTHING, "")).place.revision == ahead + 2


@pytest.mark.parametrize("how", ["emptied", "other epoch", "older", "older and then changed"])
async def test_data_that_was_exchanged_is_noticed(
    store: KeyStore, registry_url: str, how: str
) -> None:
    with redis.Redis.from_url(registry_url) as client:
        names = ("meta", "records", "digests", "changes")
        await create(store)
        copy = {name: client.dump(f"{{lockgate:default}}:keys:{name}") for name in names}
        await create(store, "k2")
        known = (await store.changes(NOTHING, "")).place
        if how == "other epoch":
            client.hset("{lockgate:default}:keys:meta", "epoch", "other")
        else:
            client.flushall()
            for name, value in copy.items() if how != "emptied" else ():
                client.restore(f"{{lockgate:default}}:keys:{name}", 0, value)
        if how == "older and then changed":
            await create(store, "k3")
    page = await store.changes(known, "k2")
    assert (page.follows, page.rows) == (False, [])


async def test_a_key_that_ended_long_ago_is_forgotten_at_the_next_change(
    store: KeyStore, registry_url: str
) -> None:
    await create(store, record=KeyRecord("expired", (), 0, now_ms() - 91 * DAY_MS))
    await create(store, "k2", KeyRecord("expired yesterday", (), 0, now_ms() - DAY_MS))
    await create(store, "k3")
    assert sorted(await all_of(store)) == ["k2", "k3"]
    with redis.Redis.from_url(registry_url) as client:
        assert client.zcard("{lockgate:default}:keys:changes") == 2


async def test_no_more_keys_are_made_than_workers_can_keep(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "MOST_KEYS", 2)
    await create(store, "k1")
    await create(store, "k2")
    with pytest.raises(TooManyKeys):
        await create(store, "k3")
    await store.revoke("k1")
    await create(store, "k3")


async def test_the_last_use_is_kept_of_keys_that_are_there_and_never_goes_back(
    store: KeyStore,
) -> None:
    await create(store)
    await store.used([("k1", 50), ("k2", 50)])
    await store.used([("k1", 40)])
    page = await store.changes(NOTHING, "")
    assert [change_of(row).used_s for row in page.rows] == [50]
    await store.revoke("k1")
    await store.used([("k1", 60)])
    page = await store.changes(NOTHING, "")
    assert [change_of(row).used_s for row in page.rows] == [None]


async def test_what_has_ended_can_be_told_to_a_registry_that_has_lost_it(store: KeyStore) -> None:
    digest = await create(store)
    await store.tell([Ended("k1", digest, 7000), Ended("k2", b"x" * 32, 8000)])
    assert await all_of(store) == {"k1": (None, {digest: 7000}), "k2": (None, {b"x" * 32: 8000})}
    place = (await store.changes(NOTHING, "")).place
    await store.tell([Ended("k1", digest, 7000), Ended("k2", b"x" * 32, 9000)])
    assert (await store.changes(NOTHING, "")).place == place, "it was no news"


async def test_a_rotated_key_stays_if_only_the_one_before_has_ended(store: KeyStore) -> None:
    first, (_, second) = await create(store), new_key()
    await store.rotate("k1", second, 60_000)
    await store.tell([Ended("k1", first, 7000)])
    (record, digests) = (await all_of(store))["k1"]
    assert record is not None
    assert digests == {second: None, first: 7000}


@pytest.mark.parametrize("command", ["revoke", "rotate", "create"])
async def test_a_connection_that_has_died_unnoticed_is_no_failure(
    store: KeyStore, registry_url: str, command: str
) -> None:
    await create(store)
    with redis.Redis.from_url(registry_url) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    if command == "revoke":
        assert await store.revoke("k1")
    elif command == "rotate":
        assert await store.rotate("k1", new_key()[1], 0)
    else:
        await create(store, "k2")


async def test_a_call_that_is_made_twice_has_happened_once(store: KeyStore) -> None:
    first, (_, second) = await create(store), new_key()
    await store.rotate("k1", second, 60_000)
    await store.rotate("k1", second, 60_000)
    (_, digests) = (await all_of(store))["k1"]
    assert list(digests) == [second, first]
    assert digests[second] is None
