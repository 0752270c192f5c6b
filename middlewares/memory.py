"""A bounded, counted cache: the one mechanism for not finding the same thing out twice."""

from collections.abc import Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(dict[K, V]):
    """Remembers results by the exact input that they were found from; it belongs to one worker.

    Use only `recall` and `keep`. Clients and instances choose the inputs, so it is bounded: it keeps at
    most `entries`, each from at most `entry_bytes` of outside input. A full memory forgets everything,
    which makes hits cost nothing extra; inputs that repeat are soon back.
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
        """Return what was kept under this key, and count the hit or miss."""
        self.hits += 1
        return self[key]

    def __missing__(self, _key: K) -> V | None:
        # `recall` has counted a hit already: so a hit costs no call and no comparison.
        self.hits -= 1
        self.misses += 1
        return None

    def keep(self, key: K, value: V, size: int) -> V:
        """Keep a result, unless the `size` of its outside input in bytes is too large."""
        if size <= self.entry_bytes:
            if len(self) >= self.entries:
                self.clear()
            self[key] = value
        return value
