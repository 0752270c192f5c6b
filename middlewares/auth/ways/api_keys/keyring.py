"""Keeps a worker's ring of keys as the registry has it: it asks what has changed, several times a second."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps, slices
from discovery.model.errors import RegistryUnavailable
from discovery.model.settings import RegistrySettings
from middlewares.auth.ways.api_keys.deciding.records import InvalidRecord, change_of, unreadable
from middlewares.auth.ways.api_keys.deciding.ring import Entry, Ring
from middlewares.auth.ways.api_keys.store import IDS_PER_CALL, KeyStore, Page, Place

#: A revocation is known to each worker after this long, and the time of a call.
ASKED_EVERY_S = 0.2
#: A key's last use is noted at most this often by a worker.
USE_NOTED_EVERY_S = 60.0
#: The pause after a registry took no changes.
TOLD_AGAIN_AFTER_S = 1.0
#: A worker warns of at most so many records that it can't read.
MOST_LEFT_OUT = 100

_log = structlog.get_logger()


class KeysAway(Exception):
    """The registry does not answer, so nobody knows whether a key is valid."""


class Keyring:
    """Knows every key that the registry has, while `run` runs.

    A worker that has lost its connection reads all of them again: the data may be an older copy by then,
    or another server's. Until it has, those that it knew stay in force.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        *,
        now_s: Callable[[], float] = time.time,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now_s` is Unix time."""
        self.ring = Ring()
        #: The registry answered the last time it was asked.
        self.is_current = False
        #: How often the registry has been asked, with success.
        self.rounds = 0
        self._store = KeyStore(settings)
        self._now = now_s
        self._clock_s = clock_s
        self._heard_s: float | None = None
        self._connection: object = None
        self._tells_again_s = 0.0
        self._has_ended = False
        self._has_said_away = False
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[bool]] = []
        self._used: dict[str, int] = {}
        self._left_out: set[str] = set()

    @property
    def has_heard(self) -> bool:
        """Whether the registry has told its keys once."""
        return self._heard_s is not None

    @property
    def age_s(self) -> float | None:
        """Seconds since the registry last said that the ring is as it has it; None: it never has."""
        return None if self._heard_s is None else self._clock_s() - self._heard_s

    def go_on(self, other: "Keyring") -> None:
        """Begin with the keys that another one knows, so that they work even if the registry is away."""
        self.ring = other.ring
        self.is_current = other.is_current
        self._heard_s = other._heard_s

    async def look_up(self, digest: bytes, now_s: float) -> Entry | None:
        """Find a key that the ring does not have, after asking the registry for what is new.

        All who ask at the same time share one call. Raises KeysAway.
        """
        if not await self.refresh():
            raise KeysAway
        return self.ring.find(digest, now_s)

    async def refresh(self) -> bool:
        """Ask the registry, from now on; returns whether it has answered."""
        if self._has_ended or (self.has_heard and not self.is_current):
            return False  # those who come while it is away do not wait for it
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._asked.set()
        return await future

    def note_use(self, entry: Entry, now_s: float) -> None:
        """Note that a key was used; the registry hears of it once a minute."""
        entry.used_again_s = now_s + USE_NOTED_EVERY_S
        self._used[entry.id] = int(now_s)

    async def run(self) -> None:
        """Ask the registry until cancelled, through any number of its failures."""
        self._has_ended = False
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ASKED_EVERY_S):
                        await self._asked.wait()
                self._asked.clear()
                await self._round()
        finally:
            self._has_ended = True
            _answer(self._take_waiting(), answered=False)

    async def close(self) -> None:
        """Note the last uses, if the registry is there, and let go of it."""
        if self.is_current:
            with contextlib.suppress(RegistryUnavailable):
                await self._tell_uses()
        await self._store.close()

    def describe(self) -> Mapping[str, object]:
        """What `/status` says of it."""
        age_s = self.age_s
        return {
            "known": len(self.ring),
            "current": self.is_current,
            "age_s": None if age_s is None else round(age_s, 3),
        }

    async def _round(self) -> None:
        waiting = self._take_waiting()
        answered = False
        try:
            await self._follow()
            answered = True
        except RegistryUnavailable as error:
            if not self._has_said_away:
                self._has_said_away = True
                _log.warning("keys.registry_away", detail=str(error), known=len(self.ring))
        finally:
            if answered and not self.is_current:
                self._has_said_away = False
                _log.info("keys.followed", known=len(self.ring), revision=self.ring.revision)
            self.is_current = answered
            _answer(waiting, answered=answered)

    async def _follow(self) -> None:
        """Bring the ring up to date, and tell the registry what it must hear."""
        if not await self._read_on(self.ring) or self._store.connection is not self._connection:
            await self._read_all()
        self._heard_s = self._clock_s()
        self.rounds += 1
        if (self.ring.untold or self._used) and self._clock_s() >= self._tells_again_s:
            await self._tell()

    async def _tell(self) -> None:
        """Tell the registry what it must hear; one that takes no changes is followed all the same."""
        try:
            if self.ring.untold:
                await self._tell_ended()
            if self._used:
                await self._tell_uses()
        except RegistryUnavailable:
            self._tells_again_s = self._clock_s() + TOLD_AGAIN_AFTER_S

    async def _read_all(self) -> None:
        """Replace the ring by one of all that the registry has; meanwhile that one hears of what is new."""
        while True:
            ring = Ring()
            page = await self._next(ring)
            ring.epoch, connection = page.place.epoch, self._store.connection
            asked_s = self._clock_s()
            while page.follows and page.place.epoch == ring.epoch:
                await in_steps(self._taking(ring, page))
                if len(page.rows) < IDS_PER_CALL:
                    break
                if self._clock_s() - asked_s >= ASKED_EVERY_S:
                    asked_s = self._clock_s()
                    await self._read_on(self.ring)
                page = await self._next(ring)
            else:
                continue
            if self._store.connection is connection:
                break
        before, self._connection = self.ring, connection
        await in_steps(ring.taking_over(before, self._now()))
        if before.epoch and ring.epoch != before.epoch:
            _log.warning("keys.other_data", known=len(ring), before=len(before))
        self.ring = ring
        await in_steps(before.letting_go())

    async def _read_on(self, ring: Ring) -> bool:
        """Take in what has changed; False: the ring does not go on in the data that is there now."""
        while True:
            page = await self._next(ring)
            if not page.follows or page.place.epoch != ring.epoch:
                return False
            await in_steps(self._taking(ring, page))
            if len(page.rows) < IDS_PER_CALL:
                return True

    async def _next(self, ring: Ring) -> Page:
        """The next changes for a ring."""
        return await self._store.changes(Place(ring.epoch, ring.revision), ring.last_id)

    def _taking(self, ring: Ring, page: Page) -> Steps[None]:
        for some in slices(page.rows):
            for row in some:
                self._take(ring, row)
            yield

    def _take(self, ring: Ring, row: Sequence[bytes]) -> None:
        try:
            change = change_of(row)
        except InvalidRecord as error:
            change = unreadable(row)
            if change.id not in self._left_out and len(self._left_out) < MOST_LEFT_OUT:
                self._left_out.add(change.id)
                _log.warning("keys.left_out", id=change.id, why=str(error))
        ring.apply(change)

    async def _tell_ended(self) -> None:
        ring = self.ring
        some = list(ring.untold.values())[:IDS_PER_CALL]
        await self._store.tell(some)
        for one in some:
            ring.untold.pop(one.digest, None)

    async def _tell_uses(self) -> None:
        some = list(self._used.items())[:IDS_PER_CALL]
        await self._store.used(some)
        for id_, at_s in some:
            if self._used.get(id_) == at_s:
                del self._used[id_]

    def _take_waiting(self) -> list[asyncio.Future[bool]]:
        waiting, self._waiting = self._waiting, []
        return waiting


def _answer(waiting: Sequence[asyncio.Future[bool]], *, answered: bool) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(answered)
