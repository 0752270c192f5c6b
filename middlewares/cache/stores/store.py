"""What every store of answers does."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from middlewares.cache.entry import Entry, Variants


@dataclass(frozen=True, slots=True)
class Purge:
    """What is purged: entries of a URL, of URLs that begin so, or with a tag.

    `soft`: they are stale from then on, and else gone. A URL is scheme, host and target; one that begins with
    `/` is of every host, and of both schemes.
    """

    kind: Literal["url", "prefix", "tag"]
    value: bytes
    soft: bool = False

    def takes(self, entry: Entry) -> bool:
        """Whether the entry is one of these."""
        if self.kind == "tag":
            return self.value in entry.tags
        return self.takes_url(entry.url)

    def takes_url(self, url: bytes) -> bool:
        """Whether a purge of a URL or a prefix is of this URL."""
        if self.value.startswith(b"/"):
            url = b"/" + url.split(b"/", 3)[3]
        return url == self.value if self.kind == "url" else url.startswith(self.value)


#: Takes every entry.
EVERYTHING: Final = Purge("prefix", b"/")


class Full(Protocol):
    """Counts of a store: entries, bytes with all overhead, and what was evicted."""

    entries: int
    bytes: int
    evicted: int
    refused: int


class MemoryStore(Protocol):
    """A store in this worker; `now_s` is by its own clock, which never goes back."""

    def now_s(self) -> float: ...

    def get(self, key: bytes) -> Variants | None:
        """What is kept under a primary key; it counts as a use."""
        ...

    def keep(self, key: bytes, vary: tuple[bytes, ...], secondary: bytes, entry: Entry) -> bool:
        """Keep an entry, in place of one with the same keys; False if the store refused it.

        Entries under the same primary key with other names in `vary` are dropped.
        """
        ...

    def drop(self, key: bytes) -> None:
        """Drop all that is kept under a primary key."""
        ...

    def purge(self, purges: Iterable[Purge]) -> int:
        """Drop or age all that these take; return how many entries."""
        ...
