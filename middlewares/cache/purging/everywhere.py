"""Purges in every worker, and counts what they confirm."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from discovery.model.errors import RegistryUnavailable
from middlewares.cache.purging.log import PurgeLog, Written
from middlewares.cache.purging.teller import Teller
from middlewares.cache.stores.store import Purge

#: For how long a purge waits for the other workers, for the second time at least, and how often it looks.
CONFIRMED_WITHIN_S: Final = 1.0
CONFIRMED_AGAIN_WITHIN_S: Final = 0.5
LOOKED_EVERY_S: Final = 0.025


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did: `count` entries went, of those workers that have said so in time.

    `unconfirmed` workers have not; they purge as soon as they reach the registry. `untold`: why the
    registry has not heard of it yet, or could not do it; it is done once the registry can.
    """

    count: int
    unconfirmed: int = 0
    untold: str = ""


class Everywhere:
    """Purges here and what is shared, writes it into the log, and waits for those who follow that.

    `note` says that purges happen now, `purge_here` does them in this worker and counts.
    """

    def __init__(
        self,
        log: PurgeLog,
        teller: Teller,
        worker: str,
        *,
        note: Callable[[Sequence[Purge]], None],
        purge_here: Callable[[Sequence[Purge]], Awaitable[int]],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._teller = teller
        self._worker = worker
        self._note = note
        self._purge_here = purge_here
        self._clock_s = clock_s

    async def purge(self, purges: Sequence[Purge]) -> Purged:
        """Purge, and wait for the other workers for about a second at most."""
        until_s = self._clock_s() + CONFIRMED_WITHIN_S
        # First of all, so that no answer under way is kept from now on.
        self._note(purges)
        written, here = await asyncio.gather(self._teller.write(purges), self._purge_here(purges))
        if isinstance(written, RegistryUnavailable):
            shared = await self._teller.share(purges)
            return Purged(here + shared, untold=str(written))
        # What is shared may take longer than the others are waited for.
        shared, (others, unconfirmed) = await asyncio.gather(
            self._teller.share(purges), self._confirmed(written, until_s)
        )
        if self._others(written):
            # Until another worker had heard of it, that one may have shared an answer from before.
            await self._teller.share(purges)
            if self._teller.shares_answers:
                if not unconfirmed:  # else nobody waits longer for those who say nothing
                    until_s = max(until_s, self._clock_s() + CONFIRMED_AGAIN_WITHIN_S)
                unconfirmed = max(unconfirmed, await self._purge_again(purges, until_s))
        return Purged(here + shared + others, unconfirmed, self._teller.why_unshared)

    async def _purge_again(self, purges: Sequence[Purge], until_s: float) -> int:
        """Purge what workers have kept of such an answer meanwhile; return how many do not say so in time."""
        self._note(purges)
        written, _ = await asyncio.gather(self._teller.write(purges), self._purge_here(purges))
        if isinstance(written, RegistryUnavailable):
            return 0
        _, unconfirmed = await self._confirmed(written, until_s)
        return unconfirmed

    async def _confirmed(self, written: Written, until_s: float) -> tuple[int, int]:
        """How many entries others have purged for a record, and how many of them do not say so in time."""
        others = self._others(written)
        confirmed: Mapping[str, int] = {}
        is_last = False
        while len(confirmed) < len(others) and not is_last:
            await asyncio.sleep(LOOKED_EVERY_S)
            is_last = self._clock_s() >= until_s
            try:
                confirmed = await self._log.confirmed(written.place.revision, others)
            except RegistryUnavailable:
                break
        return sum(confirmed.values()), len(others) - len(confirmed)

    def _others(self, written: Written) -> Sequence[str]:
        return [one for one in written.followers if one != self._worker]
