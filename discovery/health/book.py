"""The book of what this gateway saw of each instance."""

import asyncio
import time
from collections.abc import Callable, Iterable

from ..model.answers import REMEMBERED_S
from ..model.instance import Instance
from ..view.view import Status
from .machine import Condition, Health, Transition

#: Called at each change of condition: the instance, the health before and after.
OnChange = Callable[[Instance, Health, Health], None]
#: Called when something new is wrong with an instance that was unwell already.
OnUnwell = Callable[[Instance, Health], None]

#: How many changes are kept of each instance.
HISTORY = 10


class HealthBook:
    """This gateway's verdicts, by instance key; a change of the view does not touch them."""

    def __init__(
        self, on_change: OnChange, on_unwell: OnUnwell = lambda _instance, _health: None
    ) -> None:
        #: Counts the changes, so that whoever caches something of the book can tell that it is old.
        self.revision = 0
        self._health: dict[str, Health] = {}
        #: A tuple, since most have one change or two and a deque would reserve room for 64.
        self._history: dict[str, tuple[Transition, ...]] = {}
        self._on_change = on_change
        self._on_unwell = on_unwell
        self._waiting: dict[str, asyncio.Event] = {}
        #: Why the instances are out that real requests spoke against.
        self._ejected: dict[str, str] = {}
        #: When instances were removed for ill health (monotonic s); they come back on probation.
        self._removed: dict[str, float] = {}

    def status(self, key: str) -> Status:
        health = self._health.get(key)
        return health.status if health is not None else "starting"

    def health(self, key: str) -> Health:
        return self._health.get(key) or Health()

    def worth_telling(self) -> dict[str, Health]:
        """The health of each instance that this gateway has a verdict on, or that fails again."""
        return {k: h for k, h in self._health.items() if h.status != "starting" or h.told}

    def history(self, key: str) -> Iterable[Transition]:
        """The last changes, the oldest first."""
        return self._history.get(key, ())

    def is_suspected(self, key: str) -> bool:
        health = self._health.get(key)
        return health is not None and health.suspected

    def is_ejected(self, key: str) -> bool:
        return key in self._ejected

    def ejection(self, key: str) -> str:
        """Why an instance is out for what real requests say of it; empty: it is not."""
        return self._ejected.get(key, "")

    def eject(self, instance: Instance, evidence: str) -> None:
        """Record that real requests speak against an instance, whatever its probes say, or do so again."""
        before = self._condition(instance.key)
        self._ejected[instance.key] = evidence
        self._remember(instance.key, before, "ejected", evidence)

    def readmit(self, instance: Instance, evidence: str) -> None:
        """Record that an instance is no longer out; nothing is done if it is not."""
        if self._ejected.pop(instance.key, None) is not None:
            self._remember(instance.key, "ejected", self._condition(instance.key), evidence)
            self._wake(instance.name)

    def note(self, instance: Instance, after: Health) -> None:
        """Record the health after a piece of evidence, and wake those who wait for a change."""
        before = self.health(instance.key)
        self._health[instance.key] = after
        if after.status == "healthy":
            self._removed.pop(instance.key, None)
        if after.condition == before.condition:
            if after.is_unwell and after.latest != before.latest:
                self._on_unwell(instance, after)
            return
        self._change(instance, before, after)
        self._wake(instance.name)

    def begin(self, instance: Instance) -> None:
        """Start anew with an instance that is new, or is at another address than before."""
        before = self._health.get(instance.key)
        after = Health(probation=instance.key in self._removed)
        self._health[instance.key] = after
        self._ejected.pop(instance.key, None)
        self.revision += 1
        if before is not None and before.status != "starting":
            self._change(instance, before, after)

    def move(self, key: str, instance: Instance) -> None:
        """Keep the health of an instance that has had this key, under its new one."""
        if (health := self._health.pop(key, None)) is not None:
            self._health[instance.key] = health
        if (history := self._history.pop(key, None)) is not None:
            self._history[instance.key] = history
        if (evidence := self._ejected.pop(key, None)) is not None:
            self._ejected[instance.key] = evidence
        self.revision += 1
        self._wake(instance.name)

    def _change(self, instance: Instance, before: Health, after: Health) -> None:
        self._remember(instance.key, before.condition, after.condition, after.evidence)
        self._on_change(instance, before, after)

    def _condition(self, key: str) -> Condition:
        return "ejected" if key in self._ejected else self.health(key).condition

    def _remember(self, key: str, before: Condition, after: Condition, evidence: str) -> None:
        self.revision += 1
        changed = Transition(time.time(), before, after, evidence)
        self._history[key] = (*self._history.get(key, ())[1 - HISTORY :], changed)

    def removed_for_ill_health(self, key: str, now_s: float) -> None:
        """Remember the removal: one pass is not enough if the instance registers again."""
        self._removed.pop(key, None)  # so that the dictionary stays in order of time
        self._removed[key] = now_s
        while now_s - self._removed[oldest := next(iter(self._removed))] >= REMEMBERED_S:
            del self._removed[oldest]

    def forget(self, key: str) -> None:
        self.revision += 1
        self._health.pop(key, None)
        self._history.pop(key, None)
        self._ejected.pop(key, None)

    async def changed(self, service: str) -> None:
        """Wait until the health of any instance of the service changes."""
        await self._waiting.setdefault(service, asyncio.Event()).wait()

    def _wake(self, service: str) -> None:
        waiting = self._waiting.pop(service, None)
        if waiting is not None:
            waiting.set()
