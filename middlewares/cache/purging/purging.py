"""Makes purges hold in this worker at once, and in all workers of all gateways within a second."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps
from discovery.model.errors import RegistryUnavailable
from discovery.model.settings import RegistrySettings
from middlewares.cache.entry import Entry
from middlewares.cache.purging.deciding.recent import RecentPurges
from middlewares.cache.purging.deciding.records import EVERYTHING, InvalidRecord, decode, encode
from middlewares.cache.purging.deciding.times import PurgeTimes
from middlewares.cache.purging.deciding.untold import Untold
from middlewares.cache.purging.follower import Follower
from middlewares.cache.purging.log import PurgeLog, Record, Written
from middlewares.cache.stores.store import Purge

#: A purge is known to each worker after this long, and the time of a call.
ASKED_EVERY_S: Final = 0.2
#: Invalidations of so long become one record.
BATCHED_FOR_S: Final = 0.02
#: For how long a purge waits for the other workers, and how often it looks.
CONFIRMED_WITHIN_S: Final = 1.0
LOOKED_EVERY_S: Final = 0.025
#: Every worker has heard of an invalidation by then.
TOLD_TWICE_AFTER_S: Final = 0.5
#: A registry that has become another one is told what this worker has written in so long.
TOLD_AGAIN_FOR_S: Final = 60.0
MOST_TOLD_AGAIN: Final = 1000
#: The pause after a registry took no purges.
TOLD_AGAIN_AFTER_S: Final = 1.0

_log = structlog.get_logger()


class Memory(Protocol):
    """What this worker keeps."""

    def purge(self, purges: Iterable[Purge]) -> int:
        """Drop or age all that these take; return how many entries."""
        ...

    def purging(self, purges: Iterable[Purge]) -> Steps[int]:
        """The same, in steps."""
        ...


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did: `count` entries went, of those workers that have said so in time.

    `unconfirmed` workers have not; they purge as soon as they reach the registry. `untold`: why the
    registry has not heard of it yet, or could not do it; it is done once the registry can.
    """

    count: int
    unconfirmed: int = 0
    untold: str = ""


async def _shares_nothing(_purges: Sequence[Purge]) -> int:
    return 0


class Purging:
    """Purges here, tells the registry, and does what the registry was told by others, while `run` runs.

    A worker that was cut off reads what it has missed. It drops all that it keeps if it can't know what
    that is: the registry has lost data, is another server process, or has deleted old records.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        memory: Memory,
        *,
        worker: str,
        shared: Callable[[Sequence[Purge]], Awaitable[int]] = _shares_nothing,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`shared` purges what is kept for all gateways, or raises RegistryUnavailable.

        A worker's name is unlike all others'.
        """
        #: The registry answered the last time it was asked.
        self.is_current = False
        #: How often the registry has been asked, with success.
        self.rounds = 0
        #: How many entries purges took here, and how often everything was dropped.
        self.purged = 0
        self.dropped = 0
        #: Whether routes share their answers with other workers.
        self.shares_answers = False
        self._memory = memory
        self._worker = worker
        self._shared = shared
        self._clock_s = clock_s
        self._log = PurgeLog(settings, worker)
        self._recent = RecentPurges()
        self._times = PurgeTimes(self._recent.revision)
        self._follower = Follower(self._log, worker, do=self._do, lost=self._lost)
        self._heard_s: float | None = None
        self._has_said_away = False
        self._untold = Untold()
        self._unshared = Untold()
        self._why_unshared = ""
        self._tells_again_s = 0.0
        self._again: deque[tuple[float, Sequence[Purge]]] = deque(maxlen=MOST_TOLD_AGAIN)
        self._told: deque[tuple[float, Sequence[Purge]]] = deque(maxlen=MOST_TOLD_AGAIN)
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[Purged]] = set()

    @property
    def revision(self) -> int:
        """How many purges there have been here."""
        return self._recent.revision

    def took(self, entry: Entry, since_revision: int) -> bool:
        """Whether a purge since that revision takes this entry, or may have taken it.

        An answer that was asked for at `since_revision` must not be kept then.
        """
        return self._recent.took(entry, since_revision)

    def may_have_taken(self, url: bytes, since_revision: int) -> bool:
        """Whether a purge since that revision may take the answer of a URL that was asked for then."""
        return self._recent.may_have_taken(url, since_revision)

    def knows(self, entry: Entry) -> bool:
        """Whether a purge is known here that takes this entry, and came after it was stored, or soon before."""
        if self._untold.takes(entry) or self._unshared.takes(entry):
            return True  # the registry still has what these take, whenever that seems to have been stored
        return self._recent.knows(entry, self._times.revision_at(entry.stored_s))

    def invalidate(self, urls: Iterable[bytes]) -> None:
        """Drop these URLs here at once, and everywhere else soon; the caller waits for nothing."""
        purges = [Purge("url", url) for url in urls]
        if not purges:
            return
        self._note(purges)
        self.purged += self._memory.purge(purges)
        self._untold.add(purges)
        self._woken.set()

    async def purge(self, purges: Sequence[Purge]) -> Purged:
        """Purge everywhere, and wait for the other workers, for a second at most.

        It goes on if the caller is cancelled.
        """
        task = asyncio.create_task(self._purge(purges))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def run(self) -> None:
        """Follow the registry until cancelled, through any number of its failures.

        It is asked at once: what is kept before the first answer is dropped then, as purges may have been missed.
        """
        while True:
            self._woken.clear()
            await self._round()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASKED_EVERY_S):
                    await self._woken.wait()
                    # Those that come at the same time become one record.
                    await asyncio.sleep(BATCHED_FOR_S)

    async def close(self) -> None:
        """Tell the registry what it has to hear of yet, if it is there, and let go of it."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self.is_current:
            with contextlib.suppress(RegistryUnavailable):
                await self._tell()
                await self._log.leave()
        await self._log.close()

    def describe(self) -> Mapping[str, object]:
        """What `/status` says of it."""
        age_s = None if self._heard_s is None else round(self._clock_s() - self._heard_s, 3)
        return {
            "current": self.is_current,
            "age_s": age_s,
            "untold": len(self._untold) + len(self._unshared),
            "dropped": self.dropped,
        }

    def _note(self, purges: Sequence[Purge]) -> None:
        self._recent.add(purges)
        self._times.note(self._clock_s(), self.revision)

    async def _purge(self, purges: Sequence[Purge]) -> Purged:
        until_s = self._clock_s() + CONFIRMED_WITHIN_S
        # First of all, so that no answer under way is kept from now on.
        self._note(purges)
        written, here = await asyncio.gather(
            self._write(purges, awaited=True), self._purge_memory(purges)
        )
        shared = await self._share(purges)
        if isinstance(written, RegistryUnavailable):
            self._untold.add(purges)
            return Purged(here + shared, untold=str(written))
        others = [one for one in written.followers if one != self._worker]
        confirmed = await self._confirmed(written.place.revision, others, until_s)
        unconfirmed = len(others) - len(confirmed)
        if others:
            # Until another worker had heard of it, that one may have shared an answer from before.
            await self._share(purges)
            if self.shares_answers:
                unconfirmed = max(unconfirmed, await self._purge_again(purges, until_s))
        return Purged(
            here + shared + sum(confirmed.values()),
            unconfirmed,
            self._why_unshared if self._unshared else "",
        )

    async def _purge_again(self, purges: Sequence[Purge], until_s: float) -> int:
        """Purge what workers have kept of such an answer meanwhile; return how many do not say so in time."""
        self._note(purges)
        written, _ = await asyncio.gather(
            self._write(purges, awaited=True), self._purge_memory(purges)
        )
        if isinstance(written, RegistryUnavailable):
            self._untold.add(purges)
            return 0
        others = [one for one in written.followers if one != self._worker]
        return len(others) - len(await self._confirmed(written.place.revision, others, until_s))

    async def _share(self, purges: Sequence[Purge]) -> int:
        """Purge what is kept for all gateways, now or once the registry can."""
        try:
            return await self._shared(purges)
        except RegistryUnavailable as error:
            self._unshared.add(purges)
            self._why_unshared = str(error)
            return 0

    async def _purge_memory(self, purges: Sequence[Purge]) -> int:
        count = await in_steps(self._memory.purging(purges))
        self.purged += count
        return count

    async def _confirmed(
        self, revision: int, workers: Sequence[str], until_s: float
    ) -> Mapping[str, int]:
        """The entries that each worker has purged for a record, of those that say so in time."""
        confirmed: Mapping[str, int] = {}
        while len(confirmed) < len(workers) and self._clock_s() < until_s:
            await asyncio.sleep(LOOKED_EVERY_S)
            try:
                confirmed = await self._log.confirmed(revision, workers)
            except RegistryUnavailable:
                break
        return confirmed

    async def _write(
        self, purges: Sequence[Purge], *, awaited: bool = False
    ) -> Written | RegistryUnavailable:
        try:
            written = await self._log.record(encode(purges), awaited=awaited)
        except RegistryUnavailable as error:
            return error
        self._told.append((self._clock_s(), purges))
        return written

    async def _round(self) -> None:
        try:
            await self._follower.follow()
        except RegistryUnavailable as error:
            self.is_current = False
            if not self._has_said_away:
                self._has_said_away = True
                _log.warning("cache.registry_away", detail=str(error))
            return
        self._heard_s = self._clock_s()
        if not self.is_current:
            self._has_said_away = False
            self.is_current = True
            _log.info("cache.followed", revision=self._follower.place.revision)
        self.rounds += 1
        if (self._untold or self._unshared or self._again) and (
            self._clock_s() >= self._tells_again_s
        ):
            try:
                await self._tell()
                await self._tell_again()
            except RegistryUnavailable:
                # One that takes no writes is followed all the same.
                self._tells_again_s = self._clock_s() + TOLD_AGAIN_AFTER_S

    async def _tell(self) -> None:
        """Write what waits for the registry, and purge there. Raises RegistryUnavailable."""
        while purges := self._untold.next_record():
            written = await self._write(purges)
            if isinstance(written, RegistryUnavailable):
                raise written
            self._unshared.add(purges)
            self._untold.told(purges)
            if self.shares_answers:
                self._again.append((self._clock_s() + TOLD_TWICE_AFTER_S, purges))
        while purges := self._unshared.next_record():
            await self._shared(purges)
            self._unshared.told(purges)

    async def _tell_again(self) -> None:
        """Purge once more what others may have shared before they heard of it. Raises RegistryUnavailable."""
        while self._again and self._again[0][0] <= self._clock_s():
            _, purges = self._again[0]
            await self._shared(purges)
            self._note(purges)
            await self._purge_memory(purges)
            written = await self._write(purges)
            if isinstance(written, RegistryUnavailable):
                raise written
            self._again.popleft()

    async def _do(self, record: Record) -> int:
        """Do what another worker has purged."""
        try:
            purges = decode(record.purges)
        except InvalidRecord as error:
            return await self._drop(str(error))
        self._note(purges)
        if not self.is_current:
            # This worker may have shared an answer since, which nobody else drops.
            await self._share(purges)
        return await self._purge_memory(purges)

    async def _lost(self, why: str, *, is_elsewhere: bool = False) -> None:
        """Drop all that this worker keeps; another server is told again of what it may have lost."""
        if is_elsewhere:
            since_s = self._clock_s() - TOLD_AGAIN_FOR_S
            for told_s, purges in self._told:
                if told_s >= since_s:
                    self._untold.add(purges)
            self._told.clear()
        await self._drop(why)

    async def _drop(self, why: str) -> int:
        """Drop all that this worker keeps; with an empty `why` there is nothing to be told."""
        self._recent.forget()
        count = await self._purge_memory([EVERYTHING])
        if count and why:
            self.dropped += 1
            _log.warning("cache.dropped", entries=count, detail=why)
        return count
