"""What a flight does with the answers that all gateways share: it looks there first, and one of all asks."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final, Protocol

from middlewares.cache.deciding.asked import Asked
from middlewares.cache.deciding.reusing import is_shareable
from middlewares.cache.deciding.taking import is_of_use
from middlewares.cache.entry import Entry, Variants
from middlewares.cache.marks import MARKED_S
from middlewares.cache.stores.shared import AnyStore, Lead, Mark

#: For how long other gateways wait for the answer of the one that asks; then they ask too.
LED_WITHIN_S: Final = 10.0
#: So often a gateway tries, where another one's flight has ended without an answer for it.
TRIES: Final = 3
#: Every worker has heard of a purge by then, and may have shared before what that one takes.
LOOKED_AT_AGAIN_AFTER_S: Final = 1.0


class Purges(Protocol):
    """What is known of purges; `is_current`: a worker that was cut off has done what it had missed."""

    is_current: bool

    @property
    def revision(self) -> int: ...

    def took(self, entry: Entry, since_revision: int) -> bool: ...

    def knows(self, entry: Entry) -> bool: ...


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, with the names in Vary and the secondary key that it is kept by."""

    entry: Entry
    vary: tuple[bytes, ...]
    secondary: bytes


@dataclass(slots=True)
class Turn:
    """How a flight goes on: with what was found, or by itself; `release` lets the other gateways go on.

    `stale` may be validated. `is_marked`: what is asked for could not be kept lately.
    """

    found: Found | None = None
    stale: Found | None = None
    is_marked: bool = False
    lead: Lead | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.found is not None or self.is_marked

    def release(self) -> None:
        if self.lead is not None:
            self.lead.release()


@dataclass(frozen=True, slots=True)
class _Look:
    """What is looked for: the answer to a request, and whether a stale one is there already.

    `began_s`: since when, None in the first look. `seen` are the answers that were known then.
    """

    asked: Asked
    is_refresh: bool
    began_s: float | None = None
    seen: tuple[Entry, ...] = ()


class Elsewhere:
    """The answers of all gateways, for the flights of one worker."""

    def __init__(self, store: AnyStore, purges: Purges) -> None:
        self._store = store
        self._purges = purges
        self._later: set[asyncio.Task[None]] = set()

    async def find(self, asked: Asked) -> Found | None:
        """What may answer the request at once."""
        turn = Turn()
        await self._look(_Look(asked, False), turn)
        return turn.found

    async def begin(self, asked: Asked, vary: tuple[bytes, ...], entry: Entry | None) -> Turn:
        """Look for an answer, and if there is none, get the right to ask the service for all gateways.

        If another gateway has it, wait for its answer. `vary` are the names by which the caller knows
        variants, `entry` is a stale answer that it has.
        """
        turn = Turn()
        try:
            await self._begin(asked, vary, entry, turn)
        except BaseException:
            turn.release()
            raise
        if turn.is_over:
            turn.release()
        return turn

    async def share(self, asked: Asked, found: Found, *, since_revision: int) -> None:
        """Keep an entry for all gateways, unless a purge took it, or may have taken it, since it was asked for."""
        if not self._purges.is_current or self._purges.took(found.entry, since_revision):
            return
        if not await self._store.keep(asked.key, found.vary, found.secondary, found.entry):
            return
        # Without its body, which would take memory meanwhile.
        task = asyncio.get_running_loop().create_task(
            self._look_again(asked.key, replace(found.entry, pieces=()), since_revision)
        )
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def mark(self, asked: Asked) -> None:
        """Tell all gateways that what is asked for can't be kept."""
        if not asked.is_apart:  # what can't be kept for a credential may be for the others
            await self._store.mark(asked.key, MARKED_S)

    async def drop(self, asked: Asked) -> None:
        """Drop what all gateways have under this key."""
        await self._store.drop(asked.key)

    async def close(self) -> None:
        for task in tuple(self._later):
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    async def _begin(
        self, asked: Asked, vary: tuple[bytes, ...], entry: Entry | None, turn: Turn
    ) -> None:
        look = _Look(asked, entry is not None)
        began_s = self._store.now_s()
        vary = await self._look(look, turn) or vary
        there = (entry, turn.stale.entry if turn.stale is not None else None)
        seen = tuple(one for one in there if one is not None)
        look = replace(look, began_s=began_s, seen=seen)
        for _ in range(TRIES):
            if turn.is_over or not _is_worth_waiting(turn.stale.entry if turn.stale else entry):
                return
            key = asked.flight_key + asked.secondary(vary) if vary else asked.flight_key
            turn.lead = await self._store.lead(key)
            if turn.lead is not None and not turn.lead.look_again:
                return
            if turn.lead is None and not await self._store.led(key, LED_WITHIN_S):
                return
            names = await self._look(look, turn, patient=True)
            if turn.lead is not None or names in ((), vary):
                return  # another one's answer was of no use, so it asks as well
            vary = names

    async def _look(self, look: "_Look", turn: Turn, *, patient: bool = False) -> tuple[bytes, ...]:
        """Note in `turn` what is there; return the names in Vary."""
        asked = look.asked
        variants = await self._store.get(asked.key, asked.secondary, patient=patient)
        if not isinstance(variants, Variants):
            turn.is_marked = isinstance(variants, Mark)
            return ()
        second = asked.secondary(variants.vary)
        entry = variants.entries.get(second)
        if entry is None or not asked.takes(entry) or self._purges.knows(entry):
            return variants.vary
        found = Found(entry, variants.vary, second)
        now_s = self._store.now_s()
        if is_of_use(
            entry,
            asked.directives,
            now_s,
            is_refresh=look.is_refresh,
            began_s=look.began_s,
            seen=look.seen,
        ):
            turn.found = found
        else:
            turn.stale = found
        return variants.vary

    async def _look_again(self, key: bytes, entry: Entry, since_revision: int) -> None:
        """Drop what was shared after a purge of which this worker heard too late."""
        if not self._purges.took(entry, since_revision):
            await asyncio.sleep(LOOKED_AT_AGAIN_AFTER_S)
        if self._purges.took(entry, since_revision):
            # By now another answer may be kept, from after the purge.
            await self._store.drop(key, entry.stored_s)


def _is_worth_waiting(stale: Entry | None) -> bool:
    """Whether another gateway's answer may serve here, by the one before."""
    return stale is None or is_shareable(stale.freshness)
