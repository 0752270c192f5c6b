"""The keys in the registry: each call is one script, so that it happens whole or not at all."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from discovery.model.settings import RegistrySettings
from discovery.store.clients import unavailable
from discovery.store.keys import tag
from discovery.store.link import Link, Script
from middlewares.auth.ways.api_keys.deciding.records import KeyRecord, encode
from middlewares.auth.ways.api_keys.deciding.ring import Ended

#: Every worker keeps all of them.
MOST_KEYS = 100_000
#: A registry that answers more slowly counts as away.
ANSWER_WITHIN_S = 0.5
IDS_PER_CALL = 500

#: What scripts say of themselves.
_MISSING, _DONE, _DONE_BEFORE, _EXPIRED = 0, 1, 2, 3
_NAMES = ("meta", "records", "digests", "ends", "changes", "over", "used")


def _scripts() -> dict[str, Script]:
    # Read at import: later a process may have no descriptor left, or find the files of another release.
    texts = {one.stem: one.read_text("utf-8") for one in Path(__file__).with_name("lua").iterdir()}
    common = texts.pop("common")
    return {name: Script(f"{common}\n{text}") for name, text in texts.items()}


_SCRIPTS = _scripts()


class TooManyKeys(Exception):
    """There are as many keys as there may be."""


class KeyExpired(Exception):
    """The key has expired, so there is nothing to go on with."""


class Place(NamedTuple):
    """A state of the registry's data that a worker can wait for."""

    epoch: str
    revision: int


class Rotated(NamedTuple):
    """`ends_ms`: from when the keys before are refused, Unix ms."""

    place: Place
    ends_ms: int
    record: bytes


class Page(NamedTuple):
    """Changes in their order; `follows`: they go on from what the caller knows."""

    place: Place
    follows: bool
    rows: Sequence[Sequence[bytes]]


class KeyStore:
    """Makes, ends and reads keys; every call raises RegistryUnavailable."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._url = settings.redis_url
        self._link = Link(settings.redis_url)
        self._keys = [f"{tag(settings.namespace)}:keys:{name}" for name in _NAMES]

    @property
    def connection(self) -> object:
        """What is another object for each connection that was opened."""
        return self._link.connection

    async def create(self, id_: str, digest: bytes, record: KeyRecord) -> Place:
        """Keep a new key; raises TooManyKeys."""
        expires = "" if record.expires_ms is None else record.expires_ms
        reply = await self._call("create", id_, digest.hex(), encode(record), expires, MOST_KEYS)
        if reply[0] != _DONE:
            raise TooManyKeys
        return _place(reply[1:])

    async def revoke(self, id_: str) -> Place | None:
        """End every key of an id now; None: there is none."""
        reply, repeated = await self._ask("revoke", id_)
        done = reply[0] == _DONE or (repeated and reply[0] == _DONE_BEFORE)
        return _place(reply[1:]) if done else None

    async def rotate(self, id_: str, digest: bytes, overlap_ms: int) -> Rotated | None:
        """Give an id a new key, and end those before it after a while; None: there is none.

        Raises KeyExpired.
        """
        reply = await self._call("rotate", id_, digest.hex(), overlap_ms)
        if reply[0] == _MISSING:
            return None
        if reply[0] == _EXPIRED:
            raise KeyExpired
        return Rotated(_place(reply[1:]), int(reply[3]), reply[4])

    async def changes(self, known: Place, last_id: str, most: int = IDS_PER_CALL) -> Page:
        """What has changed since then; from revision 0: everything."""
        reply = await self._call("changes", known.epoch, known.revision, last_id, most)
        return Page(_place(reply), reply[2] == 1, reply[3])

    async def tell(self, ended: Sequence[Ended]) -> None:
        """Tell the registry of keys that have ended, in case it has lost that."""
        await self._call("tell", *(part for one in ended for part in _told(one)))

    async def used(self, at_s: Sequence[tuple[str, int]]) -> None:
        """Note when keys were last used, in Unix s by id."""
        await self._call("used", *(part for one in at_s for part in one))

    async def close(self) -> None:
        await self._link.close()

    async def _call(self, name: str, *args: str | int) -> Any:
        reply, _ = await self._ask(name, *args)
        return reply

    async def _ask(self, name: str, *args: str | int) -> tuple[Any, bool]:
        """What a script returns, and whether it was called twice because the connection was dead."""
        repeated = False
        while True:
            try:
                reply = await self._link.run(
                    _SCRIPTS[name],
                    self._keys,
                    (secrets.token_hex(8), *args),
                    within_s=ANSWER_WITHIN_S,
                )
                return reply, repeated
            except RedisConnectionError as error:
                # A connection may be dead although the server is there. Every script may be called twice.
                if repeated:
                    raise unavailable(self._url, error) from error
                repeated = True
            except (RedisError, OSError, TimeoutError) as error:
                raise unavailable(self._url, error) from error


def _place(reply: Sequence[bytes]) -> Place:
    return Place(reply[0].decode("utf-8", "replace"), int(reply[1]))


def _told(one: Ended) -> tuple[str, str, int]:
    return one.id, one.digest.hex(), one.at_ms
