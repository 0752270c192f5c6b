"""The prober: a task for each instance that must be probed.

An instance whose heartbeats are its probe has no task and no timer while they come and nothing else
speaks against it, so ten thousand of them cost nothing.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from ..base.logs import Log
from ..base.tasks import end
from ..model.instance import Instance
from ..view.view import Entry, Event, View
from .book import HealthBook
from .machine import (
    Doubt,
    Heartbeats,
    ProbeTimes,
    Thresholds,
    Verdict,
    next_probe_in_s,
    step,
)

#: Makes one probe and ends by its own time-out; it never raises for what an instance does. The
#: second argument says that the instance is suspected, so its own address must answer a request.
#: None: the probe could not be made, because this process lacks something.
Probe = Callable[[Instance, bool], Awaitable[Verdict | None]]

PROBES_AT_ONCE = 200

_log = Log()


@dataclass(slots=True)
class _Watch:
    """An instance that is watched, and the task that probes it, if it needs one."""

    instance: Instance
    task: asyncio.Task[None] | None = None
    registered_at_ms: int = -1
    #: When it was registered here, or anew: for a while after that, probes come quickly.
    began_s: float = 0.0
    #: Set when the next probe must not wait.
    hurried: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def by_heartbeat(self) -> bool:
        return self.instance.health_check.kind == "heartbeat"

    def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            self.task = None


class Prober:
    """Probes everything in the view while it is open: registered instances and absent ones."""

    def __init__(
        self, *, probe: Probe, book: HealthBook, thresholds: Thresholds, times: ProbeTimes
    ) -> None:
        self._probe = probe
        self._book = book
        self._thresholds = thresholds
        self._times = times
        self._watches: dict[str, _Watch] = {}
        self._at_once = asyncio.Semaphore(PROBES_AT_ONCE)

    def view_changed(self, before: View, after: View, event: Event | None) -> None:
        """A listener of the watcher: begins and ends probing as instances come and go.

        An entry that is the same object in both views is skipped.
        """
        if event is not None:
            entry = after.services.get(event.service, {}).get(event.key)
            if event.kind == "removed":
                self._book.removed_for_ill_health(event.key, time.monotonic())
            if entry is None:
                self._end(event.key)
            else:
                self._look_at(entry)
            return
        for key in after.probation if after.probation is not before.probation else ():
            self._book.removed_for_ill_health(key, time.monotonic())
        present: dict[str, Entry] = {}
        for entries in after.services.values():
            present.update(entries)
        for key in self._watches.keys() - present.keys():
            self._end(key)
        for service, entries in after.services.items():
            known = before.services.get(service, {})
            if known is entries:
                continue
            for key, entry in entries.items():
                if known.get(key) is not entry:
                    self._look_at(entry)

    def instance_moved(self, key: str, instance: Instance) -> None:
        """Go on with an instance that has had another key, if its probe is the same."""
        watch = self._watches.get(key)
        if watch is not None and watch.instance.probed_as == instance.probed_as:
            del self._watches[key]
            self._book.move(key, instance)
            self._watches[instance.key] = watch
            self._take(watch, instance)

    async def close(self) -> None:
        await end(*(watch.task for watch in self._watches.values() if watch.task is not None))
        self._watches.clear()

    def doubt(self, instance: Instance, evidence: str) -> None:
        """Suspect an instance that was healthy, because real requests fail, and probe it now."""
        watch = self._watches.get(instance.key)
        if watch is None or watch.instance.probed_as != instance.probed_as:
            return
        health = self._book.health(instance.key)
        doubted = step(health, Doubt(evidence), self._thresholds)
        if doubted is not health:
            self._book.note(instance, doubted)
            watch.hurried.set()
            self._probe_by_task(watch)

    def _look_at(self, entry: Entry) -> None:
        """Begin with an instance that is new here; take in its lease where that is its probe."""
        instance = entry.instance
        watch = self._watches.get(instance.key)
        if watch is None or watch.instance.probed_as != instance.probed_as:
            if watch is not None:
                watch.end()
            self._book.begin(instance)
            watch = self._watches[instance.key] = _Watch(instance)
        self._take(watch, instance)
        if watch.registered_at_ms != entry.registered_at_ms:
            watch.registered_at_ms = entry.registered_at_ms
            watch.began_s = time.monotonic()
            if self._book.health(instance.key).condition != "healthy":
                watch.hurried.set()  # another process may have come back in its place
        if not watch.by_heartbeat:
            self._probe_by_task(watch)
            return
        come = entry.absent != "lapsed"
        before = self._book.health(instance.key)
        after = step(before, Heartbeats(come), self._thresholds)
        if after is not before:
            self._book.note(instance, after)
        if not come:
            watch.end()
        elif after.condition != "healthy":
            self._probe_by_task(watch)

    def _take(self, watch: _Watch, instance: Instance) -> None:
        """Watch this instance, which has the same probe; its interval may be another."""
        if watch.instance.probe_interval_s != instance.probe_interval_s:
            watch.hurried.set()
        watch.instance = instance

    def _probe_by_task(self, watch: _Watch) -> None:
        if watch.task is None:
            name = f"probe-{watch.instance.key}"
            watch.task = asyncio.create_task(self._watch(watch), name=name)

    def _end(self, key: str) -> None:
        watch = self._watches.pop(key, None)
        if watch is not None:
            watch.end()
        self._book.forget(key)

    async def _watch(self, watch: _Watch) -> None:
        while True:
            instance = watch.instance
            watch.hurried.clear()
            async with self._at_once:
                suspected = self._book.is_suspected(instance.key)
                verdict = await self._verdict_on(instance, suspected)
            instance = watch.instance  # its key may have changed meanwhile
            health = self._book.health(instance.key)
            # A pass does not lift a suspicion that arose during the probe, which may have asked too little.
            if verdict is not None and not (verdict.passed and health.suspected and not suspected):
                health = step(health, verdict, self._thresholds)
                self._book.note(instance, health)
            if watch.by_heartbeat and health.condition == "healthy":
                watch.task = None
                return
            age_s = time.monotonic() - watch.began_s
            pause_s = next_probe_in_s(health, age_s, self._times_of(instance), random.random())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await watch.hurried.wait()

    def _times_of(self, instance: Instance) -> ProbeTimes:
        interval_s = instance.probe_interval_s
        return self._times if interval_s is None else replace(self._times, interval_s=interval_s)

    async def _verdict_on(self, instance: Instance, suspected: bool) -> Verdict | None:
        try:
            return await self._probe(instance, suspected)
        except Exception:  # noqa: BLE001 - a mistake of ours: probing goes on, no instance is blamed
            _log.exception("probe.failed", name=instance.name, instance=instance.id)
            return None
