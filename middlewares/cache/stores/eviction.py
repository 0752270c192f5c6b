"""Decides what leaves a full store: S3-FIFO, so that what was asked for once pushes out nothing that is used.

Answers begin in a small queue, a twentieth of the store. Those that were used there move to the main queue;
of the others only a mark is left, and one that comes back while its mark is there begins in the main queue.
There each use is one more round. See docs/decisions/0024-the-memory-of-answers.md.
"""

from array import array

#: More uses count no more: what was popular once leaves after so many rounds.
MOST_USES = 3
#: One eviction passes over at most so many answers, so that it takes a millisecond at the most; and so do all that
#: make room for one answer.
MOST_PASSED_OVER = 1000
#: The part of the store that answers begin in.
SMALL_SHARE = 0.05
#: There is a place for a mark for each so many bytes of the store: few answers take less.
BYTES_PER_MARK = 1024
#: More are not made, since the first that leaves makes all: these take 32 MiB.
MOST_MARKS = 1 << 22


class Held:
    """What stands in a queue, with its size; `uses` counts hits, up to MOST_USES.

    It has neighbours only in a queue: a ring of its own would wait for the collector.
    """

    __slots__ = ("bytes", "is_main", "key", "newer", "older", "uses")
    newer: "Held"
    older: "Held"

    def __init__(self, key: bytes, size: int) -> None:
        self.key = key
        self.bytes = size
        self.uses = 0
        self.is_main = False


class Queue:
    """First in, first out, and `bytes` is the sum of its sizes; one in the middle leaves at no cost."""

    __slots__ = ("_end", "bytes")

    def __init__(self) -> None:
        self.bytes = 0
        # A ring: newer than the end is the oldest, older than the end is the newest.
        self._end = end = Held(b"", 0)
        end.newer = end.older = end

    def push(self, held: Held) -> None:
        """Add it as the newest."""
        end = self._end
        held.newer, held.older = end, end.older
        end.older.newer = held
        end.older = held
        self.bytes += held.bytes

    def remove(self, held: Held) -> None:
        """Take it out, wherever it stands."""
        held.newer.older = held.older
        held.older.newer = held.newer
        del held.newer, held.older
        self.bytes -= held.bytes

    def oldest(self) -> Held | None:
        """The one that leaves next."""
        return None if self._end.newer is self._end else self._end.newer


class Marks:
    """Remembers which keys left the small queue lately, in `bytes` of memory, which are there once one has left.

    A key has one place, and the last one there stays. A place has half of the key's hash, and when it left
    as a number that counts those that left.
    """

    __slots__ = ("_left", "_mask", "_places", "bytes")

    def __init__(self, places: int) -> None:
        size = 1 << max(places, 2).bit_length() - 1
        self._mask = size - 1
        self._places = array("Q")
        self._left = 0
        self.bytes = 8 * size

    def put(self, key: bytes) -> None:
        """Mark a key that leaves."""
        if not self._places:
            self._places = array("Q", (0,)) * (self._mask + 1)
        self._left = self._left + 1 & 0xFFFFFFFF
        digest = hash(key)
        self._places[digest & self._mask] = (digest & 0xFFFFFFFF00000000) | self._left

    def take(self, key: bytes, among: int) -> bool:
        """Whether the key is marked, and among the last so many that left; the mark is gone."""
        if not self._left:
            return False
        digest = hash(key)
        place = digest & self._mask
        mark = self._places[place]
        if not mark or mark >> 32 != digest >> 32 & 0xFFFFFFFF:
            return False
        self._places[place] = 0
        return (self._left - mark & 0xFFFFFFFF) < among


class Eviction:
    """The queues of a store of so many bytes; `overhead` bytes of these are not for answers."""

    __slots__ = ("_main", "_mains", "_marks", "_small", "_small_bytes", "overhead", "passed_over")

    def __init__(self, size: int) -> None:
        self._small = Queue()
        self._main = Queue()
        self._mains = 0
        self.passed_over = 0
        self.fit(size)

    def fit(self, size: int) -> None:
        """Go by another size of the store; marks are forgotten."""
        self._small_bytes = int(size * SMALL_SHARE)
        self._marks = Marks(min(size // BYTES_PER_MARK, MOST_MARKS))
        self.overhead = self._marks.bytes

    def put(self, held: Held) -> None:
        """Take a new one in."""
        held.is_main = self._marks.take(held.key, max(self._mains, 100))
        self._into(held)

    def resize(self, held: Held, size: int) -> None:
        """Note its new size; it stays where it stands."""
        queue = self._main if held.is_main else self._small
        queue.bytes += size - held.bytes
        held.bytes = size

    def remove(self, held: Held) -> None:
        """Forget one that is in a queue."""
        if held.is_main:
            self._main.remove(held)
            self._mains -= 1
        else:
            self._small.remove(held)

    def evict(self, most: int = MOST_PASSED_OVER) -> Held | None:
        """Take out the one that is least worth its place; `most` are passed over, and `passed_over` counts them."""
        while (held := self._next()) is not None:
            self.remove(held)
            if not held.uses or most <= 0:
                if not held.is_main:
                    self._marks.put(held.key)
                return held
            self._one_more_round(held)
            self.passed_over += 1
            most -= 1
        return None

    def _next(self) -> Held | None:
        if self._small.bytes > self._small_bytes:
            return self._small.oldest()
        return self._main.oldest() or self._small.oldest()

    def _one_more_round(self, held: Held) -> None:
        held.uses -= 1
        held.is_main = True
        self._into(held)

    def _into(self, held: Held) -> None:
        if held.is_main:
            self._main.push(held)
            self._mains += 1
        else:
            self._small.push(held)
