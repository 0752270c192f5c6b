"""Logs the registry's events and this gateway's own verdicts."""

from collections.abc import Callable

from ..base.logs import Log
from ..health.machine import Health
from ..model.instance import Instance
from ..view.view import Event, View

_SAID = {
    "registered": "instance.registered",
    "draining": "instance.draining",
    "deregistered": "instance.deregistered",
}
_GONE = {"expired": "instance.expired", "removed": "instance.removed"}

_log = Log()


class EventLog:
    """A listener of the watcher; of the workers of a gateway, one logs what becomes of an instance.

    It must come before the listeners that forget the health of a removed instance.
    """

    def __init__(
        self,
        health_of: Callable[[str], Health],
        speaks_for: Callable[[str], bool] = lambda _key: True,
    ) -> None:
        self._health_of = health_of
        self._speaks_for = speaks_for

    def view_changed(self, before: View, _after: View, event: Event | None) -> None:
        if event is None or not self._speaks_for(event.key):
            return
        who = {"name": event.service, "instance": event.key.partition("/")[2]}
        if event.kind in _GONE:
            _log.warning(_GONE[event.kind], **who, evidence=self._evidence(before, event))
        elif event.kind in _SAID:
            _log.info(_SAID[event.kind], **who)

    def _evidence(self, before: View, event: Event) -> str:
        """What this gateway knows about why the instance went."""
        entry = before.services.get(event.service, {}).get(event.key)
        if event.kind == "expired":
            return f"no heartbeat for {entry.instance.ttl_s:g} s" if entry else "no heartbeat"
        health = self._health_of(event.key)
        return health.told if health.status == "unhealthy" else "other gateways' probes fail"


def log_health(instance: Instance, before: Health, after: Health) -> None:
    """Log a change of health with its evidence."""
    log = _log.warning if after.condition == "unhealthy" else _log.info
    log(
        "instance.health_changed",
        name=instance.name,
        instance=instance.id,
        **{"from": before.condition, "to": after.condition},
        evidence=after.evidence,
    )
