"""What workers know of keys while the registry is changed, emptied, exchanged and away."""

from collections.abc import AsyncIterator

import pytest
import redis

from middlewares.auth.ways.api_keys import keyring as keyrings
from middlewares.auth.ways.api_keys.deciding.records import KeyRecord
from middlewares.auth.ways.api_keys.keyring import KeysAway
from middlewares.auth.ways.api_keys.store import KeyStore
from tests.support.eventually import eventually
from tests.support.keyrings import after_rounds, create, following, new_key, store_at
from tests.support.registry_servers import RegistryServer

NOW_S = 2.0


@pytest.fixture
async def store(registry_url: str) -> AsyncIterator[KeyStore]:
    async with store_at(registry_url) as store:
        yield store


async def test_a_key_is_known_at_once_to_a_worker_that_is_asked_for_it(
    store: KeyStore, registry_url: str
) -> None:
    async with following(registry_url) as keyring:
        for number in range(20):
            digest = await create(store, f"k{number}")
            entry = await keyring.look_up(digest, NOW_S)
            assert entry is not None
            assert entry.id == f"k{number}"


async def test_a_revocation_is_known_after_the_next_round(
    store: KeyStore, registry_url: str
) -> None:
    assert keyrings.ASKED_EVERY_S * 2 < 1, "a revocation must be known within a second"
    async with following(registry_url) as keyring:
        digest = await create(store)
        assert await keyring.look_up(digest, NOW_S)
        await store.revoke("k1")
        await after_rounds(keyring)
        assert keyring.ring.find(digest, NOW_S) is None
        assert keyring.ring.knows(digest)


async def test_a_worker_that_starts_reads_all_keys_however_many_pages_they_are(
    store: KeyStore, registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyrings, "IDS_PER_CALL", 3)
    monkeypatch.setattr(KeyStore.changes, "__defaults__", (3,))
    digests = [await create(store, f"k{number}") for number in range(10)]
    async with following(registry_url) as keyring:
        await keyring.refresh()
        assert all(keyring.ring.find(one, NOW_S) for one in digests)
        more = [await create(store, f"m{number}") for number in range(7)]
        await keyring.refresh()
        assert all(keyring.ring.find(one, NOW_S) for one in more)


async def test_an_unknown_key_is_looked_for_with_one_call_for_all_who_ask(
    registry_url: str,
) -> None:
    async with following(registry_url) as keyring:
        await keyring.refresh()
        assert await keyring.look_up(new_key()[1], NOW_S) is None


async def test_an_emptied_registry_takes_all_keys_with_it_and_brings_no_revoked_one_back(
    store: KeyStore, registry_url: str
) -> None:
    async with following(registry_url) as keyring:
        kept, revoked = await create(store, "kept"), await create(store, "revoked")
        await store.revoke("revoked")
        await keyring.refresh()
        with redis.Redis.from_url(registry_url) as client:
            client.flushall()
        await after_rounds(keyring)
        assert keyring.ring.find(kept, NOW_S) is None
        assert keyring.ring.find(revoked, NOW_S) is None
        new = await create(store, "new")
        assert await keyring.look_up(new, NOW_S)
        await store.revoke("new")
        await after_rounds(keyring)
        assert keyring.ring.find(new, NOW_S) is None


async def test_an_older_copy_of_the_data_brings_no_revoked_key_back_anywhere(
    store: KeyStore, registry_url: str
) -> None:
    async with following(registry_url) as keyring:
        with redis.Redis.from_url(registry_url) as client:
            digest, other = await create(store, "k1"), await create(store, "k2")
            copy = {name: client.dump(name) for name in client.scan_iter()}
            await keyring.refresh()
            await store.revoke("k1")
            await keyring.refresh()
            client.flushall()
            for name, value in copy.items():
                client.restore(name, 0, value)
            await after_rounds(keyring, 3)
            assert keyring.ring.find(digest, NOW_S) is None
            assert keyring.ring.find(other, NOW_S)
            assert client.hkeys("{lockgate:default}:keys:records") == [b"k2"]
        async with following(registry_url) as newcomer:  # has not seen the revocation
            await newcomer.refresh()
            assert newcomer.ring.find(digest, NOW_S) is None
            assert newcomer.ring.find(other, NOW_S)


async def test_known_keys_go_on_while_the_registry_is_away_and_unknown_ones_are_not_decided(
    own_registry: RegistryServer,
) -> None:
    async with store_at(own_registry.url) as store, following(own_registry.url) as keyring:
        digest = await create(store)
        await keyring.refresh()
        own_registry.kill()
        await eventually(lambda: not keyring.is_current)
        assert keyring.ring.find(digest, NOW_S)
        with pytest.raises(KeysAway):
            await keyring.look_up(new_key()[1], NOW_S)
        assert keyring.describe()["current"] is False
        assert keyring.describe()["known"] == 1


async def test_a_registry_that_came_back_without_its_data_admits_nobody(
    own_registry: RegistryServer,
) -> None:
    async with store_at(own_registry.url) as store, following(own_registry.url) as keyring:
        digest = await create(store)
        await keyring.refresh()
        own_registry.kill()
        own_registry.start()
        await eventually(lambda: keyring.ring.find(digest, NOW_S) is None)
        new = await create(store, "new")
        await eventually(lambda: keyring.is_current)
        assert await keyring.look_up(new, NOW_S)


@pytest.mark.registry_hangs
async def test_a_registry_that_hangs_is_away_and_is_followed_again_when_it_goes_on(
    own_registry: RegistryServer,
) -> None:
    async with store_at(own_registry.url) as store, following(own_registry.url) as keyring:
        digest, doomed = await create(store), await create(store, "doomed")
        await keyring.refresh()
        own_registry.pause()
        with pytest.raises(KeysAway):
            await keyring.look_up(new_key()[1], NOW_S)
        assert keyring.ring.find(digest, NOW_S)
        own_registry.resume()
        await eventually(lambda: keyring.is_current)
        await store.revoke("doomed")
        await after_rounds(keyring)
        assert keyring.ring.find(digest, NOW_S)
        assert keyring.ring.find(doomed, NOW_S) is None


async def test_a_revocation_from_while_a_worker_was_away_is_known_when_it_is_back(
    own_registry: RegistryServer,
) -> None:
    async with store_at(own_registry.url) as store, following(own_registry.url) as keyring:
        digest = await create(store)
        await keyring.refresh()
        with own_registry.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)
            await store.revoke("k1")
        await after_rounds(keyring)
        assert keyring.ring.find(digest, NOW_S) is None


async def test_nothing_is_decided_before_the_registry_was_heard_of(
    own_registry: RegistryServer,
) -> None:
    own_registry.kill()
    async with following(own_registry.url) as keyring:
        with pytest.raises(KeysAway):
            await keyring.look_up(new_key()[1], NOW_S)
        assert keyring.describe() == {"known": 0, "current": False, "age_s": None}


async def test_the_last_use_is_noted_at_once_and_then_once_a_minute(
    store: KeyStore, registry_url: str
) -> None:
    async with following(registry_url) as keyring:
        digest = await create(store)
        entry = await keyring.look_up(digest, NOW_S)
        assert entry is not None
        keyring.note_use(entry, 1000.0)
        assert entry.used_again_s == 1060.0
        await after_rounds(keyring)
        with redis.Redis.from_url(registry_url) as client:
            assert client.hgetall("{lockgate:default}:keys:used") == {b"k1": b"1000"}


async def test_a_last_use_is_not_lost_when_the_worker_stops(
    store: KeyStore, registry_url: str
) -> None:
    digest = await create(store)
    async with following(registry_url) as keyring:
        entry = await keyring.look_up(digest, NOW_S)
        assert entry is not None
        keyring.note_use(entry, 1000.0)
    with redis.Redis.from_url(registry_url) as client:
        assert client.hgetall("{lockgate:default}:keys:used") == {b"k1": b"1000"}


async def test_a_record_that_others_have_spoiled_admits_nobody_and_disturbs_no_other_key(
    store: KeyStore, registry_url: str
) -> None:
    async with following(registry_url) as keyring:
        spoiled, fine = await create(store, "spoiled"), await create(store, "fine")
        with redis.Redis.from_url(registry_url) as client:
            client.hset("{lockgate:default}:keys:records", "spoiled", "{")
        assert await keyring.look_up(fine, NOW_S)
        assert await keyring.look_up(spoiled, NOW_S) is None
        later = await create(store, "later", KeyRecord("later"))
        assert await keyring.look_up(later, NOW_S)


async def test_a_registry_that_takes_no_changes_is_followed_all_the_same(
    own_registry: RegistryServer,
) -> None:
    async with store_at(own_registry.url) as store, following(own_registry.url) as keyring:
        digest = await create(store)
        entry = await keyring.look_up(digest, NOW_S)
        assert entry is not None
        with own_registry.client() as client:
            client.config_set("maxmemory", 1)
            keyring.note_use(entry, 1000.0)
            await after_rounds(keyring, 3)
            assert keyring.is_current
            assert await keyring.look_up(new_key()[1], NOW_S) is None
            assert client.exists("{lockgate:default}:keys:used") == 0
            client.config_set("maxmemory", 0)
            await eventually(lambda: client.hgetall("{lockgate:default}:keys:used"))
