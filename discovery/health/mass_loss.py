"""Mass loss: over half of a service's instances are lost within a window without a goodbye."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..base.logs import Log
from ..model.instance import Instance
from ..view.view import Entry, Event, Status, View

#: Losses this close together are one event.
WINDOW_S = 60.0

#: `left` is neither: not there yet, there anew, or gone on purpose.
Standing = Literal["there", "lost", "left"]

_log = Log()


@dataclass(frozen=True, slots=True)
class Loss:
    """Of the `total` instances that were healthy within the window, `lost` are lost now."""

    lost: int
    total: int

    @property
    def is_mass(self) -> bool:
        return self.lost * 2 > self.total


class ServiceLosses:
    """What one service has lost within the window; the caller's times never go back.

    A lost instance counts until it is back, another has come in its place or the window ends. An
    instance that leaves while it is well was drained or deregistered and does not count. So a rolling
    restart is no mass loss, even if it ends processes without a goodbye and brings new ids.
    """

    def __init__(self) -> None:
        self._there: set[str] = set()
        #: When each instance was lost, in order of time.
        self._lost: dict[str, float] = {}

    def note(self, key: str, standing: Standing, now_s: float) -> bool:
        """Take in how an instance stands; True when this makes a mass loss."""
        was_mass = self.loss(now_s).is_mass
        if standing == "there":
            if key not in self._there and self._lost:
                del self._lost[key if key in self._lost else next(iter(self._lost))]
            self._there.add(key)
        elif key in self._there:
            self._there.remove(key)
            if standing == "lost":
                self._lost[key] = now_s
        return self.loss(now_s).is_mass and not was_mass

    def loss(self, now_s: float) -> Loss:
        while self._lost:
            key, at_s = next(iter(self._lost.items()))
            if now_s - at_s < WINDOW_S:
                break
            del self._lost[key]
        return Loss(len(self._lost), len(self._lost) + len(self._there))

    @property
    def is_empty(self) -> bool:
        return not self._there and not self._lost


def standing(entry: Entry | None, status: Status) -> Standing:
    """How an entry of the view stands for a gateway that has given it this status.

    An instance that only the registry has lost is there as long as it passes its probes.
    """
    if entry is None or entry.draining:
        return "left"
    if entry.absent == "lapsed" or status == "unhealthy":
        return "lost"
    return "there" if status == "healthy" else "left"


class MassLosses:
    """Watches all services for mass losses; of the workers of a gateway, one reports each, once."""

    def __init__(
        self,
        status_of: Callable[[str], Status],
        speaks_for: Callable[[str], bool] = lambda _service: True,
    ) -> None:
        self._speaks_for = speaks_for
        #: Mass losses so far that this worker has reported, by service.
        self.counts: dict[str, int] = {}
        self._status_of = status_of
        self._services: dict[str, ServiceLosses] = {}

    def view_changed(self, before: View, after: View, event: Event | None) -> None:
        """A listener of the watcher; it looks only at the entries that have changed."""
        if event is not None:
            self._note(after, event.key)
            return
        for name in before.services.keys() | after.services.keys():
            was, now = before.services.get(name, {}), after.services.get(name, {})
            for key in was.keys() | now.keys() if was is not now else ():
                if was.get(key) is not now.get(key):
                    self._note(after, key)

    def health_changed(self, view: View, instance: Instance) -> None:
        self._note(view, instance.key)

    def present(self) -> dict[str, Loss]:
        """The mass losses within the window, by service."""
        now_s = time.monotonic()
        losses = {name: losses.loss(now_s) for name, losses in sorted(self._services.items())}
        return {name: loss for name, loss in losses.items() if loss.is_mass}

    def _note(self, view: View, key: str) -> None:
        now_s = time.monotonic()
        name = key.partition("/")[0]
        entry = view.services.get(name, {}).get(key)
        losses = self._services.setdefault(name, ServiceLosses())
        is_news = losses.note(key, standing(entry, self._status_of(key)), now_s)
        if is_news and self._speaks_for(name):
            self.counts[name] = self.counts.get(name, 0) + 1
            loss = losses.loss(now_s)
            _log.warning("service.mass_loss", name=name, lost=loss.lost, total=loss.total)
        if losses.is_empty:
            del self._services[name]
