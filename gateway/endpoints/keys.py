"""`/keys`: makes, lists, ends and replaces API keys; every call needs the admin token."""

import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from discovery.model.errors import RegistryRefuses, RegistryUnavailable
from discovery.model.settings import RegistrySettings
from gateway.endpoints.bodies import json_body
from gateway.endpoints.process import answer
from gateway.endpoints.registration import AWAY, REFUSES
from gateway.front.client_limits import ClientLimits
from gateway.guard.admin import AdminGuard
from middlewares.failures import BadRequest, KeyUnknown, RegistryAway

if TYPE_CHECKING:  # a gateway without keys loads nothing of this
    from middlewares.auth.ways.api_keys.deciding.records import Change
    from middlewares.auth.ways.api_keys.store import KeyStore

MAX_BODY_BYTES = 32 * 1024
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_log = structlog.get_logger()


class KeysEndpoints:
    """The handlers; a change is answered when this gateway admits by it, and within a second all others do."""

    def __init__(
        self,
        settings: RegistrySettings,
        *,
        changed: Callable[[], Awaitable[None]],
        guard: AdminGuard,
        client_limits: ClientLimits,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._changed = changed
        self._guard = guard
        self._client_limits = client_limits
        self._now_s = now_s
        self._store: KeyStore | None = None

    async def create(self, request: web.Request) -> web.Response:
        """Make a key: 201; no later answer shows it."""
        from gateway.endpoints.key_documents import described, record_of
        from middlewares.auth.ways.api_keys.store import MOST_KEYS, TooManyKeys

        self._guard.require(request)
        record = record_of(await self._body(request), self._now_s())
        id_, (key, digest) = f"k{secrets.token_hex(8)}", _new_key()
        async with self._opened() as store:
            try:
                await store.create(id_, digest, record)
            except TooManyKeys:
                raise BadRequest(
                    f"there are {MOST_KEYS:,} keys, and that is the most; revoke those that nobody uses"
                ) from None
        await self._changed()
        _log.info("key.created", id=id_, name=record.name)
        return _secret({"id": id_, "key": key, **_without_id(described(id_, record))})

    async def list_all(self, request: web.Request) -> web.Response:
        """All keys that are not revoked, without secrets, by name."""
        from gateway.endpoints.key_documents import listed

        self._guard.require(request)
        async with self._opened() as store:
            changes = await _all_of(store)
        now_s = self._now_s()
        keys = [listed(one, one.record, now_s) for one in changes if one.record is not None]
        keys.sort(key=lambda one: (one["name"], one["created_at"], one["id"]))
        return answer({"count": len(keys), "keys": keys})

    async def revoke(self, request: web.Request) -> web.Response:
        """End every key of an id: 204, or KeyUnknown."""
        self._guard.require(request)
        id_ = _id_of(request)
        async with self._opened() as store:
            if await store.revoke(id_) is None:
                raise _unknown(id_)
        await self._changed()
        _log.info("key.revoked", id=id_)
        return web.Response(status=204)

    async def rotate(self, request: web.Request) -> web.Response:
        """Give an id a new key, 201; those before it stay valid for the overlap."""
        from gateway.endpoints.key_documents import described, overlap_ms
        from middlewares.auth.ways.api_keys.deciding.records import decode
        from middlewares.auth.ways.api_keys.store import KeyExpired

        self._guard.require(request)
        id_ = _id_of(request)
        overlap = overlap_ms(await self._body(request, empty={}))
        key, digest = _new_key()
        async with self._opened() as store:
            try:
                rotated = await store.rotate(id_, digest, overlap)
            except KeyExpired:
                raise BadRequest(f"the key {id_} has expired; make another one") from None
        if rotated is None:
            raise _unknown(id_)
        await self._changed()
        _log.info("key.rotated", id=id_, overlap_s=overlap / 1000)
        document = described(id_, decode(rotated.record), None, rotated.ends_ms)
        return _secret({"id": id_, "key": key, **_without_id(document)})

    async def close(self, _app: web.Application) -> None:
        if self._store is not None:
            await self._store.close()

    async def _body(self, request: web.Request, *, empty: Any = None) -> Any:
        return await json_body(request, self._client_limits, MAX_BODY_BYTES, empty=empty)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator["KeyStore"]:
        """The store; what it raises while the registry is away becomes RegistryAway."""
        if self._store is None:
            from middlewares.auth.ways.api_keys.store import KeyStore

            self._store = KeyStore(self._settings)
        try:
            yield self._store
        except RegistryRefuses as error:
            raise RegistryAway(REFUSES, cause=error) from None
        except RegistryUnavailable as error:
            raise RegistryAway(AWAY, cause=error) from None


async def _all_of(store: "KeyStore") -> "list[Change]":
    from middlewares.auth.ways.api_keys.deciding.records import InvalidRecord, change_of, unreadable
    from middlewares.auth.ways.api_keys.store import IDS_PER_CALL, Place

    found: dict[str, Change] = {}
    known, last = Place("", 0), ""
    while True:
        page = await store.changes(known, last)
        if not page.follows:  # other data is there now
            found, known, last = {}, Place("", 0), ""
            continue
        for row in page.rows:
            try:
                change = change_of(row)
            except InvalidRecord:
                change = unreadable(row)
            found[change.id] = change
            known, last = Place(page.place.epoch, change.revision), change.id
        if len(page.rows) < IDS_PER_CALL:
            return list(found.values())


def _new_key() -> tuple[str, bytes]:
    from middlewares.auth.ways.api_keys.deciding.key_text import RANDOM_BYTES, digest_of, key_of

    key = key_of(secrets.token_bytes(RANDOM_BYTES))
    return key, digest_of(key.encode("ascii"))


def _secret(document: dict[str, Any]) -> web.Response:
    """An answer with a key in it, which no cache may keep (RFC 9111 §5.2.2.5)."""
    made = answer(document, status=201)
    made.headers["Cache-Control"] = "no-store"
    return made


def _without_id(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "id"}


def _id_of(request: web.Request) -> str:
    id_ = request.match_info["id"]
    if not _ID.fullmatch(id_):
        raise _unknown("of this id")
    return id_


def _unknown(id_: str) -> KeyUnknown:
    return KeyUnknown(f"there is no key {id_}; it may have been revoked")
