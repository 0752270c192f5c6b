"""The keys that an issuer publishes: fetched ahead of time, so that no request waits for one that is known."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from aiohttp import ClientSession

from middlewares.auth.ways.jwt.deciding.discovery_document import BadDocument, url_in
from middlewares.auth.ways.jwt.deciding.fetching import (
    UnknownKids,
    after_failure_s,
    after_success_s,
)
from middlewares.auth.ways.jwt.deciding.keys import BadKey, KeySet, key_set
from middlewares.auth.ways.jwt.fetching import Fetched, NotFetched, discovered, fetched
from middlewares.auth.ways.jwt.sources import FromIssuer

#: A token whose kid is being looked for waits so long at most.
LOOK_S: Final = 1.0
#: A discovery document is asked for again after this time, and after a failure.
DOCUMENT_S: Final = 3600.0

_log = structlog.get_logger()


class PublishedKeys:
    """The keys of one issuer, as this worker knows them. `clock` is in seconds and never goes back."""

    def __init__(
        self,
        name: str,
        source: FromIssuer,
        session: Callable[[], ClientSession],
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.source = source
        self._name = name
        self._session = session
        self._clock = clock
        self._rng = rng
        #: Set when the first fetch has ended, however it did.
        self.tried = asyncio.Event()
        #: Called when the keys are others than before.
        self.changed: Callable[[], None] = lambda: None
        self._keys: KeySet | None = None
        self._fetched_s = 0.0
        self._problem = ""
        self._has_failed = False
        self._due_s = 0.0
        self._jwks_url = source.jwks_url
        self._document_s = 0.0
        self._begun = self._taken = 0
        self._unknown = UnknownKids()
        self._wanted = asyncio.Event()
        self._looked = asyncio.Event()

    @property
    def left_s(self) -> float:
        """For how long the keys are good if the issuer does not answer from now on; 0: there are none."""
        if self._keys is None:
            return 0.0
        return max(0.0, self._fetched_s + self.source.keys_max_age_s - self._clock())

    @property
    def keys(self) -> KeySet | None:
        """The keys that are good now; None: there are none, or they are too old."""
        return self._keys if self.left_s > 0 else None

    async def look_for(self, kid: str) -> bool:
        """Whether the keys were fetched for this kid, which is in none of them, just now.

        One kid is looked for at a time, and seldom. For any other, the answer is no at once.
        """
        if self._unknown.may_fetch(kid, self._clock()):
            self._looked = asyncio.Event()
            self._wanted.set()
        elif self._unknown.looked_for != kid:
            return False
        try:
            async with asyncio.timeout(LOOK_S):
                await self._looked.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Keep the keys fresh; never returns. A search for a kid can't hold up the plan, nor use it up."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._by_plan())
            both.create_task(self._on_demand())

    def describe(self) -> Mapping[str, object]:
        """What `/status` says."""
        said: dict[str, object] = {"keys": 0 if self._keys is None else len(self._keys.keys)}
        if self._keys is not None:
            said["keys_age_s"] = round(self._clock() - self._fetched_s, 1)
            said["keys_left_s"] = round(self.left_s, 1)
        if self._problem:
            said["problem"] = self._problem
        return said

    async def _by_plan(self) -> None:
        # Soon enough that the keys are still good when it is.
        refresh_s = min(self.source.refresh_s, self.source.keys_max_age_s / 2)
        failures = 0
        # One that took the place of another goes on with its plan, if that is not too late for it.
        self._due_s = min(self._due_s, self._clock() + refresh_s)
        while True:
            await asyncio.sleep(max(0.0, self._due_s - self._clock()))
            found = await self._fetch()
            self.tried.set()
            if found is not None:
                failures = 0
                pause_s = after_success_s(found.max_age_s, refresh_s, self._rng)
            else:
                failures += 1
                pause_s = after_failure_s(
                    failures, refresh_s, self._rng, has_keys=self.keys is not None
                )
            self._due_s = self._clock() + pause_s

    async def _on_demand(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._fetch()
            finally:
                self._unknown.done()
                self._looked.set()

    async def _fetch(self) -> Fetched | None:
        """Fetch once, and take the keys; None: it failed, and nothing has changed."""
        self._begun += 1
        number = self._begun
        try:
            found = await fetched(self._session(), await self._url())
            keys, left_out = key_set(found.content, secrets=False)
        except NotFetched as error:
            self._failed(str(error))
            return None
        except BadKey as error:
            self._failed(f"its set of keys {error}")
            return None
        reasons = [why for _, why in left_out]
        if not keys.keys:
            self._failed(f"its set of keys has none that can be used: {reasons}")
            return None
        # A slow answer may be older than one that was asked for later.
        if number > self._taken:
            self._taken = number
            self._take(keys, reasons)
        return found

    async def _url(self) -> str:
        if self.source.jwks_url is not None:
            return self.source.jwks_url
        now_s = self._clock()
        if self._jwks_url is None or self._has_failed or now_s - self._document_s > DOCUMENT_S:
            document = await discovered(self._session(), self.source.issuer)
            try:
                self._jwks_url = url_in(document, "jwks_uri")
            except BadDocument as error:
                raise NotFetched(f"its discovery document {error}") from None
            self._document_s = now_s
        return self._jwks_url

    def _take(self, keys: KeySet, left_out: list[str]) -> None:
        self._fetched_s, self._has_failed = self._clock(), False
        self._problem = f"a key is left out, since it {left_out[0]}" if left_out else ""
        if keys == self._keys:
            return
        before, self._keys = self._keys, keys
        _log.info(
            "auth.keys_changed",
            way=self._name,
            keys=len(keys.keys),
            keys_before=0 if before is None else len(before.keys),
            left_out=left_out,
        )
        self.changed()

    def _failed(self, why: str) -> None:
        self._problem, self._has_failed = why, True
        _log.warning(
            "auth.keys_not_fetched",
            way=self._name,
            why=why,
            keys=0 if self.keys is None else len(self.keys.keys),
        )
