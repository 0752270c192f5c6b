"""Why no instance of a service can be used: the text of a 503, made when it is answered."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from discovery.health.book import HealthBook
from discovery.health.evidence_texts import for_anybody
from discovery.view.view import Entry, View
from gateway.explaining.deciding import Sight, explanation
from gateway.guard.admin import AdminGuard
from gateway.guard.locality import is_local
from middlewares.candidates.deciding import without_doubles
from middlewares.failures import CircuitOpen, Failure, NoHealthyInstance

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from middlewares.version_ranges import VersionRange

#: So many texts are remembered.
MOST_TEXTS = 10_000
#: So many ranges are remembered with the versions that they hold.
MOST_RANGES = 1_000
#: How long a text is repeated while view and verdicts are unchanged.
FRESH_FOR_S = 0.2
#: A text is also repeated for this many times as long as it took to make, whatever has changed: if
#: thousands of instances fail, the verdicts change all the time.
WORTH = 20
#: The versions that could have been taken, of those that there are; None: whatever the version.
_Held = frozenset[str | None] | None


@dataclass(frozen=True, slots=True)
class _Words:
    """A text, when it was made (monotonic s), and how long that took."""

    text: str
    made_s: float
    took_s: float

    @property
    def last_until_s(self) -> float:
        """Until when it is used, whatever changes."""
        return self.made_s + WORTH * self.took_s

    @property
    def good_until_s(self) -> float:
        """Until when it is used while nothing changes."""
        return max(self.made_s + FRESH_FOR_S, self.last_until_s)


class Unavailability:
    """Texts for NoHealthyInstance and CircuitOpen; addresses only with the token, or on this machine."""

    def __init__(
        self,
        view: Callable[[], View],
        book: HealthBook,
        guard: AdminGuard,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._view = view
        self._book = book
        self._guard = guard
        self._clock = clock
        #: The state that the texts were made from, and the texts by service and versions (None: all of them), with
        #: addresses or without.
        self._made_of: tuple[View | None, int] = (None, -1)
        self._made: dict[tuple[str, _Held, bool], _Words] = {}

        #: The view, and by a service and ranges which of its versions they hold.
        self._held_of: View | None = None
        self._held: dict[tuple[object, ...], _Held] = {}

    def detail_of(self, request: web.Request, failure: Failure) -> str:
        """The detail in the answer to a request, for a failure of any kind."""
        if isinstance(failure, CircuitOpen) and failure.evidence:
            return f"{failure.detail}: {for_anybody(failure.evidence)}"
        if not isinstance(failure, NoHealthyInstance):
            return failure.detail
        words = self._words(
            failure.service, failure.ranges, with_addresses=self.may_see_addresses(request)
        )
        return f"{failure.detail}: {words or 'none is registered'}"

    def _words(
        self, service: str, ranges: "Sequence[VersionRange]", *, with_addresses: bool
    ) -> str:
        view, revision, now_s = self._view(), self._book.revision, self._clock()
        if view is not self._made_of[0] or revision != self._made_of[1]:
            self._made_of = (view, revision)
            made = self._made.items()
            self._made = {key: words for key, words in made if now_s < words.last_until_s}
        held = self._held_by(ranges, service, view) if ranges else None
        words = self._made.get((service, held, with_addresses))
        if words is None or now_s >= words.good_until_s:
            if len(self._made) >= MOST_TEXTS:
                self._made.clear()
            entries = without_doubles(view.services.get(service, {}).values())
            if held is not None:
                entries = [one for one in entries if one.instance.version in held]
            seen = explanation(_sight(entry, self._book) for entry in entries)
            text = seen.words(with_addresses=with_addresses)
            words = _Words(text, now_s, self._clock() - now_s)
            self._made[service, held, with_addresses] = words
        return words.text

    def _held_by(self, ranges: "Sequence[VersionRange]", service: str, view: View) -> _Held:
        """The texts go by these, since clients may name any number of ranges."""
        if view is not self._held_of or len(self._held) >= MOST_RANGES:
            self._held_of = view
            self._held.clear()
        key = (service, *ranges)
        held = self._held.get(key)
        if held is None:
            entries = view.services.get(service, {}).values()
            there = {entry.instance.version for entry in entries}
            held = frozenset(one for one in there if all(each.holds(one) for each in ranges))
            self._held[key] = held
        return held

    def may_see_addresses(self, request: web.Request) -> bool:
        return is_local(request) or self._guard.admits(request)


def sights_of(service: str, view: View, book: HealthBook) -> Iterator[Sight]:
    """All instances of a service that requests could be sent to, as this gateway sees them."""
    for entry in view.services.get(service, {}).values():
        yield _sight(entry, book)


def _sight(entry: Entry, book: HealthBook) -> Sight:
    changed_s = max((one.at_s for one in book.history(entry.key)), default=0.0)
    return Sight(entry, book.health(entry.key), changed_s, book.ejection(entry.key))
