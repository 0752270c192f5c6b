"""What a gateway does for the registry: it keeps its own lease, sweeps, and reports health."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable

from ..base.logs import Log
from ..client.async_registry import AsyncServiceRegistry
from ..health.machine import Health
from ..model.answers import Swept
from ..model.errors import RegistryUnavailable
from ..model.instance import Instance
from ..store import scripts
from ..view.view import Entry, Event, Status, View

SWEEP_INTERVAL_S = 0.4
#: Of a gateway, and of each of its workers.
LEASE_S = 3.0
REPORT_RETRY_S = 0.5
IN_FLIGHT_POLL_S = 0.02
IN_FLIGHT_TOLD_S = 0.2
#: Keeps one call of the script short, however many instances there are.
VERDICTS_PER_REPORT = 200

_log = Log()


class Reporter:
    """Tells the registry what this gateway thinks of each instance; a newer verdict replaces an older."""

    def __init__(
        self,
        registry: AsyncServiceRegistry,
        gateway: str,
        health_of: Callable[[str], Health],
        on_new_lease: Callable[[], None],
    ) -> None:
        self._registry = registry
        self._health_of = health_of
        self._on_new_lease = on_new_lease
        self._gateway = gateway
        self._unsaid: dict[str, tuple[str, str]] = {}
        self._something = asyncio.Event()

    def health_changed(self, instance: Instance, _before: Status, after: Health) -> None:
        self.say(instance.key, after.status, after.told)

    def still_unwell(self, instance: Instance, health: Health) -> None:
        """Something else is wrong with it now: who registered it shall read of that."""
        self.say(instance.key, health.status, health.told)

    def view_changed(self, _before: View, after: View, event: Event | None) -> None:
        """A listener of the watcher: where the registry has lost what was said, say it again.

        A registration begins with `starting` there, though this gateway may know the instance; and
        what was reported while the registry did not have the instance was not kept. What has not been
        said yet of an instance that is gone is no word on the next one of its id.
        """
        if event is None:
            for entries in after.services.values():
                for key, entry in entries.items():
                    self._say_again(key, entry)
            return
        entry_now = after.services.get(event.service, {}).get(event.key)
        if entry_now is None:
            self._unsaid.pop(event.key, None)
        elif event.kind == "registered":
            self._say_again(event.key, entry_now)

    def _say_again(self, key: str, entry: Entry) -> None:
        health = self._health_of(key)
        is_starting = health.status == "starting"
        is_news = bool(health.told) if is_starting else health.status != entry.status
        if entry.absent is None and is_news:
            self.say(key, health.status, health.told)

    def say(self, key: str, status: Status, evidence: str) -> None:
        self._unsaid[key] = (status, evidence)
        self._something.set()

    async def run(self) -> None:
        """Report until cancelled; what could not be said is said later."""
        while True:
            await self._something.wait()
            batch = dict(list(self._unsaid.items())[:VERDICTS_PER_REPORT])
            verdicts = [(key, status, evidence) for key, (status, evidence) in batch.items()]
            try:
                command = scripts.report(self._gateway, LEASE_S, verdicts)
                reported = await self._registry.call(command)
            except RegistryUnavailable:
                await asyncio.sleep(REPORT_RETRY_S)
                continue
            if reported.new_lease:
                self._on_new_lease()
            for key, said in batch.items():
                if self._unsaid.get(key) == said:
                    del self._unsaid[key]
            if not self._unsaid:
                self._something.clear()


class Acknowledger:
    """Tells the registry when this worker is through with an instance that drains.

    That is when its view has it draining, so that nothing new goes there, and no request there is
    unsent or unanswered. Until then it tells now and then how many there are.
    """

    def __init__(
        self, registry: AsyncServiceRegistry, worker: str, in_flight: Callable[[str], int]
    ) -> None:
        self._registry = registry
        self._worker = worker
        self._in_flight = in_flight
        #: When each draining instance registered, ms: an acknowledgement is good for that time only.
        self._draining: dict[str, int] = {}
        self._said: dict[str, int] = {}
        self._said_at_s = 0.0
        self._something = asyncio.Event()

    def view_changed(self, _before: View, after: View, event: Event | None) -> None:
        """A listener of the watcher; after a snapshot all is said again: the registry may have lost it."""
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
        """The registry may have lost what was said: with the worker's lease it is swept away."""
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
                    await asyncio.sleep(REPORT_RETRY_S)
                    continue
                self._said |= {
                    key: in_flight
                    for key, registered_at_ms, in_flight in due
                    if self._draining.get(key) == registered_at_ms
                }
            if not self._unacknowledged():
                self._something.clear()
            else:  # nobody is told when the last request ends; a drain is rare, and may look
                await asyncio.sleep(IN_FLIGHT_POLL_S)

    def _unacknowledged(self) -> bool:
        return any(self._said.get(key) != 0 for key in self._draining)

    def _due(self, now_s: float) -> list[tuple[str, int, int]]:
        """What has to be said now: that nothing is left, and at times how much is."""
        tells_numbers = now_s - self._said_at_s >= IN_FLIGHT_TOLD_S
        due = []
        for key, registered_at_ms in self._draining.items():
            in_flight, said = self._in_flight(key), self._said.get(key)
            if said not in (0, in_flight) and (in_flight == 0 or said is None or tells_numbers):
                due.append((key, registered_at_ms, in_flight))
        if tells_numbers:
            self._said_at_s = now_s
        return due


class Sweeper:
    """Sweeps at short intervals; each sweep renews the leases of this gateway and this worker."""

    def __init__(
        self,
        registry: AsyncServiceRegistry,
        *,
        gateway: str,
        remove_after_s: float,
        on_new_lease: Callable[[], None],
        worker: str = "",
        url: Callable[[], str] = lambda: "",
    ) -> None:
        self.live_gateways = 1
        self.live_workers = 1
        #: The registry took the last sweep: it answers, and it can be written.
        self.writable = False
        self._worker = worker
        self._remove_after_s = remove_after_s
        self._registry = registry
        self._gateway = gateway
        self._url = url
        self._on_new_lease = on_new_lease

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_INTERVAL_S * random.uniform(0.8, 1.2))

    async def sweep(self) -> Swept | None:
        """Sweep once: the leases are held then, or the registry does not take them (None)."""
        command = scripts.sweep(
            self._gateway,
            LEASE_S,
            self._remove_after_s,
            worker=self._worker,
            worker_lease_s=LEASE_S,
            url=self._url(),
        )
        try:
            swept = await self._registry.call(command)
        except RegistryUnavailable as error:
            self._note_writable(False, str(error))
            return None
        self._note_writable(True)
        for key in swept.mended:
            _log.warning("registry.key_of_another_type", key=key, detail="it was taken away")
        self.live_workers = max(1, swept.live_workers)
        self.live_gateways = max(1, swept.live_gateways)
        if swept.new_lease:
            self._on_new_lease()
        return swept

    async def leave(self) -> None:
        """Give the worker's lease up: nobody has to wait for it. The registry may be away."""
        command = scripts.sweep("", 0, self._remove_after_s, worker=self._worker)
        with contextlib.suppress(RegistryUnavailable):
            await self._registry.call(command)

    def _note_writable(self, writable: bool, detail: str = "") -> None:
        if self.writable and not writable:
            _log.warning("registry.not_writable", detail=detail)
        self.writable = writable
