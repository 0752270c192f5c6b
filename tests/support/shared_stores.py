"""A store of answers in a real Redis, and what it keeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from discovery.base.tasks import end
from discovery.model.settings import RegistrySettings
from middlewares.cache.entry import Entry, Freshness
from middlewares.cache.stores.shared import SharedStore

MIB = 1024 * 1024


def entry_of(body: bytes = b"hello", **changes: Any) -> Entry:
    """An entry that was stored now, by a store's clock that is at 0 unless `stored_s` says more."""
    values: dict[str, Any] = {
        "status": 200,
        "phrase": b"OK",
        "fields": ((b"Content-Type", b"text/plain"), (b"ETag", b'"1"')),
        "pieces": (body,) if body else (),
        "length": len(body),
        "freshness": Freshness(0.0, 60.0),
        "stored_s": 0.0,
        "url": b"http://shop.example/a",
    }
    return Entry(**(values | changes))


def by_nothing(vary: tuple[bytes, ...]) -> bytes:
    """The secondary key of a request that has none of the fields."""
    return b"|".join(vary)


@asynccontextmanager
async def running_store(
    url: str, *, most_bytes: int = 64 * MIB, **options: Any
) -> AsyncIterator[SharedStore]:
    """A store that runs until the end of the block."""
    store = SharedStore(RegistrySettings(url), most_bytes=most_bytes, **options)
    task = asyncio.create_task(store.run())
    try:
        yield store
    finally:
        await end(task)
        await store.close()
