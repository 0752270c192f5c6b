"""What a flight is to fetch, and what all flights of a worker use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from middlewares.cache.body import Room
from middlewares.cache.counting import CacheCounts
from middlewares.cache.deciding.asked import Asked
from middlewares.cache.deciding.storing import Kept, NotKept, Requested, judge
from middlewares.cache.elsewhere import Elsewhere
from middlewares.cache.entry import Entry, Head
from middlewares.cache.flights import Flights
from middlewares.cache.marks import Marks
from middlewares.cache.policy import CachePolicy
from middlewares.cache.ports import Answers
from middlewares.cache.stores.store import MemoryStore


class Purges(Protocol):
    """What is known of purges: an answer that was fetched before one must not be kept after it."""

    @property
    def revision(self) -> int: ...

    def took(self, entry: Entry, since_revision: int) -> bool: ...

    def may_have_taken(self, url: bytes, since_revision: int) -> bool: ...


@dataclass(slots=True)
class Means:
    """What every flight of a worker uses; `unix_s` is the wall clock."""

    answers: Answers
    flights: Flights
    marks: Marks
    purges: Purges
    counts: CacheCounts
    unix_s: Callable[[], float]
    #: For the bodies that clients read while they come.
    room: Room
    #: What all gateways keep.
    elsewhere: Elsewhere | None = None


@dataclass(slots=True)
class Wanted:
    """What a flight is to fetch; `entry` is a stale answer that it validates."""

    request: web.Request
    handler: Handler
    asked: Asked
    policy: CachePolicy
    store: MemoryStore
    route: str
    entry: Entry | None
    #: The names in Vary by which the entry is kept.
    vary: tuple[bytes, ...] = ()


def judged(means: Means, wanted: Wanted, head: Head, requested_s: float) -> Kept | NotKept:
    """Whether an instance's answer may be kept, and how."""
    asked, policy = wanted.asked, wanted.policy
    requested = Requested(
        asked.method, asked.has_credentials, asked.directives, asked.is_keyed_by_subject
    )
    return judge(requested, head, policy, requested_s=requested_s, responded_s=means.unix_s())


def variant_key(asked: Asked, vary: tuple[bytes, ...]) -> bytes:
    """What the flights for one variant are found by."""
    key = asked.flight_key
    return key + asked.secondary(vary) if vary else key
