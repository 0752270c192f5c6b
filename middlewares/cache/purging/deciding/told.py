"""Purges that the registry was told lately, for another server that has not heard of them."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from middlewares.cache.purging.deciding.records import EVERYTHING
from middlewares.cache.stores.store import Purge

#: Another server is told again of what was told in so long.
TOLD_AGAIN_FOR_S: Final = 60.0
MOST: Final = 10_000
MOST_BYTES: Final = 4 * 1024 * 1024


class Told:
    """Keeps the records of the last minute; too many of them become one that takes everything."""

    def __init__(self) -> None:
        self._records: deque[tuple[float, Sequence[Purge]]] = deque()
        self._purges = 0
        self._bytes = 0

    def __len__(self) -> int:
        return self._purges

    def add(self, now_s: float, purges: Sequence[Purge]) -> None:
        """Note a record that was told now."""
        self._forget_before(now_s - TOLD_AGAIN_FOR_S)
        self._add(now_s, purges)
        if self._purges > MOST or self._bytes > MOST_BYTES:
            self.clear()
            self._add(now_s, [EVERYTHING])

    def lately(self, now_s: float) -> Iterator[Sequence[Purge]]:
        """The records of the last minute, the oldest first."""
        self._forget_before(now_s - TOLD_AGAIN_FOR_S)
        return (purges for _, purges in tuple(self._records))

    def clear(self) -> None:
        self._records.clear()
        self._purges = self._bytes = 0

    def _add(self, now_s: float, purges: Sequence[Purge]) -> None:
        self._records.append((now_s, purges))
        self._purges += len(purges)
        self._bytes += _bytes_of(purges)

    def _forget_before(self, at_s: float) -> None:
        while self._records and self._records[0][0] < at_s:
            _, purges = self._records.popleft()
            self._purges -= len(purges)
            self._bytes -= _bytes_of(purges)


def _bytes_of(purges: Sequence[Purge]) -> int:
    return sum(len(one.value) for one in purges)
