"""Keys in a real registry, and workers that follow them."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from discovery.base.tasks import end
from discovery.model.settings import RegistrySettings
from middlewares.auth.ways.api_keys.deciding.key_text import digest_of, key_of
from middlewares.auth.ways.api_keys.deciding.records import KeyRecord
from middlewares.auth.ways.api_keys.keyring import Keyring
from middlewares.auth.ways.api_keys.store import KeyStore
from tests.support.eventually import eventually


def new_key() -> tuple[str, bytes]:
    """A new key, and its SHA-256."""
    key = key_of(secrets.token_bytes(32))
    return key, digest_of(key.encode())


@asynccontextmanager
async def store_at(url: str) -> AsyncIterator[KeyStore]:
    store = KeyStore(RegistrySettings(url))
    try:
        yield store
    finally:
        await store.close()


async def create(store: KeyStore, id_: str = "k1", record: KeyRecord | None = None) -> bytes:
    """Create a key, and return its SHA-256."""
    _, digest = new_key()
    await store.create(id_, digest, record or KeyRecord(id_, ("orders:read",), 1000))
    return digest


@asynccontextmanager
async def following(url: str) -> AsyncIterator[Keyring]:
    """A keyring that follows the registry."""
    keyring = Keyring(RegistrySettings(url))
    task = asyncio.create_task(keyring.run())
    try:
        yield keyring
    finally:
        await end(task)
        await keyring.close()


async def after_rounds(keyring: Keyring, rounds: int = 2) -> None:
    """Wait until the registry has been asked so often from now on."""
    until = keyring.rounds + rounds
    await eventually(lambda: keyring.rounds >= until)
