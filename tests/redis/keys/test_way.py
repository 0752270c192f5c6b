"""The way `api_key` on a real registry: what it asks, and what it remembers."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from middlewares.auth.deciding import Credentials, Identity
from middlewares.auth.way import NotAdmitted
from middlewares.auth.ways.api_keys.deciding.key_text import digest_of
from middlewares.auth.ways.api_keys.deciding.records import KeyRecord, OwnLimit
from middlewares.auth.ways.api_keys.keyring import Keyring
from middlewares.auth.ways.api_keys.store import KeyStore
from middlewares.auth.ways.api_keys.way import UNKNOWN_KEPT, ApiKeys
from tests.support.keyrings import after_rounds, following, new_key, store_at


@dataclass
class Sent:
    """A request with these credentials alone, which is all that the way looks at."""

    credentials: Credentials


def sent(key: str | bytes, *, bearer: bool = False) -> Any:
    value = key.encode() if isinstance(key, str) else key
    return Sent(Credentials(b"bearer", value) if bearer else Credentials(api_key=value))


@pytest.fixture
async def store(registry_url: str) -> AsyncIterator[KeyStore]:
    async with store_at(registry_url) as store:
        yield store


@pytest.fixture
async def keyring(registry_url: str) -> AsyncIterator[Keyring]:
    async with following(registry_url) as keyring:
        await keyring.refresh()
        yield keyring


@pytest.fixture
def way(keyring: Keyring) -> ApiKeys:
    return ApiKeys("keys", keyring, time.time)


async def made(store: KeyStore, record: KeyRecord) -> str:
    key, digest = new_key()
    await store.create("k1", digest, record)
    return key


async def test_a_key_is_looked_for_once_and_known_from_then_on(
    store: KeyStore, way: ApiKeys
) -> None:
    record = KeyRecord("orders", ("a", "b"), 0, None, OwnLimit(5, 60.0))
    key = await made(store, record)
    assert way.known(sent(key)) is None
    identity = await way.decide(sent(key))
    assert isinstance(identity, Identity)
    assert (identity.way, identity.method, identity.subject) == ("keys", "api_key", "orders")
    assert (identity.scopes, identity.ends_s) == (frozenset(["a", "b"]), None)
    assert identity.limit is not None
    assert (identity.limit.name, identity.limit.requests) == ("key", 5)
    assert (identity.limit.window_us, identity.limit.by) == (60_000_000, "subject")
    assert way.known(sent(key)) is identity
    assert way.known(sent(key, bearer=True)) is identity, "its limit is one object too"


async def test_an_identity_ends_with_its_key(store: KeyStore, way: ApiKeys) -> None:
    ends_s = round(time.time()) + 3600
    key = await made(store, KeyRecord("n", (), 0, ends_s * 1000))
    identity = await way.decide(sent(key))
    assert isinstance(identity, Identity)
    assert identity.ends_s == ends_s
    later = ApiKeys("keys", way.keyring, lambda: float(ends_s))
    assert later.known(sent(key)) is None
    assert isinstance(await later.decide(sent(key)), NotAdmitted)


async def test_a_mistyped_key_is_refused_without_a_question(keyring: Keyring, way: ApiKeys) -> None:
    before = keyring.rounds
    key = new_key()[0]
    for text in (key[:-1], key[:-2] + "__", key.lower(), "lg_", "", b"\xff" * 52):
        assert isinstance(await way.decide(sent(text)), NotAdmitted)
    assert keyring.rounds <= before + 1, "those of the clock alone"


async def test_a_key_that_nobody_made_is_asked_for_once(keyring: Keyring, way: ApiKeys) -> None:
    key = new_key()[0]
    before = keyring.rounds
    for _ in range(1000):
        assert isinstance(await way.decide(sent(key)), NotAdmitted)
    assert keyring.rounds < before + 50


async def test_invented_keys_fill_no_memory(way: ApiKeys) -> None:
    for _ in range(UNKNOWN_KEPT + 500):
        assert isinstance(await way.decide(sent(new_key()[0])), NotAdmitted)
    assert len(way._unknown) <= UNKNOWN_KEPT


async def test_a_key_that_was_unknown_works_once_it_is_made(
    store: KeyStore, way: ApiKeys, keyring: Keyring
) -> None:
    """As after a copy of the data was put back."""
    key, digest = new_key()
    assert isinstance(await way.decide(sent(key)), NotAdmitted)
    await store.create("k1", digest, KeyRecord("n"))
    await after_rounds(keyring)
    assert isinstance(await way.decide(sent(key)), Identity)


async def test_a_revoked_key_is_refused_without_a_question(
    store: KeyStore, way: ApiKeys, keyring: Keyring
) -> None:
    key = await made(store, KeyRecord("n"))
    assert isinstance(await way.decide(sent(key)), Identity)
    await store.revoke("k1")
    await after_rounds(keyring)
    assert way.known(sent(key)) is None
    before = keyring.rounds
    for _ in range(1000):
        assert isinstance(await way.decide(sent(key)), NotAdmitted)
    assert keyring.rounds < before + 50
    assert keyring.ring.knows(digest_of(key.encode()))


async def test_it_takes_x_api_key_and_bearer_tokens_that_begin_like_a_key(way: ApiKeys) -> None:
    assert way.takes(sent("anything"))
    assert way.takes(sent("lg_x", bearer=True))
    assert not way.takes(sent("eyJhbGciOiJub25lIn0..", bearer=True))
    for other in (Credentials(), Credentials(b"basic", b"lg_x"), Credentials(cookie=b"lg_=lg_x")):
        assert not way.takes(Sent(other))  # type: ignore[arg-type]
