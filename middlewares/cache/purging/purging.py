"""Makes purges hold in this worker at once, and in all workers of all gateways within a second."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps
from discovery.model.errors import RegistryUnavailable
from discovery.model.settings import RegistrySettings
from middlewares.cache.entry import Entry
from middlewares.cache.purging.deciding.recent import RecentPurges
from middlewares.cache.purging.deciding.records import EVERYTHING, InvalidRecord, decode
from middlewares.cache.purging.deciding.times import PurgeTimes
from middlewares.cache.purging.everywhere import Everywhere, Purged
from middlewares.cache.purging.follower import Follower
from middlewares.cache.purging.log import PurgeLog, Record
from middlewares.cache.purging.teller import Teller, shares_nothing
from middlewares.cache.stores.store import Purge

#: A purge is known to each worker after this long, and the time of a call.
ASKED_EVERY_S: Final = 0.2
#: Invalidations of so long become one record.
BATCHED_FOR_S: Final = 0.02

_log = structlog.get_logger()


class Memory(Protocol):
    """What this worker keeps."""

    def purge(self, purges: Iterable[Purge]) -> int:
        """Drop or age all that these take; return how many entries."""
        ...

    def purging(self, purges: Iterable[Purge]) -> Steps[int]:
        """The same, in steps."""
        ...


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
        shared: Callable[[Sequence[Purge]], Awaitable[int]] = shares_nothing,
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
        self._memory = memory
        self._clock_s = clock_s
        self._log = PurgeLog(settings, worker)
        self._recent = RecentPurges()
        self._times = PurgeTimes(self._recent.revision)
        self._follower = Follower(self._log, worker, do=self._do, lost=self._lost)
        self._heard_s: float | None = None
        self._has_said_away = False
        self._teller = Teller(self._log, shared=shared, purge_here=self.purge_here, clock_s=clock_s)
        self._everywhere = Everywhere(
            *(self._log, self._teller, worker),
            note=self._note,
            purge_here=self._purge_memory,
            clock_s=clock_s,
        )
        self._is_wanted = True
        self._woken = asyncio.Event()
        self._is_heard = asyncio.Event()
        self._tasks: set[asyncio.Task[Purged]] = set()

    @property
    def shares_answers(self) -> bool:
        """Whether routes share their answers with other workers."""
        return self._teller.shares_answers

    @shares_answers.setter
    def shares_answers(self, shares: bool) -> None:
        self._teller.shares_answers = shares

    def want(self, is_wanted: bool) -> None:
        """Say whether anything is kept; else the registry is not asked, once it has been told of all."""
        self._is_wanted = is_wanted
        self._woken.set()

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
        if self._teller.takes(entry):
            return True  # the registry still has what these take, whenever that seems to have been stored
        return self._recent.knows(entry, self._times.revision_at(entry.stored_s))

    def invalidate(self, urls: Iterable[bytes]) -> None:
        """Drop these URLs here at once, and everywhere else soon; the caller waits for nothing."""
        purges = [Purge("url", url) for url in urls]
        if not purges:
            return
        self._note(purges)
        self.purged += self._memory.purge(purges)
        self._teller.later(purges)
        self._woken.set()

    async def purge(self, purges: Sequence[Purge]) -> Purged:
        """Purge everywhere, and wait for the other workers, for a second at most.

        It goes on if the caller is cancelled.
        """
        task = asyncio.create_task(self._everywhere.purge(purges))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def run(self) -> None:
        """Follow the registry until cancelled, through any number of its failures.

        It is asked at once: what is kept before the first answer is dropped then, as purges may have been missed.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self._follow())
            # Apart from that, since what is shared may take seconds to purge.
            both.create_task(self._tell())

    async def close(self) -> None:
        """Tell the registry what it has to hear of yet, if it is there, and let go of it."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self.is_current:
            with contextlib.suppress(RegistryUnavailable):
                await self._teller.tell()
                await self._log.leave()
        await self._log.close()

    def describe(self) -> Mapping[str, object]:
        """What `/status` says of it."""
        age_s = None if self._heard_s is None else round(self._clock_s() - self._heard_s, 3)
        return {
            "current": self.is_current,
            "age_s": age_s,
            "untold": len(self._teller),
            "dropped": self.dropped,
        }

    def _note(self, purges: Sequence[Purge]) -> None:
        self._recent.add(purges)
        self._times.note(self._clock_s(), self.revision)

    async def purge_here(self, purges: Sequence[Purge]) -> int:
        """Purge in this worker alone; the number of answers."""
        self._note(purges)
        return await self._purge_memory(purges)

    async def _purge_memory(self, purges: Sequence[Purge]) -> int:
        count = await in_steps(self._memory.purging(purges))
        self.purged += count
        return count

    async def _follow(self) -> None:
        while True:
            self._woken.clear()
            if not self._is_wanted and not len(self._teller):
                self.is_current = False
                await self._woken.wait()
                continue
            await self._round()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASKED_EVERY_S):
                    await self._woken.wait()
                    # Those that come at the same time become one record.
                    await asyncio.sleep(BATCHED_FOR_S)

    async def _tell(self) -> None:
        while True:
            await self._is_heard.wait()
            self._is_heard.clear()
            await self._teller.go_on()

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
        self._is_heard.set()

    async def _do(self, record: Record) -> int:
        """Do what another worker has purged."""
        try:
            purges = decode(record.purges)
        except InvalidRecord as error:
            return await self._drop(str(error))
        self._note(purges)
        if not self.is_current:
            # This worker may have shared an answer since, which nobody else drops.
            await self._teller.share(purges)
        return await self._purge_memory(purges)

    async def _lost(self, why: str, *, is_elsewhere: bool = False) -> None:
        """Drop all that this worker keeps; another server is told again of what it may have lost."""
        if is_elsewhere:
            self._teller.tell_anew()
        await self._drop(why)

    async def _drop(self, why: str) -> int:
        """Drop all that this worker keeps; with an empty `why` there is nothing to be told."""
        self._recent.forget()
        count = await self._purge_memory([EVERYTHING])
        if count and why:
            self.dropped += 1
            _log.warning("cache.dropped", entries=count, detail=why)
        return count
