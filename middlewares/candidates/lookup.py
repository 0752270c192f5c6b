"""Remembers the candidates of services and ranges of versions, for each state of view and health."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from discovery.health.book import HealthBook
from discovery.view.view import Entry, View
from middlewares.candidates.deciding import Selection, find_candidates
from middlewares.failures import NoView

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from middlewares.version_ranges import VersionRange

    Ranges = tuple[VersionRange, ...]

#: The most services whose candidates are remembered.
MOST_REMEMBERED = 10_000
#: The most of services with ranges of versions: clients may name any number, and each has candidates of its own.
MOST_RANGES = 500


class Lookup:
    """Finds candidates once for each state of view and health."""

    def __init__(self, view: Callable[[], View | None], health: HealthBook) -> None:
        self._view = view
        self._health = health
        self._found_in: View | None = None
        self._found_at = -1
        self._found: dict[str, Selection] = {}
        self._found_with: dict[tuple[str, Ranges], Selection] = {}

    def look(self, service: str, ranges: "Ranges" = ()) -> Selection:
        """The instances of a service whose version all ranges hold. Raises NoView."""
        now, revision = self._view(), self._health.revision
        if now is not self._found_in or revision != self._found_at:
            self._found_in, self._found_at = now, revision
            self._found.clear()
            self._found_with.clear()
        if ranges:
            key = (service, ranges)
            found = self._found_with.get(key)
            if found is None:
                if len(self._found_with) >= MOST_RANGES:
                    self._found_with.clear()
                found = self._found_with[key] = self._find(now, service, ranges)
            return found
        found = self._found.get(service)
        if found is None:
            if len(self._found) >= MOST_REMEMBERED:
                self._found.clear()
            found = self._found[service] = self._find(now, service, ranges)
        return found

    def _find(self, view: View | None, service: str, ranges: "Ranges") -> Selection:
        if view is None:
            raise NoView
        return self.among(view.services.get(service, {}).values(), ranges)

    def among(self, entries: Iterable[Entry], ranges: "Ranges") -> Selection:
        """Those of other instances than the view's."""
        health = self._health
        return find_candidates(
            entries, health.status, health.is_suspected, health.is_ejected, ranges
        )
