"""Why no instance of a service can be used: for the 503 that says so, made when it is answered."""

import time
from collections.abc import Callable, Iterator

from aiohttp import web

from discovery.prober import HealthBook
from discovery.view import View
from gateway.admin import AdminGuard
from gateway.explaining import Sight, explain
from gateway.locality import is_local
from middlewares.failures import Failure, NoHealthyInstance

#: Whoever asks on and on is told the same for so long, as long as view and verdicts are the same.
FRESH_FOR_S = 0.2


class Unavailability:
    """Words for a NoHealthyInstance; addresses are for those with the token, or on this machine."""

    def __init__(self, view: Callable[[], View], book: HealthBook, guard: AdminGuard) -> None:
        self._view = view
        self._book = book
        self._guard = guard
        #: What the words were made of, and when and which they are: by service, with addresses or not.
        self._made_of: tuple[View | None, int] = (None, -1)
        self._made: dict[tuple[str, bool], tuple[float, str]] = {}

    def detail_of(self, request: web.Request, failure: Failure) -> str:
        """What the answer to a request says of a failure of any kind."""
        if not isinstance(failure, NoHealthyInstance):
            return failure.detail
        key = (failure.service, self.may_see_addresses(request))
        view, revision = self._view(), self._book.revision
        if view is not self._made_of[0] or revision != self._made_of[1]:
            self._made_of = (view, revision)
            self._made.clear()
        now_s = time.monotonic()
        made_s, words = self._made.get(key, (-FRESH_FOR_S, ""))
        if now_s - made_s >= FRESH_FOR_S:
            sights = sights_of(failure.service, view, self._book)
            words = explain(sights, with_addresses=key[1])
            self._made[key] = (now_s, words)
        return f"{failure.detail}: {words or 'none is registered'}"

    def may_see_addresses(self, request: web.Request) -> bool:
        return is_local(request) or self._guard.admits(request)


def sights_of(service: str, view: View, book: HealthBook) -> Iterator[Sight]:
    """All instances of a service that requests could be sent to, as this gateway sees them."""
    for key, entry in view.services.get(service, {}).items():
        changed_s = max((one.at_s for one in book.history(key)), default=0.0)
        yield Sight(entry, book.health(key), changed_s)
