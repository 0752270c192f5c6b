"""Knows the versions of a service's instances, found out once for each state of them."""

from collections.abc import Callable

from discovery.view.view import Entries, View
from middlewares.versions.deciding.choosing import Registered, in_order

#: So many services are remembered.
_MOST_SERVICES = 10_000
_NONE: Entries = {}


class RegisteredVersions:
    """The versions of services by the view; `view` is None while nothing is known of them."""

    def __init__(self, view: Callable[[], View | None]) -> None:
        self._view = view
        self._found: dict[str, tuple[Entries, bool, Registered]] = {}

    def of(self, service: str) -> Registered:
        view = self._view()
        if view is None:
            return Registered(service, partial=True)
        entries = view.services.get(service, _NONE)
        known = self._found.get(service)
        if known is not None and known[0] is entries and known[1] is view.partial:
            return known[2]
        found = _registered(service, entries, partial=view.partial)
        if len(self._found) >= _MOST_SERVICES:
            self._found.clear()
        self._found[service] = (entries, view.partial, found)
        return found


def _registered(service: str, entries: Entries, *, partial: bool) -> Registered:
    staying: set[str] = set()
    versions: set[str] = set()
    mixed = False
    for entry in entries.values():
        version = entry.instance.version
        if version is None:
            mixed = True
            continue
        versions.add(version)
        if not entry.draining and entry.absent != "lapsed":
            staying.add(version)
    return Registered(service, in_order(versions), in_order(staying), bool(entries), partial, mixed)
