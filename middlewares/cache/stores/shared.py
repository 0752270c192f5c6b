"""Keeps answers in Redis, for all gateways; while Redis is away it has nothing, and raises nothing."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from discovery.model.errors import RegistryUnavailable
from discovery.model.settings import RegistrySettings
from discovery.store.clients import unavailable
from discovery.store.link import Link
from middlewares.cache.entry import Entry, Variants
from middlewares.cache.stores.codec import Record, is_writable
from middlewares.cache.stores.leases import Lead as Lead
from middlewares.cache.stores.leases import Leases
from middlewares.cache.stores.purges import PURGED_PER_CALL, PURGES_PER_CALL, batched, ranges
from middlewares.cache.stores.reach import Reach
from middlewares.cache.stores.reads import Mark as Mark
from middlewares.cache.stores.reads import Names, Reads
from middlewares.cache.stores.scripts import SCRIPTS, digest_of, id_of, keys_of, lease_prefix
from middlewares.cache.stores.store import EVERYTHING, Purge
from middlewares.memory import Memory

#: A call that writes may take so long: it may send a body, and nobody waits for it.
WRITTEN_WITHIN_S: Final = 1.0
WRITES_AT_ONCE: Final = 4
#: The most bytes of bodies that wait to be written; what comes on top is not kept.
MOST_WAITING_BYTES: Final = 16 * 1024 * 1024
#: An entry may take at most this share of all bytes.
MOST_SHARE: Final = 1 / 8
MOST_VARIANTS: Final = 64
#: What the time of one moment may differ by, as it was measured by two calls.
CLOCKS_DIFFER_S: Final = 0.05
MOST_MARKS: Final = 100_000
#: Each call evicts a hundred entries at most, so that Redis does not stand still.
CALLS_TO_MAKE_ROOM: Final = 20
#: Other names of Vary may be kept between two calls; after so many it is a miss.
MOST_LOOKS: Final = 3
VARIES_REMEMBERED: Final = 10_000


class Counts(NamedTuple):
    """What Redis keeps; `evicted` is since it was last emptied."""

    entries: int
    bytes: int
    evicted: int


class AnyStore(Protocol):
    """What the cache does with answers that all gateways share."""

    def now_s(self) -> float: ...

    async def get(
        self, key: bytes, secondary: Callable[[tuple[bytes, ...]], bytes], *, patient: bool = False
    ) -> Variants | Mark | None: ...

    async def keep(
        self, key: bytes, vary: tuple[bytes, ...], secondary: bytes, entry: Entry
    ) -> bool: ...

    async def mark(self, key: bytes, ttl_s: float) -> None: ...

    async def drop(self, key: bytes, stored_s: float | None = None) -> None: ...

    async def purge(self, purges: Iterable[Purge]) -> int: ...

    async def lead(self, key: bytes) -> Lead | None: ...

    async def led(self, key: bytes, within_s: float) -> bool: ...


class SharedStore:
    """A store in Redis, bounded in bytes by its own index; `run` must run while it is used.

    Every gateway's `most_bytes` holds when it keeps something itself.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        *,
        most_bytes: int,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most_bytes = most_bytes
        #: What was not kept because it is too large, or Redis or the connection is too slow.
        self.refused = 0
        self._clock_s = clock_s
        self._url = settings.redis_url
        self._keys = keys_of(settings.namespace)
        # What is large goes another way, so that nobody waits behind it.
        self._quick, self._bulk = Link(settings.redis_url), Link(settings.redis_url)
        self._reading = Reach("read", clock_s)
        self._writing = Reach("write", clock_s)
        self._reads = Reads(self._quick, self._keys, self._reading, clock_s)
        self._leases = Leases(
            self._quick,
            lease_prefix(settings.namespace),
            reach=Reach("lease", clock_s),
            is_away=lambda: self._reading.is_away,
            clock_s=clock_s,
        )
        self._varies: Memory[bytes, tuple[bytes, ...]] = Memory(
            "cache_varies", entries=VARIES_REMEMBERED, entry_bytes=1024
        )
        self._turns = asyncio.Semaphore(WRITES_AT_ONCE)
        self._waiting_bytes = 0

    @property
    def is_away(self) -> bool:
        """Whether Redis could not be read when it was last asked."""
        return self._reading.is_away

    @property
    def is_writable(self) -> bool:
        """Whether Redis took what was last written."""
        return not self._writing.is_away

    @property
    def late(self) -> int:
        """Reads that were given up although Redis may have had the answer."""
        return self._reads.late

    @property
    def bad_records(self) -> int:
        """Entries in Redis that can't be read."""
        return self._reads.bad_records

    def now_s(self) -> float:
        """The time by which entries were stored; it never goes back."""
        return self._clock_s()

    async def get(
        self, key: bytes, secondary: Callable[[tuple[bytes, ...]], bytes], *, patient: bool = False
    ) -> Variants | Mark | None:
        """What is kept under a primary key: at most the one entry that `secondary` names.

        `secondary` makes the secondary key of names of Vary. Variants without an entry: others are kept, but
        none for this request. A client waits a few milliseconds at most; `patient`: a tenth of a second.
        """
        digest = digest_of(key)
        vary = self._varies.recall(digest) or ()
        for _ in range(MOST_LOOKS):
            own = secondary(vary)
            found = await self._reads.ask(digest, id_of(digest, vary, own), patient=patient)
            if not isinstance(found, Names):
                return Variants(vary, {own: found}) if isinstance(found, Entry) else found
            if found.vary == vary:
                return Variants(vary, {})
            vary = self._varies.keep(digest, found.vary, sum(map(len, found.vary)))
        return None

    async def keep(
        self, key: bytes, vary: tuple[bytes, ...], secondary: bytes, entry: Entry
    ) -> bool:
        """Keep an entry, in place of one with the same keys; False if it is not kept.

        Entries under the same primary key with other names in `vary` are dropped.
        """
        if not is_writable(entry) or entry.length > self.most_bytes * MOST_SHARE:
            self.refused += 1
            return False
        if self._waiting_bytes + entry.length > MOST_WAITING_BYTES:
            self.refused += 1
            return False
        self._waiting_bytes += entry.length
        try:
            async with self._turns:
                kept = await self._keep(digest_of(key), vary, secondary, entry)
        finally:
            self._waiting_bytes -= entry.length
        self.refused += not kept
        return kept

    async def mark(self, key: bytes, ttl_s: float) -> None:
        """Say that what is asked for under this key can't be kept, for a while."""
        await self._write("mark", digest_of(key), max(1, round(ttl_s * 1000)), MOST_MARKS)

    async def drop(self, key: bytes, stored_s: float | None = None) -> None:
        """Drop all that is kept under a primary key, or only what was stored by then."""
        until_ms = 0
        if stored_s is not None:
            until_ms = max(1, self._redis_ms(stored_s + CLOCKS_DIFFER_S))
        await self._write("drop", digest_of(key), until_ms)

    async def purge(self, purges: Iterable[Purge]) -> int:
        """Drop or age all that these take, for every gateway; return how many entries.

        Raises RegistryUnavailable if that could not be done whole: it must be done later.
        """
        wanted = list(purges)
        if EVERYTHING in wanted:
            return await self._purge_all()
        count = 0
        for some in batched(wanted, PURGES_PER_CALL):
            count += await self._purge(some)
        return count

    async def clear(self) -> None:
        """Drop everything."""
        await self._write("clear")

    async def counts(self) -> Counts | None:
        """What Redis keeps; None while it is away."""
        reply = await self._write("count")
        return None if reply is None else Counts(*map(int, reply))

    async def lead(self, key: bytes) -> Lead | None:
        """The right to ask the service for all gateways; None: another gateway has it.

        While Redis is away everyone has it. Whoever has it and sees `look_again` gets the entry once more
        first. It is renewed until it is released.
        """
        return await self._leases.take(digest_of(key))

    async def led(self, key: bytes, within_s: float) -> bool:
        """Wait until the gateway that leads has ended; False: it takes too long, or Redis is away."""
        return await self._leases.ended(digest_of(key), within_s)

    async def run(self) -> None:
        """Talk to Redis, until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._reads.run())
            both.create_task(self._leases.run())

    async def close(self) -> None:
        await self._quick.close()
        await self._bulk.close()

    async def _keep(
        self, digest: bytes, vary: tuple[bytes, ...], secondary: bytes, entry: Entry
    ) -> bool:
        record = Record(entry)
        if record.size > self.most_bytes * MOST_SHARE:
            return False
        id_ = id_of(digest, vary, secondary)
        for _ in range(CALLS_TO_MAKE_ROOM):
            stored_ms = self._redis_ms(entry.stored_s)
            names = b",".join(vary)
            what = (digest, id_, names, stored_ms, record.size, record.url, record.tags, record.own)
            reply = await self._write("keep", *what, record.body, self.most_bytes, MOST_VARIANTS)
            if reply is None:
                return False
            if reply == 1:
                self._varies.keep(digest, vary, len(names))
                return True
        return False

    def _redis_ms(self, stored_s: float) -> int:
        """When something was stored, by Redis's clock and not too late, or below 0 how long ago."""
        behind_s = self._reads.behind_s
        if behind_s is None:
            return min(0, round((stored_s - self._clock_s()) * 1000))
        return max(1, math.floor((stored_s + behind_s) * 1000))

    async def _purge_all(self) -> int:
        count, _, _ = await self._run("count")
        await self._run("clear")
        return int(count)

    async def _purge(self, purges: Sequence[Purge]) -> int:
        left, count = [ranges(purge) for purge in purges], 0
        while left:
            args = [part for one in left for part in one]
            found, done, member = await self._run("purge", PURGED_PER_CALL, *args)
            count += int(found)
            del left[: int(done)]
            if member:
                index, _, end, soft = left[0]
                left[0] = index, b"(" + member, end, soft
        return count

    async def _write(self, script: str, *args: bytes | int) -> Any:
        """What a script answers; None if it could not be run, or could not lately."""
        if not self._writing.may_ask:
            return None
        with contextlib.suppress(RegistryUnavailable):
            return await self._run(script, *args)
        return None

    async def _run(self, script: str, *args: bytes | int) -> Any:
        """What a script answers; raises RegistryUnavailable."""
        try:
            reply = await self._bulk.run(
                SCRIPTS[script], self._keys, args, within_s=WRITTEN_WITHIN_S
            )
        except Exception as error:
            self._writing.failed(error)
            raise unavailable(self._url, error) from error
        self._writing.answered()
        return reply


def _is_a_store(store: SharedStore) -> AnyStore:
    """Let the type checker see that it does all of that."""
    return store
