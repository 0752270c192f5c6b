"""All services that have outliers or a breaker in the file; their state outlives reloads and changes of the view."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from discovery.health.book import HealthBook
from discovery.model.instance import Instance
from discovery.view.view import Entry, Event, View
from gateway.hop.watched_service import WatchedService
from middlewares.routing.policy import RoutePolicy
from middlewares.telemetry.watched_metrics import WatchedCollector

#: For a service that the file no longer watches.
NOTHING = RoutePolicy()
SWITCHED_OFF = "the file says nothing of outliers any more"


class WatchedServices:
    """Holds a WatchedService for each service whose policy is watched."""

    def __init__(self, health: HealthBook, view: Callable[[], View]) -> None:
        self._health = health
        self._view = view
        self._services: dict[str, WatchedService] = {}

    def get(self, service: str) -> WatchedService | None:
        return self._services.get(service)

    def __iter__(self) -> Iterator[WatchedService]:
        return iter(self._services.values())

    def take(self, policies: Mapping[str, RoutePolicy]) -> None:
        """Watch the services with these policies; one that is watched keeps what is known of it."""
        for name, policy in policies.items():
            known = self._services.get(name)
            if not policy.is_watched:
                continue
            if known is None:
                made = WatchedService(name, policy, self._health, self._entries_of)
                self._services[name] = made
                continue
            if policy.outliers is None and known.outliers is not None:
                self._readmit_all(known)
            known.take(policy)

    def drop_others(self, policies: Mapping[str, RoutePolicy]) -> None:
        """Forget the services that these policies do not watch; their instances are in again."""
        for name in [*self._services]:
            policy = policies.get(name)
            if policy is None or not policy.is_watched:
                dropped = self._services.pop(name)
                self._readmit_all(dropped)
                # A request under way still tells it how its next attempt ends, and nobody would readmit then.
                dropped.take(NOTHING)

    def view_changed(self, before: View, after: View, event: Event | None) -> None:
        """A listener of the overlay: forget who is gone, and try who has come back anew."""
        if event is not None:
            if (service := self._services.get(event.service)) is not None and (
                event.key in service.standings
            ):
                _look_at(service, event.key, before, after)
            return
        for service in self._services.values():
            for key in [*service.standings]:
                _look_at(service, key, before, after)

    def instance_moved(self, key: str, instance: Instance) -> None:
        """Keep what is known of an instance that has had this key."""
        was = self._services.get(key.partition("/")[0])
        standing = None if was is None else was.standings.pop(key, None)
        now = self._services.get(instance.name)
        if standing is None:
            return
        standing.waiting = standing.uploads = (
            0  # requests under way end under the key that they began with
        )
        if standing.is_out and not self._health.is_ejected(instance.key):
            return  # it is probed in another way, and the book of health begins anew with it
        if now is not None and now.outliers is not None:
            now.standings[instance.key] = standing
        elif standing.is_out:
            self._health.readmit(instance, SWITCHED_OFF)

    def describe(self) -> dict[str, dict[str, Any]]:
        """By service how many instances are out, and the state of the breaker; what is not watched is left out."""
        return {
            one.name: {
                **({"ejected": one.ejected} if one.outliers is not None else {}),
                **({"breaker": one.circuit.state} if one.breaker is not None else {}),
            }
            for one in self
        }

    def collector(self) -> WatchedCollector:
        """The metrics of all of them."""
        return WatchedCollector(
            ejected=lambda: {one.name: one.ejected for one in self if one.outliers is not None},
            ejections=lambda: {one.name: one.ejections for one in self if one.outliers is not None},
            breakers=lambda: {
                one.name: one.circuit.state for one in self if one.breaker is not None
            },
        )

    def _readmit_all(self, service: WatchedService) -> None:
        entries = self._entries_of(service.name)
        for key, standing in service.standings.items():
            if standing.is_out and key in entries:
                self._health.readmit(entries[key].instance, SWITCHED_OFF)
        service.standings.clear()

    def _entries_of(self, service: str) -> Mapping[str, Entry]:
        return self._view().services.get(service, {})


def _look_at(service: WatchedService, key: str, before: View, after: View) -> None:
    """See whether an instance is still the one that is known."""
    was = before.services.get(service.name, {}).get(key)
    now = after.services.get(service.name, {}).get(key)
    if was is now:
        return
    if now is None or (was is not None and was.instance.probed_as != now.instance.probed_as):
        del service.standings[key]  # as in the book of health, which has begun anew with it
    elif was is not None and was.registered_at_ms != now.registered_at_ms:
        # Another process may have come back in its place.
        standing = service.standings[key]
        standing.out_until_s = min(standing.out_until_s, time.monotonic())
