"""The purges of the last while, against answers that were on their way when they came."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from middlewares.cache.entry import Entry
from middlewares.cache.stores.store import Purge

MOST_URLS: Final = 10_000
#: Each of these is compared with every answer that was asked for before it.
MOST_OTHERS: Final = 256


class RecentPurges:
    """Counts purges, and says whether an answer was asked for before one that takes it.

    It knows a bounded number of them. Before the oldest that it knows, any purge may have been.
    """

    def __init__(self) -> None:
        #: How many purges there have been.
        self.revision = 0
        self._forgotten = 0
        # A hash is smaller than its URL. Where two are equal, an answer is not kept that could have been.
        self._urls: dict[int, int] = {}
        self._others: deque[tuple[int, Purge]] = deque()

    def add(self, purges: Iterable[Purge]) -> None:
        """Note these, which happen now."""
        for purge in purges:
            self.revision += 1
            if purge.kind == "url":
                self._add_url(hash(purge.value))
            else:
                self._others.append((self.revision, purge))
                if len(self._others) > MOST_OTHERS:
                    self._forget(self._others.popleft()[0])

    def forget(self) -> None:
        """Note that something was purged, and nobody knows what."""
        self.revision += 1
        self._forgotten = self.revision
        self._urls.clear()
        self._others.clear()

    def took(self, entry: Entry, since_revision: int) -> bool:
        """Whether a purge since that revision takes this entry, or may have taken it."""
        return self._took(entry.url, since_revision, lambda purge: purge.takes(entry))

    def may_have_taken(self, url: bytes, since_revision: int) -> bool:
        """Whether a purge since that revision may take the answer of a URL, whose tags nobody knows yet."""
        return self._took(
            url, since_revision, lambda purge: purge.kind == "tag" or purge.takes_url(url)
        )

    def knows(self, entry: Entry, since_revision: int) -> bool:
        """Whether a purge since that revision, of those that it knows, takes this entry."""
        return self._knows(entry.url, since_revision, lambda purge: purge.takes(entry))

    def _took(self, url: bytes, since_revision: int, takes: Callable[[Purge], bool]) -> bool:
        if since_revision == self.revision:
            return False
        return since_revision < self._forgotten or self._knows(url, since_revision, takes)

    def _knows(self, url: bytes, since_revision: int, takes: Callable[[Purge], bool]) -> bool:
        if max(self._last(url), self._last(path_of(url))) > since_revision:
            return True
        for revision, purge in reversed(self._others):
            if revision <= since_revision:
                return False
            if takes(purge):
                return True
        return False

    def _add_url(self, key: int) -> None:
        self._urls.pop(key, None)  # so that it becomes the newest
        self._urls[key] = self.revision
        if len(self._urls) > MOST_URLS:
            self._forget(self._urls.pop(next(iter(self._urls))))

    def _forget(self, revision: int) -> None:
        self._forgotten = max(self._forgotten, revision)

    def _last(self, url: bytes) -> int:
        return self._urls.get(hash(url), 0)


def path_of(url: bytes) -> bytes:
    """A URL without its scheme and host, as a purge of all hosts names it."""
    return b"/" + url.split(b"/", 3)[3]
