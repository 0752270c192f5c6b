"""Purges that the registry has to hear of yet."""

from collections.abc import Iterable, Sequence
from typing import Final

from middlewares.cache.entry import Entry
from middlewares.cache.purging.deciding.records import EVERYTHING
from middlewares.cache.stores.store import Purge

MOST: Final = 10_000
MOST_BYTES: Final = 4 * 1024 * 1024
#: Of one record of the log.
PURGES_OF_A_RECORD: Final = 500
BYTES_OF_A_RECORD: Final = 128 * 1024


class Untold:
    """Keeps purges in their order, each once; too many of them become one that takes everything."""

    def __init__(self) -> None:
        self._purges: dict[Purge, None] = {}
        #: Those of them that may take more than one URL.
        self._wide: set[Purge] = set()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._purges)

    def add(self, purges: Iterable[Purge]) -> None:
        for one in purges:
            if one not in self._purges:
                self._purges[one] = None
                self._bytes += len(one.value)
                if one.kind != "url" or one.soft or one.value.startswith(b"/"):
                    self._wide.add(one)
        if len(self._purges) > MOST or self._bytes > MOST_BYTES:
            self._purges, self._wide = {EVERYTHING: None}, {EVERYTHING}
            self._bytes = len(EVERYTHING.value)

    def takes(self, entry: Entry) -> bool:
        """Whether one of these takes an entry."""
        if not self._purges:
            return False
        return Purge("url", entry.url) in self._purges or any(
            one.takes(entry) for one in self._wide
        )

    def next_record(self) -> Sequence[Purge]:
        """The oldest ones, as many as one record may have; they stay until `told`."""
        some: list[Purge] = []
        size = 0
        for one in self._purges:
            size += len(one.value)
            if some and (size > BYTES_OF_A_RECORD or len(some) == PURGES_OF_A_RECORD):
                break
            some.append(one)
        return some

    def told(self, purges: Iterable[Purge]) -> None:
        """Forget these."""
        for one in purges:
            if one in self._purges:
                del self._purges[one]
                self._wide.discard(one)
                self._bytes -= len(one.value)
