"""The prober: a task for each instance that must be probed.

An instance whose heartbeats are its probe has no task and no timer while they come and nothing else
speaks against it, so ten thousand of them cost nothing.

Workers of one gateway share the probes: the task of an instance that a sibling owns only waits, and
probes where the sibling has said nothing for too long.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ..base.logs import Log
from ..base.steps import Steps, slices
from ..base.tasks import end
from ..model.instance import Instance
from ..view.view import Entry, Event, View
from .book import HealthBook
from .early import EarlyWords
from .machine import (
    Doubt,
    Health,
    Heartbeats,
    ProbeTimes,
    Thresholds,
    Verdict,
    next_probe_in_s,
    overdue_after_s,
    step,
)
from .sharing import Sharing, Told, digest_of, verdict_of
from .watch import Watch

#: Makes one probe and ends by its own time-out; it never raises for what an instance does. The
#: second argument says that the instance is suspected, so its own address must answer a request.
#: None: the probe could not be made, because this process lacks something.
Probe = Callable[[Instance, bool], Awaitable[Verdict | None]]

PROBES_AT_ONCE = 200

_log = Log()


class Prober:
    """Probes everything in the view while it is open: registered instances and absent ones."""

    def __init__(
        self,
        *,
        probe: Probe,
        book: HealthBook,
        thresholds: Thresholds,
        times: ProbeTimes,
        sharing: Sharing | None = None,
    ) -> None:
        """`sharing` leads to the other workers of the gateway, where there are some."""
        self._probe = probe
        self._sharing = sharing
        self._early = EarlyWords()
        self._book = book
        self._thresholds = thresholds
        self._times = times
        self._watches: dict[str, Watch] = {}
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
        """Suspect an instance that was healthy, because real requests fail, and have it probed now."""
        watch = self._watches.get(instance.key)
        if watch is None or watch.instance.probed_as != instance.probed_as:
            return
        if self._doubt(watch, evidence) and self._sharing is not None:
            self._sharing.tell_doubt(instance.key, watch.probed_as, evidence)

    def doubt_heard(self, key: str, probed_as: str, evidence: str) -> None:
        """Suspect an instance because real requests of a sibling fail."""
        watch = self._watches.get(key)
        if watch is not None and watch.probed_as == probed_as:
            self._doubt(watch, evidence)

    def verdict_heard(self, told: Told) -> None:
        """Take in a sibling's verdict like that of an own probe."""
        watch = self._watches.get(told.key)
        if watch is None or watch.probed_as != told.probed_as:
            self._early.verdict(
                told.key,
                told.probed_as,
                told.registered_at_ms,
                verdict_of(told),
                time.monotonic(),
            )
            return
        health = self._judge(watch, verdict_of(told), told.suspected)
        if told.passed and health.suspected and self._sharing is not None:
            # The sibling has not heard of the doubt, so its probe has asked too little.
            self._sharing.tell_doubt(told.key, told.probed_as, health.evidence)
        self._task_as_needed(watch, health)

    def health_heard(self, key: str, probed_as: str, health: Health) -> None:
        """Begin with what a sibling makes of an instance, where nothing is known of it here."""
        watch = self._watches.get(key)
        if watch is None:
            self._early.health(key, probed_as, health, time.monotonic())
        elif watch.probed_as == probed_as and watch.judged_s is None:
            watch.judged_s, watch.jitter = time.monotonic(), random.random()
            self._book.note(watch.instance, health)
            self._task_as_needed(watch, health)

    def healths(self) -> list[tuple[str, str, Health]]:
        """What is known of the instances: the key, the digest of what was probed, and the health."""
        told = self._book.worth_telling()
        return [
            (key, watch.probed_as, told[key])
            for key, watch in self._watches.items()
            if key in told and watch.judged_s is not None
        ]

    def planning_anew(self) -> Steps[None]:
        """Plan the next probes of the instances that this worker must probe from now on."""
        if self._sharing is None:
            return
        for some in slices(list(self._watches.values())):
            for watch in some:
                if not watch.is_mine and self._sharing.is_mine(watch.instance.key):
                    watch.woken.set()
            yield

    def _look_at(self, entry: Entry) -> None:
        """Begin with an instance that is new here; take in its lease where that is its probe."""
        instance = entry.instance
        watch = self._watches.get(instance.key)
        if watch is None or watch.instance.probed_as != instance.probed_as:
            if watch is not None:
                watch.end()
            self._book.begin(instance)
            watch = self._watches[instance.key] = Watch(instance)
            if self._sharing is not None:
                self._hear_what_was_said(watch, entry.registered_at_ms)
        self._take(watch, instance)
        if watch.registered_at_ms != entry.registered_at_ms:
            watch.registered_at_ms = entry.registered_at_ms
            watch.began_s = time.monotonic()
            if self._book.health(instance.key).condition != "healthy":
                watch.hurry()  # another process may have come back in its place
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

    def _take(self, watch: Watch, instance: Instance) -> None:
        """Watch this instance, which has the same probe; its interval may be another."""
        if watch.instance.probe_interval_s != instance.probe_interval_s:
            watch.hurry()
        watch.instance = instance

    def _probe_by_task(self, watch: Watch) -> None:
        if watch.task is None:
            name = f"probe-{watch.instance.key}"
            watch.task = asyncio.create_task(self._watch(watch), name=name)

    def _task_as_needed(self, watch: Watch, health: Health) -> None:
        """After a sibling's words: one whose heartbeats are its probe needs a task while it is unwell."""
        if not watch.by_heartbeat:
            return
        if health.condition == "healthy":
            watch.end()
        elif health.status != "starting":  # this worker may have to probe it next
            self._probe_by_task(watch)

    def _end(self, key: str) -> None:
        watch = self._watches.pop(key, None)
        if watch is not None:
            watch.end()
        self._book.forget(key)

    async def _watch(self, watch: Watch) -> None:
        while True:
            watch.woken.clear()
            pause_s = self._due_in_s(watch)
            if pause_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await watch.woken.wait()
                continue
            health = await self._probe_now(watch)
            if watch.by_heartbeat and health.condition == "healthy":
                watch.task = None
                return

    def _due_in_s(self, watch: Watch) -> float:
        """Seconds until this worker has to probe: until the next probe, or until a sibling's is overdue."""
        key, now_s = watch.instance.key, time.monotonic()
        sharing = self._sharing
        turn = 0 if sharing is None else sharing.turn(key)
        watch.is_mine = turn == 0
        if watch.is_mine and (watch.is_hurried or watch.judged_s is None):
            return 0.0
        health, times = self._book.health(key), self._times_of(watch.instance)
        judged_s = watch.judged_s or watch.began_s
        age_s = judged_s - watch.began_s
        if watch.is_mine:
            return judged_s + next_probe_in_s(health, age_s, times, watch.jitter) - now_s
        is_judged = watch.judged_s is not None
        since_s = max(judged_s, watch.began_s, watch.hurried_s)
        return since_s + overdue_after_s(health, age_s, times, turn, is_judged=is_judged) - now_s

    async def _probe_now(self, watch: Watch) -> Health:
        """Probe, tell the siblings, and return the health after that."""
        instance, sharing = watch.instance, self._sharing
        if sharing is not None and not watch.is_mine:
            sharing.cover(instance.key)
        watch.is_hurried = False
        async with self._at_once:
            suspected = self._book.is_suspected(instance.key)
            verdict = await self._verdict_on(instance, suspected)
        instance = watch.instance  # its key may have changed meanwhile
        if verdict is not None and sharing is not None:
            sharing.tell(
                Told(
                    instance.key,
                    watch.probed_as,
                    verdict.passed,
                    verdict.evidence,
                    suspected,
                    time.monotonic(),
                    _registration(instance, watch.registered_at_ms),
                )
            )
        return self._judge(watch, verdict, suspected)

    def _judge(self, watch: Watch, verdict: Verdict | None, suspected: bool) -> Health:
        """Take in a verdict (None: the probe could not be made), and return the health after it."""
        instance = watch.instance
        watch.judged_s, watch.jitter = time.monotonic(), random.random()
        health = self._book.health(instance.key)
        # A pass does not lift a suspicion that arose during the probe, which may have asked too little.
        if verdict is not None and not (verdict.passed and health.suspected and not suspected):
            health = step(health, verdict, self._thresholds)
            self._book.note(instance, health)
        return health

    def _doubt(self, watch: Watch, evidence: str) -> bool:
        """Suspect it, unless it is suspected already or not healthy."""
        health = self._book.health(watch.instance.key)
        doubted = step(health, Doubt(evidence), self._thresholds)
        if doubted is health:
            return False
        self._book.note(watch.instance, doubted)
        watch.hurry()
        self._probe_by_task(watch)
        return True

    def _hear_what_was_said(self, watch: Watch, registered_at_ms: int) -> None:
        """Begin with what siblings have said of an instance before it was in this worker's view."""
        instance, now_s = watch.instance, time.monotonic()
        watch.probed_as = digest_of(instance)
        begun = self._book.health(instance.key)
        health = self._early.take(
            instance.key,
            watch.probed_as,
            _registration(instance, registered_at_ms),
            begun,
            self._thresholds,
            now_s,
        )
        if health is not None:
            watch.judged_s, watch.jitter = now_s, random.random()
            self._book.note(instance, health)

    def _times_of(self, instance: Instance) -> ProbeTimes:
        interval_s = instance.probe_interval_s
        return self._times if interval_s is None else replace(self._times, interval_s=interval_s)

    async def _verdict_on(self, instance: Instance, suspected: bool) -> Verdict | None:
        try:
            return await self._probe(instance, suspected)
        except Exception:  # noqa: BLE001 - a mistake of ours: probing goes on, no instance is blamed
            _log.exception("probe.failed", name=instance.name, instance=instance.id)
            return None


def _registration(instance: Instance, registered_at_ms: int) -> int:
    """Which registration it is, in the same words in all workers; an instance of the file has none."""
    return 0 if instance.source == "file" else registered_at_ms
