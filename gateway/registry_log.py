"""The registry's events as log lines, and this gateway's own verdicts."""

import structlog

from discovery.health import Health
from discovery.instance import Instance
from discovery.view import Event, View

_EVENTS = {
    "registered": "instance.registered",
    "draining": "instance.draining",
    "expired": "instance.expired",
    "removed": "instance.removed",
    "deregistered": "instance.deregistered",
}

_log = structlog.get_logger()


def log_event(_before: View, _after: View, event: Event | None) -> None:
    """A listener of the watcher; changes of health are logged by the gateway that saw them."""
    if event is not None and event.kind in _EVENTS:
        instance_id = event.key.partition("/")[2]
        _log.info(_EVENTS[event.kind], name=event.service, instance=instance_id)


def log_health(instance: Instance, before: Health, after: Health) -> None:
    """A change of health, with its evidence."""
    _log.info(
        "instance.health_changed",
        name=instance.name,
        instance=instance.id,
        **{"from": before.condition, "to": after.condition},
        evidence=after.evidence,
    )
