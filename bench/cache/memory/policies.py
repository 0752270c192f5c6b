"""Policies for who leaves a full store: Lockgate's, those that it was chosen from, and the best possible.

Each takes keys with sizes in bytes. `asked` says whether a key is there, which counts as a use, and `put` keeps
one that was not.
"""

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from itertools import repeat
from typing import Protocol

from middlewares.cache.stores.eviction import MOST_USES, Eviction, Held


class Policy(Protocol):
    """What all of them do; `taken` bytes are never over the bound."""

    taken: int

    def asked(self, key: bytes) -> bool: ...

    def put(self, key: bytes, size: int) -> None: ...


class Lru:
    """The one that was not used for the longest time leaves."""

    def __init__(self, bound: int) -> None:
        self.taken = 0
        self._bound = bound
        self._sizes: OrderedDict[bytes, int] = OrderedDict()

    def asked(self, key: bytes) -> bool:
        if key not in self._sizes:
            return False
        self._sizes.move_to_end(key)
        return True

    def put(self, key: bytes, size: int) -> None:
        self._sizes[key] = size
        self.taken += size
        while self.taken > self._bound:
            self.taken -= self._sizes.popitem(last=False)[1]


class S3Fifo:
    """Lockgate's: middlewares/cache/stores/eviction.py."""

    def __init__(self, bound: int) -> None:
        self.taken = 0
        self._held: dict[bytes, Held] = {}
        self._eviction = Eviction(bound)
        self._bound = bound - self._eviction.overhead

    def asked(self, key: bytes) -> bool:
        held = self._held.get(key)
        if held is None:
            return False
        if held.uses < MOST_USES:
            held.uses += 1
        return True

    def put(self, key: bytes, size: int) -> None:
        held = self._held[key] = Held(key, size)
        self._eviction.put(held)
        self.taken += size
        while self.taken > self._bound and (left := self._eviction.evict()) is not None:
            self.taken -= left.bytes
            del self._held[left.key]


class Sieve:
    """A hand goes from the oldest to the newest, and the first that was not used since it passed leaves."""

    def __init__(self, bound: int) -> None:
        self.taken = 0
        self._bound = bound
        self._held: dict[bytes, Held] = {}
        self._hand = self._end = end = Held(b"", 0)
        end.newer = end.older = end

    def asked(self, key: bytes) -> bool:
        held = self._held.get(key)
        if held is None:
            return False
        held.uses = 1
        return True

    def put(self, key: bytes, size: int) -> None:
        while self.taken + size > self._bound:
            self._evict()
        held = self._held[key] = Held(key, size)
        end = self._end
        held.newer, held.older = end, end.older
        end.older.newer = held
        end.older = held
        self.taken += size

    def _evict(self) -> None:
        hand = self._hand
        while hand is self._end or hand.uses:
            hand.uses = 0
            hand = hand.newer
        self._hand = hand.newer
        hand.older.newer, hand.newer.older = hand.newer, hand.older
        del self._held[hand.key]
        self.taken -= hand.bytes


class Sketch:
    """About how often a key was asked for: four counters of each key, up to 15, halved now and then."""

    HALVES = bytes(number // 2 for number in range(256))

    def __init__(self, keys: int) -> None:
        self._mask = (1 << max(8, (8 * keys - 1).bit_length())) - 1
        self._counts = bytearray(self._mask + 1)
        self._until_halved = self._sample = 10 * keys

    def add(self, key: bytes) -> None:
        digest, mask, counts = hash(key), self._mask, self._counts
        places = (
            digest & mask,
            digest >> 11 & mask,
            digest >> 22 & mask,
            digest >> 33 & mask,
        )
        least = min(counts[place] for place in places)
        if least < 15:
            for place in places:
                if counts[place] == least:
                    counts[place] += 1
        self._until_halved -= 1
        if not self._until_halved:
            self._counts = counts.translate(self.HALVES)
            self._until_halved = self._sample

    def count(self, key: bytes) -> int:
        digest, mask, counts = hash(key), self._mask, self._counts
        return min(
            counts[digest & mask],
            counts[digest >> 11 & mask],
            counts[digest >> 22 & mask],
            counts[digest >> 33 & mask],
        )


class WTinyLfu:
    """A window of 1 %, and a main part of two LRUs that takes what was asked for more often than its victims."""

    def __init__(self, bound: int) -> None:
        self.taken = 0
        self._window: OrderedDict[bytes, int] = OrderedDict()
        self._probation: OrderedDict[bytes, int] = OrderedDict()
        self._protected: OrderedDict[bytes, int] = OrderedDict()
        self._window_bytes = self._protected_bytes = 0
        self._bound = bound
        self._window_bound = bound // 100
        self._protected_bound = bound * 79 // 100
        self._sketch = Sketch(bound // 4096)

    def asked(self, key: bytes) -> bool:
        self._sketch.add(key)
        if key in self._protected:
            self._protected.move_to_end(key)
        elif key in self._probation:
            self._protected[key] = size = self._probation.pop(key)
            self._protected_bytes += size
            while self._protected_bytes > self._protected_bound:
                least, size = self._protected.popitem(last=False)
                self._protected_bytes -= size
                self._probation[least] = size
        elif key in self._window:
            self._window.move_to_end(key)
        else:
            return False
        return True

    def put(self, key: bytes, size: int) -> None:
        self._window[key] = size
        self._window_bytes += size
        self.taken += size
        while self._window_bytes > self._window_bound:
            candidate, its_size = self._window.popitem(last=False)
            self._window_bytes -= its_size
            self._admit(candidate, its_size)

    def _admit(self, candidate: bytes, size: int) -> None:
        """Take it in for the victims, whose frequencies together are less than its own."""
        victims, freed, worth = [], self._bound - self.taken, 0
        its_worth = self._sketch.count(candidate)
        for victim, its_size in self._probation.items():
            if freed >= 0 or worth >= its_worth:
                break
            victims.append(victim)
            freed += its_size
            worth += self._sketch.count(victim)
        if freed < 0 or (victims and worth >= its_worth):
            self.taken -= size
            return
        for victim in victims:
            self.taken -= self._probation.pop(victim)
        self._probation[candidate] = size


class Belady:
    """Knows the future: the one that is asked for last, or never, leaves, be it the newest itself.

    No policy has more hits where all sizes are equal; where they are not, the best possible is out of reach.
    """

    def __init__(self, bound: int, keys: Sequence[bytes]) -> None:
        self.taken = 0
        self._bound = bound
        self._next = _next_uses(keys)
        self._now = -1
        self._sizes: dict[bytes, int] = {}
        self._uses: dict[bytes, int] = {}
        self._last: list[tuple[int, bytes]] = []

    def asked(self, key: bytes) -> bool:
        self._now += 1
        if key not in self._sizes:
            return False
        self._note(key)
        return True

    def put(self, key: bytes, size: int) -> None:
        self._sizes[key] = size
        self.taken += size
        self._note(key)
        while self.taken > self._bound:
            use, last = heapq.heappop(self._last)
            if self._uses.get(last) == -use:
                self.taken -= self._sizes.pop(last)
                del self._uses[last]

    def _note(self, key: bytes) -> None:
        use = self._uses[key] = self._next[self._now]
        heapq.heappush(self._last, (-use, key))


def _next_uses(keys: Sequence[bytes]) -> list[int]:
    """For each place in the sequence, where the same key comes next: beyond the end if never."""
    uses = list(repeat(0, len(keys)))
    later: dict[bytes, int] = {}
    for place in range(len(keys) - 1, -1, -1):
        uses[place] = later.get(keys[place], len(keys) + place)
        later[keys[place]] = place
    return uses
