"""Keeps the documents of services current, apart from requests."""

import asyncio
import hashlib
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import structlog

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps, slices
from discovery.model.instance import Instance
from discovery.view.view import Event, View
from middlewares.validate.counting import ValidationCounts
from middlewares.validate.deciding.documents import (
    Options,
    Refused,
    compiling,
    read_document,
)
from middlewares.validate.policy import Wanted
from middlewares.validate.shelf import MOST_DOCUMENTS, MOST_VERSIONS, Kept, Key, Shelf

#: How often a document is asked for again, and how soon after a first failure; each time 0.8 to 1.2 of it.
EVERY_S = 300.0
AGAIN_S = 5.0
#: A new instance may bring a new document; several gateways do not all ask at once.
AFTER_CHANGE_S = 1.0
#: Who is healthy changes without a word; so often it is looked who can be asked.
LOOK_S = 2.0
#: A service whose instances have all gone has its documents again when it is back within that time.
KEEP_S = 600.0
#: Several instances often come together.
TOGETHER_S = 0.02
#: How many are fetched at a time.
AT_ONCE = 8


class Fetched(NamedTuple):
    """A document as it came; `data` None: the one that is known is current."""

    data: bytes | None
    etag: str = ""


class NotFetched(Exception):
    """No document came; the message says why."""


#: Fetches the document of an instance, unless it is the one with this ETag. Raises NotFetched.
Fetch = Callable[[Instance, str], Awaitable[Fetched]]

_log = structlog.get_logger()


class Keeper:
    """Fetches documents, compiles them, and puts them on the shelf; the last good one stays."""

    def __init__(
        self,
        shelf: Shelf,
        fetch: Fetch,
        view: Callable[[], View | None],
        counts: ValidationCounts,
        is_healthy: Callable[[str], bool],
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.shelf = shelf
        self._fetch = fetch
        self._view = view
        self._counts = counts
        self._is_healthy = is_healthy
        self._draw = draw
        self._named: Mapping[str, Wanted] = {}
        self._others: Wanted | None = None
        #: When each document is to be asked for.
        self._due_s: dict[Key, float] = {}
        self._under_way: set[Key] = set()
        self._changed = asyncio.Event()

    def take(self, named: Mapping[str, Wanted], others: Wanted | None) -> None:
        """Go by a file: what is wanted of the services that it names, and of all others."""
        before = {key: self._wanted(key[0]) for key in self.shelf.kept}
        self._named, self._others = named, others
        for key, was in before.items():
            now = self._wanted(key[0])
            if now is None:
                del self.shelf.kept[key]
                self._due_s.pop(key, None)
            elif now != was:
                self.shelf.kept[key].etag, self.shelf.kept[key].digest = "", b""
                self._due_s[key] = 0.0
        self.shelf.changed()
        self._changed.set()

    def view_changed(self, _before: View, after: View, event: Event | None) -> None:
        """A listener of the view: a document that is new, or may have changed, is asked for soon."""
        if event is None:
            self._changed.set()
            return
        if self._wanted(event.service) is None:
            return
        entry = after.services.get(event.service, {}).get(event.key)
        if event.kind == "registered" and entry is not None:
            key = (event.service, entry.instance.version)
            if key in self._due_s:
                soon_s = time.monotonic() + self._draw(0.0, AFTER_CHANGE_S)
                self._due_s[key] = min(self._due_s[key], soon_s)
        self._changed.set()

    async def run(self) -> None:
        """Keep documents current until cancelled."""
        turns = asyncio.Semaphore(AT_ONCE)
        self._under_way.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                sources = await in_steps(self._sources())
                self._forget_others(sources)
                now_s = time.monotonic()
                for key, instances in sources.items():
                    if key in self._under_way or self._due_s.setdefault(key, 0.0) > now_s:
                        continue
                    self._under_way.add(key)
                    group.create_task(self._in_turn(turns, key, instances))
                due_s = (due for key, due in self._due_s.items() if key not in self._under_way)
                await self._until(min(due_s, default=math.inf))

    async def _in_turn(self, turns: asyncio.Semaphore, key: Key, instances: list[Instance]) -> None:
        """Refresh a document; one that hangs holds up no other as long as there are turns."""
        try:
            async with turns:
                # What happens from now on asks for the next attempt.
                self._due_s[key] = math.inf
                again_s = await self._refresh(key, instances)
            next_s = time.monotonic() + self._draw(0.8, 1.2) * again_s
            if key in self._due_s:
                self._due_s[key] = min(self._due_s[key], next_s)
        finally:
            self._under_way.discard(key)
            self._changed.set()

    async def _until(self, due_s: float) -> None:
        timeout_s: float | None = max(0.01, min(due_s - time.monotonic(), LOOK_S))
        if not self._named and self._others is None:
            timeout_s = None
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(TOGETHER_S)

    async def _refresh(self, key: Key, instances: list[Instance]) -> float:
        """Ask for a document; return after how many seconds to ask again."""
        kept = self.shelf.kept.setdefault(key, Kept())
        # Another one each time: what one of them lacks, the next one may have.
        instance = instances[int(self._draw(0, len(instances))) % len(instances)]
        kept.tried_s = time.monotonic()
        kept.url = instance.openapi_url or ""
        again_s = EVERY_S
        kept.failures += 1
        try:
            fetched = await self._fetch(instance, kept.etag)
            await self._put(key, kept, fetched)
        except Exception as error:  # noqa: BLE001  # one document must not stop the others
            if not isinstance(error, NotFetched | Refused):
                _log.exception("openapi.failed", service=key[0], version=key[1])
            again_s = min(EVERY_S, AGAIN_S * 2 ** min(kept.failures - 1, 10))
            self._counts.fetches[key[0]] += 1
            detail = str(error) if isinstance(error, NotFetched | Refused) else "it can't be read"
            if detail != kept.error:
                _log.warning(
                    "openapi.refused",
                    service=key[0],
                    version=key[1],
                    url=kept.url,
                    detail=str(error),
                )
            kept.error = detail
        return again_s

    async def _put(self, key: Key, kept: Kept, fetched: Fetched) -> None:
        data, wanted = fetched.data, self._wanted(key[0])
        if wanted is None:
            return
        if data is not None:
            digest = hashlib.sha256(data).digest()
            if digest != kept.digest or kept.compiled.keys() != wanted.formats:
                read = read_document(data)
                compiled = {
                    formats: await in_steps(
                        compiling(read, kept.url, Options(formats, wanted.answers))
                    )
                    for formats in sorted(wanted.formats)
                }
                if wanted != self._wanted(key[0]):
                    return  # it is asked for again at once
                kept.compiled, kept.digest, kept.size = compiled, digest, len(data)
                self.shelf.changed()
                document = next(iter(kept.compiled.values()))
                _log.info(
                    "openapi.read",
                    service=key[0],
                    version=key[1],
                    operations=document.operations,
                    left_out=document.left_out,
                    notes=document.notes[:3],
                )
        kept.etag = fetched.etag
        kept.seen_s, kept.error, kept.failures = time.monotonic(), "", 0

    def _wanted(self, service: str) -> Wanted | None:
        wanted = self._named.get(service, self._others)
        return wanted if wanted is not None and wanted.formats else None

    def _sources(self) -> Steps[Mapping[Key, list[Instance]]]:
        """The instances that each document can be fetched from."""
        view = self._view()
        found: dict[Key, list[Instance]] = {}
        if view is None or (self._others is None and not self._named):
            return found
        for service in view.services if self._others is not None else self._named:
            if self._wanted(service) is None:
                continue
            versions: dict[Key, list[Instance]] = {}
            for entries in slices(view.services.get(service, {}).values()):
                for entry in entries:
                    instance = entry.instance
                    if entry.draining or instance.openapi_url is None:
                        continue
                    if self._is_healthy(entry.key):
                        versions.setdefault((service, instance.version), []).append(instance)
                yield
            for key in list(versions)[:MOST_VERSIONS]:
                if len(found) < MOST_DOCUMENTS:
                    found[key] = versions[key]
        return found

    def _forget_others(self, sources: Mapping[Key, list[Instance]]) -> None:
        """Forget the documents of versions that no instance has any more; a sick one may come back.

        A service may restart with its only instance, and is held against its last document from its first request on.
        """
        view, now_s = self._view(), time.monotonic()
        for key, kept in [*self.shelf.kept.items()]:
            service, version = key
            entries = {} if view is None else view.services.get(service, {})
            if key in sources or any(one.instance.version == version for one in entries.values()):
                kept.gone_s = None
                continue
            if kept.gone_s is None:
                kept.gone_s = now_s
            is_restarting = not entries and kept.compiled and now_s - kept.gone_s < KEEP_S
            if not is_restarting or len(self.shelf.kept) > MOST_DOCUMENTS:
                del self.shelf.kept[key]
                self.shelf.changed()
        for key in [*self._due_s]:
            if key not in sources:
                del self._due_s[key]
