"""Tells the registry of purges, and purges what all gateways keep; what it can't take waits here."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from discovery.model.errors import RegistryUnavailable
from middlewares.cache.entry import Entry
from middlewares.cache.purging.deciding.records import encode
from middlewares.cache.purging.deciding.told import Told
from middlewares.cache.purging.deciding.untold import Untold
from middlewares.cache.purging.log import PurgeLog, Written
from middlewares.cache.stores.store import Purge

#: Every worker has heard of an invalidation by then.
TOLD_TWICE_AFTER_S: Final = 0.5
#: The most records that wait to be told the second time.
MOST_TOLD_TWICE: Final = 1000
#: The pause after a registry took no purges.
TOLD_AGAIN_AFTER_S: Final = 1.0


async def shares_nothing(_purges: Sequence[Purge]) -> int:
    """Purge what is kept for all gateways, where nothing is."""
    return 0


class Teller:
    """Writes purges into the log, and purges what is shared, now or once the registry can."""

    def __init__(
        self,
        log: PurgeLog,
        *,
        shared: Callable[[Sequence[Purge]], Awaitable[int]],
        purge_here: Callable[[Sequence[Purge]], Awaitable[int]],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`shared` purges what is kept for all gateways, or raises RegistryUnavailable."""
        #: Whether routes share their answers with other workers.
        self.shares_answers = False
        self._log = log
        self._shared = shared
        self._purge_here = purge_here
        self._clock_s = clock_s
        self._untold = Untold()
        self._unshared = Untold()
        self._why_unshared = ""
        self._tells_again_s = 0.0
        self._again: deque[tuple[float, Sequence[Purge]]] = deque(maxlen=MOST_TOLD_TWICE)
        self._told = Told()

    def __len__(self) -> int:
        """How many purges the registry has to hear of, or to do, yet."""
        return len(self._untold) + len(self._unshared)

    @property
    def why_unshared(self) -> str:
        """Why the registry could not purge what all gateways keep; empty if it could."""
        return self._why_unshared if self._unshared else ""

    def takes(self, entry: Entry) -> bool:
        """Whether a purge that waits takes an entry, which the registry still has then."""
        return self._untold.takes(entry) or self._unshared.takes(entry)

    def later(self, purges: Sequence[Purge]) -> None:
        """Let these wait until the registry is told."""
        self._untold.add(purges)

    async def write(self, purges: Sequence[Purge]) -> Written | RegistryUnavailable:
        """Write a record that the caller waits for; what the registry does not take now waits."""
        try:
            return await self._write(purges, awaited=True)
        except RegistryUnavailable as error:
            self.later(purges)
            return error

    async def share(self, purges: Sequence[Purge]) -> int:
        """Purge what is kept for all gateways, now or once the registry can; return how many entries."""
        try:
            return await self._shared(purges)
        except RegistryUnavailable as error:
            self._unshared.add(purges)
            self._why_unshared = str(error)
            return 0

    async def go_on(self) -> None:
        """Tell what waits, if some does and the registry was not asked in vain just now."""
        if not (self._untold or self._unshared or self._again):
            return
        if self._clock_s() < self._tells_again_s:
            return
        try:
            await self.tell()
            await self._tell_again()
        except RegistryUnavailable:
            # A registry that takes no writes is followed all the same.
            self._tells_again_s = self._clock_s() + TOLD_AGAIN_AFTER_S

    async def tell(self) -> None:
        """Write what waits for the registry, and purge there. Raises RegistryUnavailable."""
        while purges := self._untold.next_record():
            await self._write(purges)
            self._unshared.add(purges)
            self._untold.told(purges)
            if self.shares_answers:
                self._again.append((self._clock_s() + TOLD_TWICE_AFTER_S, purges))
        while purges := self._unshared.next_record():
            await self._shared(purges)
            self._unshared.told(purges)

    def tell_anew(self) -> None:
        """Let all wait that another server may not have heard of."""
        for purges in self._told.lately(self._clock_s()):
            self._untold.add(purges)
        self._told.clear()

    async def _tell_again(self) -> None:
        """Purge once more what others may have shared before they heard of it. Raises RegistryUnavailable."""
        while self._again and self._again[0][0] <= self._clock_s():
            _, purges = self._again[0]
            await self._shared(purges)
            await self._purge_here(purges)
            await self._write(purges)
            self._again.popleft()

    async def _write(self, purges: Sequence[Purge], *, awaited: bool = False) -> Written:
        written = await self._log.record(encode(purges), awaited=awaited)
        self._told.add(self._clock_s(), purges)
        return written
