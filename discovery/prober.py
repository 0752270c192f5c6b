"""The prober: a task for each instance that has to be asked, and the book of what this gateway saw.

An instance whose heartbeats are its probe has no task and no timer while they come and nothing else
speaks against it, so ten thousand of them cost nothing.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from .answers import REMEMBERED_S
from .health import (
    Doubt,
    Health,
    Heartbeats,
    ProbeTimes,
    Thresholds,
    Transition,
    Verdict,
    next_probe_in_s,
    step,
)
from .instance import Instance
from .logs import Log
from .tasks import end
from .view import Entry, Event, Status, View

#: Makes one probe; it never raises for what an instance does, and ends by its own time-out. The
#: second argument: the instance is suspected, so it has to answer a request at its own address.
#: None: the probe could not be made, for want of something of our own.
Probe = Callable[[Instance, bool], Awaitable[Verdict | None]]
#: Told of each change of condition: the instance, the health before and after.
OnChange = Callable[[Instance, Health, Health], None]
#: Told of each new thing that is wrong with an instance that was not well before either.
OnUnwell = Callable[[Instance, Health], None]

PROBES_AT_ONCE = 200
#: The last changes that are kept of each instance.
HISTORY = 10

_log = Log()


class HealthBook:
    """This gateway's own verdicts, by instance key; they survive any change of view."""

    def __init__(
        self, on_change: OnChange, on_unwell: OnUnwell = lambda _instance, _health: None
    ) -> None:
        #: Counts the changes: what was worked out from an older state has to be worked out anew.
        self.revision = 0
        self._health: dict[str, Health] = {}
        #: Of most there is one change or two: a deque would reserve room for 64.
        self._history: dict[str, tuple[Transition, ...]] = {}
        self._on_change = on_change
        self._on_unwell = on_unwell
        self._waiting: dict[str, asyncio.Event] = {}
        #: Instances removed for ill health, and when (monotonic s): they come back on probation.
        self._removed: dict[str, float] = {}

    def status(self, key: str) -> Status:
        health = self._health.get(key)
        return health.status if health is not None else "starting"

    def health(self, key: str) -> Health:
        return self._health.get(key) or Health()

    def worth_telling(self) -> dict[str, Health]:
        """That of every instance which this gateway has made up its mind about, or fails again."""
        return {k: h for k, h in self._health.items() if h.status != "starting" or h.told}

    def history(self, key: str) -> Iterable[Transition]:
        """The last changes, the oldest first."""
        return self._history.get(key, ())

    def is_suspected(self, key: str) -> bool:
        health = self._health.get(key)
        return health is not None and health.suspected

    def note(self, instance: Instance, after: Health) -> None:
        """Write down the health after a piece of evidence, and tell whoever waits for it."""
        before = self.health(instance.key)
        self._health[instance.key] = after
        if after.status == "healthy":
            self._removed.pop(instance.key, None)
        if after.condition == before.condition:
            if after.is_unwell and after.latest != before.latest:
                self._on_unwell(instance, after)
            return
        self._change(instance, before, after)
        waiting = self._waiting.pop(instance.name, None)
        if waiting is not None:
            waiting.set()

    def begin(self, instance: Instance) -> None:
        """An instance at another address than before is a new one, of which nothing is known."""
        before = self._health.get(instance.key)
        after = Health(probation=instance.key in self._removed)
        self._health[instance.key] = after
        self.revision += 1
        if before is not None and before.status != "starting":
            self._change(instance, before, after)

    def _change(self, instance: Instance, before: Health, after: Health) -> None:
        self.revision += 1
        changed = Transition(time.time(), before.condition, after.condition, after.evidence)
        history = self._history.get(instance.key, ())
        self._history[instance.key] = (*history[1 - HISTORY :], changed)
        self._on_change(instance, before, after)

    def removed_for_ill_health(self, key: str, now_s: float) -> None:
        """Should it register again, one pass is not enough."""
        self._removed.pop(key, None)  # so that the order is that of time
        self._removed[key] = now_s
        while now_s - self._removed[oldest := next(iter(self._removed))] >= REMEMBERED_S:
            del self._removed[oldest]

    def forget(self, key: str) -> None:
        self.revision += 1
        self._health.pop(key, None)
        self._history.pop(key, None)

    async def changed(self, service: str) -> None:
        """Wait for the next change of health of any of a service's instances."""
        await self._waiting.setdefault(service, asyncio.Event()).wait()


@dataclass(slots=True)
class _Watch:
    """What is to be probed, and the task that does it, if any has to."""

    instance: Instance
    task: asyncio.Task[None] | None = None
    registered_at_ms: int = -1
    #: When it was registered here, or anew: for a while then probes come quickly.
    began_s: float = 0.0
    #: Set where the next probe is not to wait.
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
        """A listener of the watcher: begin and end probing as instances come and go.

        An entry that is the same object in both views has been looked at.
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
            for key, entry in entries.items():
                if known.get(key) is not entry:
                    self._look_at(entry)

    async def close(self) -> None:
        await end(*(watch.task for watch in self._watches.values() if watch.task is not None))
        self._watches.clear()

    def doubt(self, instance: Instance, evidence: str) -> None:
        """Real requests speak against an instance: suspect it where it was healthy, and ask it now."""
        watch = self._watches.get(instance.key)
        if watch is None or watch.instance.address != instance.address:
            return
        health = self._book.health(instance.key)
        doubted = step(health, Doubt(evidence), self._thresholds)
        if doubted is not health:
            self._book.note(instance, doubted)
            watch.hurried.set()
            self._probe_by_task(watch)

    def _look_at(self, entry: Entry) -> None:
        """Begin with an instance that is new here; take in what the lease says where that counts."""
        instance = entry.instance
        watch = self._watches.get(instance.key)
        if watch is None or watch.instance.address != instance.address:
            if watch is not None:
                watch.end()
            self._book.begin(instance)
            watch = self._watches[instance.key] = _Watch(instance)
        watch.instance = instance  # how it is to be probed may have changed
        if watch.registered_at_ms != entry.registered_at_ms:
            watch.registered_at_ms = entry.registered_at_ms
            watch.began_s = time.monotonic()
            if self._book.health(instance.key).condition != "healthy":
                watch.hurried.set()  # it may be another process that has come back in its place
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
            health = self._book.health(instance.key)
            # A pass does not lift a suspicion that came up meanwhile: it may not have asked enough.
            if verdict is not None and not (verdict.passed and health.suspected and not suspected):
                health = step(health, verdict, self._thresholds)
                self._book.note(instance, health)
            if watch.by_heartbeat and health.condition == "healthy":
                watch.task = None
                return
            age_s = time.monotonic() - watch.began_s
            pause_s = next_probe_in_s(health, age_s, self._times, random.random())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await watch.hurried.wait()

    async def _verdict_on(self, instance: Instance, suspected: bool) -> Verdict | None:
        try:
            return await self._probe(instance, suspected)
        except Exception:  # noqa: BLE001 - our own mistake: it ends no probing, and counts against nobody
            _log.exception("probe.failed", name=instance.name, instance=instance.id)
            return None
