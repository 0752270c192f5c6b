"""The gateway's view of the registry: immutable, made from a snapshot, changed by events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ..base.steps import Steps, slices
from ..model.answers import REMEMBERED_S, Snapshot
from ..model.instance import Instance, Source
from .persistent_map import persistent

Status = Literal["starting", "healthy", "unhealthy"]
#: `lapsed`: its lease ended. `lost`: the registry's data were lost, or a newer snapshot lacks the
#: instance though nobody removed it.
Absence = Literal["lapsed", "lost"]

#: How long an absent instance is kept, for the uses that the contract's states allow.
ABSENT_KEPT_S = 60.0


@dataclass(frozen=True, slots=True)
class Entry:
    """An instance in the view; `status` is the registry's, `absent` is None while registered."""

    instance: Instance
    registered_at_ms: int
    draining: bool = False
    status: Status = "starting"
    absent: Absence | None = None
    absent_since_s: float = 0.0

    @property
    def key(self) -> str:
        return self.instance.key

    @property
    def source(self) -> Source:
        return self.instance.source


Entries = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class View:
    """Entries by service and instance key, and services that are known but have no entry left.

    `known` maps a service to when its last instance went. Times are seconds of the gateway's
    monotonic clock. `revision` is that of the last event taken in, within `epoch`. `probation` comes
    from the last snapshot: keys of instances removed for ill health; later ones come as events.
    `partial`: the registry has not been heard of yet, so only the file's services are in it.
    """

    epoch: str = ""
    revision: int = 0
    services: Mapping[str, Entries] = field(default_factory=dict)
    known: Mapping[str, float] = field(default_factory=dict)
    probation: frozenset[str] = frozenset()
    partial: bool = False

    def entries(self) -> Iterator[Entry]:
        for entries in self.services.values():
            yield from entries.values()

    def registered(self, service: str) -> list[Entry]:
        """The registered entries; absent ones are left out."""
        return [e for e in self.services.get(service, {}).values() if e.absent is None]

    def is_registered(self, service: str) -> bool:
        return any(e.absent is None for e in self.services.get(service, {}).values())

    def is_in_force(self, service: str) -> bool:
        return any(e.absent != "lapsed" for e in self.services.get(service, {}).values())

    def is_known(self, service: str) -> bool:
        return service in self.services or service in self.known


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the registry's stream."""

    revision: int
    kind: str
    key: str
    instance: Instance | None = None
    registered_at_ms: int = 0
    status: Status = "starting"
    from_status: str = ""
    evidence: str = ""

    @property
    def service(self) -> str:
        return self.key.partition("/")[0]


def apply(view: View, event: Event, now_s: float) -> View:
    """The view after one event; the caller makes sure that it is the next one."""
    view = replace(view, revision=event.revision)
    entry = view.services.get(event.service, {}).get(event.key)
    if event.kind == "registered":
        if event.instance is None:  # not valid: the old record is no longer there either
            return view if entry is None else _without(view, event.key, now_s)
        # The registry kept the status of an instance that was registered; any other begins anew.
        status = entry.status if entry is not None and entry.absent is None else "starting"
        return _with(view, Entry(event.instance, event.registered_at_ms, status=status))
    if entry is None:
        return view
    if event.kind == "draining":
        return _with(view, replace(entry, draining=True))
    if event.kind == "health_changed":
        return _with(view, replace(entry, status=event.status))
    if event.kind == "expired" and not entry.draining:
        return _with(view, replace(entry, status="starting", absent="lapsed", absent_since_s=now_s))
    if event.kind in ("expired", "deregistered", "removed"):
        return _without(view, event.key, now_s)
    return view  # a kind of event that only a newer release knows


def taking_over(view: View, snapshot: Snapshot, now_s: float, away_s: float = 0.0) -> Steps[View]:
    """The view after a snapshot: as the registry has it; missing instances are kept as absent.

    Instances that were removed on purpose or were draining are dropped. Any other missing instance has
    lapsed, if the snapshot says so, or was lost with the registry's data; its probes decide about it.
    The registry was away for `away_s`, and that time does not count for lost instances. An unchanged
    entry stays the same object, so a listener looks only at the others.
    """
    services: dict[str, dict[str, Entry]] = {}
    for records in slices(snapshot.records):
        for record in records:
            entry = Entry(
                record.instance, record.registered_at_ms, record.draining, _status(record.status)
            )
            name, key = record.instance.name, entry.key
            before = view.services.get(name, {}).get(key)
            services.setdefault(name, {})[key] = (
                before if before is not None and before == entry else entry
            )
        yield
    for entries in slices(view.entries()):
        for entry in entries:
            missing = entry.key not in services.get(entry.instance.name, {})
            if missing and entry.key not in snapshot.removed and not entry.draining:
                if entry.absent is None:
                    absent: Absence = "lapsed" if entry.key in snapshot.lapsed else "lost"
                    entry = replace(entry, status="starting", absent=absent, absent_since_s=now_s)
                elif entry.absent == "lost" and away_s:
                    entry = replace(entry, absent_since_s=entry.absent_since_s + away_s)
                services.setdefault(entry.instance.name, {})[entry.key] = entry
        yield
    known = dict(view.known)
    for name, went_at_ms in snapshot.known.items():
        known[name] = now_s - (snapshot.now_ms - went_at_ms) / 1000
    for name in view.services.keys() - services.keys() - snapshot.known.keys():
        known[name] = now_s
    return View(
        snapshot.epoch,
        snapshot.revision,
        persistent(services),
        persistent(known),
        snapshot.probation,
    )


def forget_absent(view: View, now_s: float, away_s: float = 0.0) -> View:
    """Drop what has been absent, or services without instances, for too long.

    Returns the same object if nothing is dropped. `away_s` does not count: while the registry is away,
    a lost instance can't come back.
    """
    stale = [
        entry.key
        for entry in view.entries()
        if entry.absent is not None
        and now_s - entry.absent_since_s - (away_s if entry.absent == "lost" else 0.0)
        >= ABSENT_KEPT_S
    ]
    for key in stale:
        view = _without(view, key, now_s)
    if any(now_s - went_s >= REMEMBERED_S for went_s in view.known.values()):
        kept = {name: went for name, went in view.known.items() if now_s - went < REMEMBERED_S}
        view = replace(view, known=kept)
    return view


def _with(view: View, entry: Entry) -> View:
    name = entry.instance.name
    entries = {**view.services.get(name, {}), entry.key: entry}
    return replace(view, services=persistent(view.services).with_item(name, entries))


def _without(view: View, key: str, now_s: float) -> View:
    name = key.partition("/")[0]
    entries = {k: entry for k, entry in view.services.get(name, {}).items() if k != key}
    services, known = persistent(view.services), persistent(view.known)
    services = services.with_item(name, entries) if entries else services.without(name)
    return replace(view, services=services, known=known.with_item(name, now_s))


def _status(text: str) -> Status:
    return text if text in ("healthy", "unhealthy") else "starting"  # type: ignore[return-value]
