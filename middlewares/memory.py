"""What was met before: the one mechanism for not finding the same out twice."""

from collections.abc import Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(dict[K, V]):
    """What was found out of things that come again, under exactly these things; it belongs to one worker.

    It is asked by `recall` and written by `keep` alone. Others choose what comes, so it is bounded: it
    keeps `entries`, none of which was made of more than `entry_bytes` that came from outside. A full one
    forgets everything: that costs a hit nothing, and what comes again is soon back.
    """

    __slots__ = ("entries", "entry_bytes", "hits", "misses", "name")

    def __init__(self, name: str, *, entries: int, entry_bytes: int) -> None:
        super().__init__()
        self.name = name
        self.entries = entries
        self.entry_bytes = entry_bytes
        self.hits = 0
        self.misses = 0

    def recall(self, key: K) -> V | None:
        """What was kept under this key."""
        found = self.get(key)
        if found is None:
            self.misses += 1
        else:
            self.hits += 1
        return found

    def keep(self, key: K, value: V, size: int) -> V:
        """Keep what was found, unless it was made of too much: `size` bytes came from outside."""
        if size <= self.entry_bytes:
            if len(self) >= self.entries:
                self.clear()
            self[key] = value
        return value
