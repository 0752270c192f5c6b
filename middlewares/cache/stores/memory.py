"""Keeps answers in this worker's memory, up to a bound in bytes."""

import time
from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from discovery.base.steps import Steps, at_once, slices
from middlewares.cache.entry import Entry, Variants

from .eviction import MOST_PASSED_OVER, MOST_USES, Eviction, Held
from .index import Index
from .sizes import VARIANT, compact, entry_bytes, key_bytes
from .store import Purge

#: A key keeps at most so many answers; a further one takes the place of the oldest.
MOST_VARIANTS = 64
#: What is under one key takes at most this part of the store: a larger answer is refused.
LARGEST_SHARE = 0.5
#: At most so many keys leave for one answer, which takes some ten milliseconds; one that needs more room than
#: that is refused, and finds the room that was made the next time.
MOST_EVICTIONS = 1000
#: In each step of getting smaller so much leaves: a hundred small answers.
BYTES_OF_A_STEP = 256 * 1024
NO_TAGS: frozenset[bytes] = frozenset()


class _Slot(Held):
    __slots__ = ("variants",)

    def __init__(self, key: bytes, size: int, variants: Variants) -> None:
        super().__init__(key, size)
        self.variants = variants


class AnswerMemory:
    """A MemoryStore of so many bytes, all overhead included.

    `entries` and `bytes` are what is in it, `evicted` counts answers that left for others, and `refused` those
    that were never kept.
    """

    __slots__ = (
        "_bound",
        "_by_tag",
        "_by_url",
        "_eviction",
        "_slots",
        "bytes",
        "entries",
        "evicted",
        "now_s",
        "refused",
    )

    def __init__(self, size: int, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self.now_s = now_s
        self._slots: dict[bytes, _Slot] = {}
        self._eviction = Eviction(size)
        self._bound = size - self._eviction.overhead
        self._by_url = Index()
        self._by_tag = Index()
        self.entries = 0
        self.bytes = 0
        self.evicted = 0
        self.refused = 0

    def get(self, key: bytes) -> Variants | None:
        """What is kept under a primary key; it counts as a use."""
        slot = self._slots.get(key)
        if slot is None:
            return None
        if slot.uses < MOST_USES:
            slot.uses += 1
        return slot.variants

    def keep(self, key: bytes, vary: tuple[bytes, ...], secondary: bytes, entry: Entry) -> bool:
        """Keep an entry, in place of one with the same keys; False if the store refused it.

        Entries under the same primary key with other names in `vary` are dropped.
        """
        entry = compact(entry)
        size = key_bytes(key, vary) + VARIANT + entry_bytes(secondary, entry)
        slot = self._slots.get(key)
        if size > self._bound * LARGEST_SHARE:
            self.refused += 1
            if slot is not None:  # what it would have replaced is out of date
                self._without(slot, slot.variants.entries.keys() & {secondary})
            return False
        if slot is None:
            self._put(_Slot(key, size, Variants(vary, {secondary: entry})))
        elif slot.variants.vary != vary or slot.variants.entries.keys() <= {secondary}:
            self._change(slot, Variants(vary, {secondary: entry}), size)
        else:
            self._add(slot, secondary, entry)
        self._make_room()
        if key not in self._slots:
            self.evicted -= 1
        elif self.bytes > self._bound:
            self.drop(key)
        else:
            return True
        self.refused += 1
        return False

    def drop(self, key: bytes) -> None:
        """Drop all that is kept under a primary key."""
        slot = self._slots.get(key)
        if slot is not None:
            self._eviction.remove(slot)
            self._forget(slot)

    def purge(self, purges: Iterable[Purge]) -> int:
        """Drop or age all that these take; return how many entries."""
        return at_once(self.purging(purges))

    def purging(self, purges: Iterable[Purge]) -> Steps[int]:
        """Purge in steps: a prefix is compared with each URL, and a tag may have thousands."""
        count = 0
        for purge in purges:
            for keys in slices(self._found(purge)):
                count += sum(self._purge(key, purge) for key in keys)
                yield
        return count

    def resizing(self, size: int) -> Steps[None]:
        """Go by another bound in bytes; what is over it leaves in steps."""
        self._eviction.fit(size)
        bound = size - self._eviction.overhead
        while self.bytes > bound:
            # What is kept between the steps finds room below what is left.
            self._bound = max(self.bytes - BYTES_OF_A_STEP, bound)
            self._make_room()
            yield
        self._bound = bound

    def _found(self, purge: Purge) -> list[bytes]:
        if purge.kind == "tag":
            return self._by_tag.keys(purge.value)
        if purge.kind == "url" and not purge.value.startswith(b"/"):
            return self._by_url.keys(purge.value)
        return list(self._slots)

    def _purge(self, key: bytes, purge: Purge) -> int:
        slot = self._slots.get(key)
        if slot is None:
            return 0
        vary, entries = slot.variants.vary, slot.variants.entries
        taken = [secondary for secondary, entry in entries.items() if purge.takes(entry)]
        if not taken:
            return 0
        if purge.soft:
            aged = {secondary: replace(entries[secondary], is_stale=True) for secondary in taken}
            slot.variants = Variants(vary, {**entries, **aged})
        else:
            self._without(slot, taken)
        return len(taken)

    def _without(self, slot: _Slot, secondaries: Collection[bytes]) -> None:
        if len(secondaries) == len(slot.variants.entries):
            self.drop(slot.key)
            return
        left = dict(slot.variants.entries)
        size = slot.bytes
        for secondary in secondaries:
            size -= VARIANT + entry_bytes(secondary, left.pop(secondary))
        self._change(slot, Variants(slot.variants.vary, left), size)

    def _add(self, slot: _Slot, secondary: bytes, entry: Entry) -> None:
        """Add one to those under its key, the newest last, and drop the oldest where there are too many."""
        entries = dict(slot.variants.entries)
        size = slot.bytes + VARIANT + entry_bytes(secondary, entry)
        if secondary in entries:
            size -= VARIANT + entry_bytes(secondary, entries.pop(secondary))
        entries[secondary] = entry
        while len(entries) > MOST_VARIANTS or size > self._bound * LARGEST_SHARE:
            oldest = next(iter(entries))
            size -= VARIANT + entry_bytes(oldest, entries.pop(oldest))
            self.evicted += 1
        self._change(slot, Variants(slot.variants.vary, entries), size)

    def _put(self, slot: _Slot) -> None:
        self._slots[slot.key] = slot
        self._eviction.put(slot)
        self.bytes += slot.bytes
        self.entries += len(slot.variants.entries)
        self._by_url.add(_urls(slot.variants), slot.key)
        self._by_tag.add(_tags(slot.variants), slot.key)

    def _change(self, slot: _Slot, variants: Variants, size: int) -> None:
        key, before = slot.key, slot.variants
        slot.variants = variants
        self.bytes += size - slot.bytes
        self._eviction.resize(slot, size)
        self.entries += len(variants.entries) - len(before.entries)
        self._by_url.change(_urls(before), _urls(variants), key)
        self._by_tag.change(_tags(before), _tags(variants), key)

    def _make_room(self) -> None:
        eviction = self._eviction
        patience = eviction.passed_over + MOST_PASSED_OVER
        for _ in range(MOST_EVICTIONS):
            if self.bytes <= self._bound:
                return
            held = eviction.evict(patience - eviction.passed_over)
            if held is None:
                return
            slot = self._slots[held.key]
            self.evicted += len(slot.variants.entries)
            self._forget(slot)

    def _forget(self, slot: _Slot) -> None:
        del self._slots[slot.key]
        self.bytes -= slot.bytes
        self.entries -= len(slot.variants.entries)
        self._by_url.discard(_urls(slot.variants), slot.key)
        self._by_tag.discard(_tags(slot.variants), slot.key)


def _urls(variants: Variants) -> AbstractSet[bytes]:
    return {entry.url for entry in variants.entries.values()}


def _tags(variants: Variants) -> AbstractSet[bytes]:
    return NO_TAGS.union(*(entry.tags for entry in variants.entries.values() if entry.tags))
