"""Why no instance of a service can be used: the text of a 503, made when it is answered."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiohttp import web

from discovery.health.book import HealthBook
from discovery.health.evidence_texts import for_anybody
from discovery.view.view import Entry, View
from gateway.explaining.deciding import Sight, explanation
from gateway.guard.admin import AdminGuard
from gateway.guard.locality import is_local
from middlewares.candidates.deciding import without_doubles
from middlewares.failures import CircuitOpen, Failure, NoHealthyInstance

#: How long a text is repeated while view and verdicts are unchanged.
FRESH_FOR_S = 0.2
#: A text is also repeated for this many times as long as it took to make, whatever has changed: if
#: thousands of instances fail, the verdicts change all the time.
WORTH = 20


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
        #: The state that the texts were made from, and the texts by service, with addresses or without.
        self._made_of: tuple[View | None, int] = (None, -1)
        self._made: dict[tuple[str, bool], _Words] = {}

    def detail_of(self, request: web.Request, failure: Failure) -> str:
        """The detail in the answer to a request, for a failure of any kind."""
        if isinstance(failure, CircuitOpen) and failure.evidence:
            return f"{failure.detail}: {for_anybody(failure.evidence)}"
        if not isinstance(failure, NoHealthyInstance):
            return failure.detail
        words = self._words(failure.service, with_addresses=self.may_see_addresses(request))
        return f"{failure.detail}: {words or 'none is registered'}"

    def _words(self, service: str, *, with_addresses: bool) -> str:
        view, revision, now_s = self._view(), self._book.revision, self._clock()
        if view is not self._made_of[0] or revision != self._made_of[1]:
            self._made_of = (view, revision)
            made = self._made.items()
            self._made = {key: words for key, words in made if now_s < words.last_until_s}
        words = self._made.get((service, with_addresses))
        if words is None or now_s >= words.good_until_s:
            entries = without_doubles(view.services.get(service, {}).values())
            seen = explanation(_sight(entry, self._book) for entry in entries)
            text = seen.words(with_addresses=with_addresses)
            words = _Words(text, now_s, self._clock() - now_s)
            self._made[service, with_addresses] = words
        return words.text

    def may_see_addresses(self, request: web.Request) -> bool:
        return is_local(request) or self._guard.admits(request)


def sights_of(service: str, view: View, book: HealthBook) -> Iterator[Sight]:
    """All instances of a service that requests could be sent to, as this gateway sees them."""
    for entry in view.services.get(service, {}).values():
        yield _sight(entry, book)


def _sight(entry: Entry, book: HealthBook) -> Sight:
    changed_s = max((one.at_s for one in book.history(entry.key)), default=0.0)
    return Sight(entry, book.health(entry.key), changed_s, book.ejection(entry.key))
