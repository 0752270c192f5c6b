"""Notifications in the registry's Redis, so that all instances have the same ones."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import structlog
from redis.exceptions import RedisError

from discovery.model.settings import RegistrySettings
from discovery.store.clients import connect_async
from discovery.store.keys import tag
from middlewares.failures import DependencyUnavailable
from services.notification.notes import Filter, Kept, Note

DEPENDENCY = "registry"
MOST_KEPT = 10_000

#: Entries that are read at once: they take the loop a few milliseconds at most.
BATCH = 500

#: How long one wait for news may last, in milliseconds.
NEWS_BLOCK_MS = 5000

_FIRST_ID = "0-0"

_log = structlog.get_logger()


class Addition(NamedTuple):
    outcome: Literal["kept", "repeated", "reused"]
    id: str


class NotificationStore:
    """Raises DependencyUnavailable whenever Redis can't read or write."""

    def __init__(self, settings: RegistrySettings, most_kept: int = MOST_KEPT) -> None:
        self._notes = f"{tag(settings.namespace)}:notifications"
        self._keys = f"{tag(settings.namespace)}:notifications:keys"
        self._most_kept = most_kept
        self._client: Any = connect_async(settings.redis_url)
        #: One connection that only waits.
        self._listener: Any = connect_async(settings.redis_url, blocking=True)
        source = Path(__file__).with_name("append.lua").read_text("utf-8")
        self._append = self._client.register_script(source)

    async def add(self, note: Note, idempotency_key: str | None) -> Addition:
        """Keep the note, unless one with the same key is kept already."""
        # Without a client's key it gets a new one: the Redis client may send the call again when its
        # connection breaks, and the note must not be kept twice.
        key = secrets.token_hex(16) if idempotency_key is None else f"client:{idempotency_key}"
        with _failures_named():
            outcome, entry_id = await self._append(
                keys=[self._notes, self._keys],
                args=[self._most_kept, note.kind, note.symbol or "", note.text(), key],
            )
        if idempotency_key is None:
            return Addition("kept", entry_id.decode())
        return Addition(outcome.decode(), entry_id.decode())

    async def get(self, entry_id: str) -> Kept | None:
        with _failures_named():
            entries = await self._client.xrange(self._notes, entry_id, entry_id)
        return _kept(entries[0]) if entries else None

    async def newest_first(
        self, wanted: Filter, *, limit: int, before: str | None = None, since_ms: int | None = None
    ) -> list[Kept]:
        """At most `limit` that match, older than the id `before`, not older than `since_ms`."""
        found: list[Kept] = []
        last = "+" if before is None else f"({before}"
        first = "-" if since_ms is None else str(max(0, since_ms))
        while True:
            with _failures_named():
                entries = await self._client.xrevrange(self._notes, last, first, count=BATCH)
            found += filter(wanted.passes, map(_kept, entries))
            if len(found) >= limit or len(entries) < BATCH:
                return found[:limit]
            last = f"({entries[-1][0].decode()}"

    async def after(self, entry_id: str) -> list[Kept]:
        """The next notes after this id, oldest first, at most BATCH."""
        with _failures_named():
            entries = await self._client.xrange(self._notes, f"({entry_id}", "+", count=BATCH)
        return [_kept(entry) for entry in entries]

    async def newest_id(self) -> str:
        """The id of the newest entry."""
        with _failures_named():
            entries = await self._client.xrevrange(self._notes, count=1)
        return entries[0][0].decode() if entries else _FIRST_ID

    async def wait_after(self, entry_id: str) -> str:
        """The id of a later entry as soon as there is one, or the same id after NEWS_BLOCK_MS."""
        with _failures_named():
            news = await self._listener.xread(
                {self._notes: entry_id}, count=BATCH, block=NEWS_BLOCK_MS
            )
        if not news:
            return entry_id
        entries = news[0][1] if isinstance(news, list) else next(iter(news.values()))[0]
        return str(entries[-1][0].decode())

    async def check(self) -> None:
        with _failures_named():
            await self._client.ping()

    async def close(self) -> None:
        await self._listener.aclose()
        await self._client.aclose()


@contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        _log.warning("notifications.registry_unavailable", error=str(error))
        raise DependencyUnavailable(
            DEPENDENCY, "it can't read or write notifications now"
        ) from None


def _kept(entry: tuple[bytes, dict[bytes, bytes]]) -> Kept:
    entry_id, fields = entry
    symbol = fields[b"symbol"].decode() or None
    return Kept(entry_id.decode(), fields[b"kind"].decode(), symbol, fields[b"text"])
