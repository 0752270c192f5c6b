"""Acknowledges drains: says when a worker is through with a draining instance."""

import asyncio
import time
from collections.abc import Callable

from ..client.async_registry import AsyncServiceRegistry
from ..model.errors import RegistryUnavailable
from ..store import scripts
from ..view.view import Event, View
from .leases import LEASE_S, RETRY_S

IN_FLIGHT_POLL_S = 0.02
IN_FLIGHT_TOLD_S = 0.2


class Acknowledger:
    """Tells the registry when this worker is through with a draining instance.

    That is when its view shows the drain, so that no new request goes there, and when every request
    there is answered. Until then it reports at intervals how many requests are left.
    """

    def __init__(
        self, registry: AsyncServiceRegistry, worker: str, in_flight: Callable[[str], int]
    ) -> None:
        self._registry = registry
        self._worker = worker
        self._in_flight = in_flight
        #: When each draining instance registered, ms: an acknowledgement holds for that registration.
        self._draining: dict[str, int] = {}
        self._said: dict[str, int] = {}
        self._said_at_s = 0.0
        self._something = asyncio.Event()

    def view_changed(self, _before: View, after: View, event: Event | None) -> None:
        """A listener of the watcher; a snapshot may mean lost data, so all is acknowledged again."""
        if event is None:
            self._draining = {e.key: e.registered_at_ms for e in after.entries() if e.draining}
            self._said.clear()
        else:
            entry = after.services.get(event.service, {}).get(event.key)
            self._draining.pop(event.key, None)
            self._said.pop(event.key, None)
            if entry is not None and entry.draining:
                self._draining[event.key] = entry.registered_at_ms
        if self._unacknowledged():
            self._something.set()

    def say_again(self) -> None:
        """Acknowledge all again: a sweep removes acknowledgements with the worker's lease."""
        self._said.clear()
        if self._draining:
            self._something.set()

    async def run(self) -> None:
        """Acknowledge until cancelled."""
        while True:
            await self._something.wait()
            due = self._due(time.monotonic())
            if due:
                try:
                    await self._registry.call(scripts.acknowledge(self._worker, LEASE_S, due))
                except RegistryUnavailable:
                    await asyncio.sleep(RETRY_S)
                    continue
                self._said |= {
                    key: in_flight
                    for key, registered_at_ms, in_flight in due
                    if self._draining.get(key) == registered_at_ms
                }
            if not self._unacknowledged():
                self._something.clear()
            else:  # nothing signals the end of the last request; a drain is rare, so polling will do
                await asyncio.sleep(IN_FLIGHT_POLL_S)

    def _unacknowledged(self) -> bool:
        return any(self._said.get(key) != 0 for key in self._draining)

    def _due(self, now_s: float) -> list[tuple[str, int, int]]:
        """What to report now: drains that are complete, and at intervals how many requests are left."""
        tells_numbers = now_s - self._said_at_s >= IN_FLIGHT_TOLD_S
        due = []
        for key, registered_at_ms in self._draining.items():
            in_flight, said = self._in_flight(key), self._said.get(key)
            if said not in (0, in_flight) and (in_flight == 0 or said is None or tells_numbers):
                due.append((key, registered_at_ms, in_flight))
        if tells_numbers:
            self._said_at_s = now_s
        return due
