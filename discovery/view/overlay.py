"""The file's instances, laid over the view of the registry: what a gateway routes by."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ..base.steps import Steps, slices
from ..model.fixed import FixedService
from ..model.instance import Instance
from .persistent_map import PersistentMap, persistent
from .view import Entries, Entry, Event, View
from .watcher import Listener

#: Called before a change of the view: an instance that had this key has another from now on.
OnMove = Callable[[str, Instance], None]

Fixed = Mapping[str, Entries]
Endpoint = tuple[str, str, int]

#: For so long, requests that were on their way to a service find it under its new name.
RENAMED_FOR_S = 2.0


class Overlay:
    """Holds what the registry says (`registry_changed`) and what the file says (`replacing`).

    The registry's view, which is written to the registry and to a saved view, never has the file's
    instances in it. Where both have the same key, the file's instance counts.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        #: Everything that is registered or in the file: what is probed.
        self.view = View()
        #: What requests are routed by: the services of the file alone until `route_all`; None: nothing.
        self.routed: View | None = None
        self._clock = clock
        self._registry = View()
        self._fixed: dict[str, dict[str, Entry]] = {}
        self._routes_all = False
        self._listeners: list[Listener] = []
        self._on_moves: list[OnMove] = []
        #: By services that were renamed: when, and their instances under the new name.
        self._renamed: dict[str, tuple[float, Sequence[Entry]]] = {}

    def listen(self, listener: Listener, on_move: OnMove | None = None) -> None:
        """Have `listener` called, synchronously, after each change of `view`, as by the watcher."""
        self._listeners.append(listener)
        if on_move is not None:
            self._on_moves.append(on_move)

    def registry_changed(self, _before: View, after: View, event: Event | None) -> None:
        """A listener of the watcher."""
        self._registry = after
        if event is None or not self._fixed:
            self._swap(_laid_over(after, self._fixed), event)
        else:
            self._swap(self._with_services_of(after, (event.service,)), event)

    def replacing(self, services: Iterable[FixedService]) -> Steps[None]:
        """Take these in place of all that the file said before; what is the same in both is left alone.

        Services that are all new come first, in steps; everything else is changed in the last step. An
        instance that goes from one service to another takes its health and its connections along.
        """
        before = self._fixed
        after = yield from self._entries_of(services)
        changed: list[str] = []
        for names in slices(before.keys() | after.keys()):
            changed += (name for name in names if before.get(name) != after.get(name))
            yield
        new = yield from self._all_new(changed, after)
        for names in slices(new):
            self._fixed = {**self._fixed, **{name: after[name] for name in names}}
            self._swap(self._with_services_of(self._registry, names), None)
            yield
        changed = [name for name in changed if name not in new]
        if changed:
            self._fixed = after
            self._move(before, after, changed)
            self._swap(self._with_services_of(self._registry, changed), None)

    def with_fixed(self, services: Iterable[FixedService]) -> Steps[View]:
        """What would be routed by if the file said this."""
        fixed = yield from self._entries_of(services)
        return _laid_over(self._registry, fixed)

    def route_all(self) -> None:
        """Route by the registry's view too, from now on."""
        self._routes_all = True
        self.routed = self.view

    def is_fixed(self, key: str) -> bool:
        """Whether the file has an instance with this key."""
        return key in self._fixed.get(key.partition("/")[0], {})

    def renamed(self, service: str) -> Sequence[Entry]:
        """Where the instances of a service are whose name has just left the file."""
        at_s, entries = self._renamed.get(service, (float("-inf"), ()))
        return entries if self._clock() - at_s < RENAMED_FOR_S else ()

    def _all_new(
        self, changed: Iterable[str], after: Mapping[str, Entries]
    ) -> Steps[Mapping[str, None]]:
        """Those of the changed services that share nothing with what the file says now."""
        before: set[Endpoint] = set()
        for entries in slices(_all(self._fixed.values())):
            before.update(one.instance.endpoint for one in entries)
            yield
        new: dict[str, None] = {}
        for names in slices(name for name in changed if name not in self._fixed):
            for name in names:
                endpoints = {one.instance.endpoint for one in after[name].values()}
                if before.isdisjoint(endpoints):
                    new[name] = None
            yield
        return new

    def _entries_of(self, services: Iterable[FixedService]) -> Steps[dict[str, dict[str, Entry]]]:
        """The entries; an unchanged one is the same object, and a URL keeps the time that it has."""
        now_ms = round(time.time() * 1000)
        since_ms: dict[Endpoint, int] = {}
        for some in slices(_all(self._fixed.values())):
            since_ms.update({one.instance.endpoint: one.registered_at_ms for one in some})
            yield
        fixed: dict[str, dict[str, Entry]] = {}
        for instances in slices(one for service in services for one in service.instances):
            for instance in instances:
                name, key = instance.name, instance.key
                entry = self._fixed.get(name, {}).get(key)
                if entry is None or entry.instance != instance:
                    entry = Entry(instance, since_ms.get(instance.endpoint, now_ms))
                fixed.setdefault(name, {})[key] = entry
            yield
        return fixed

    def _move(self, before: Fixed, after: Fixed, changed: Collection[str]) -> None:
        """Tell of the instances of these services that have another key from now on."""
        was = {one.key: one for one in _all(before.get(name, {}) for name in changed)}
        now = {one.key: one for one in _all(after.get(name, {}) for name in changed)}
        left = {one.instance.endpoint: one for key, one in was.items() if key not in now}
        renamed: dict[str, list[Entry]] = {}
        for key, entry in now.items():
            old = left.pop(entry.instance.endpoint, None) if key not in was else None
            if old is None:
                continue
            for on_move in self._on_moves:
                on_move(old.key, entry.instance)
            if not self._both_of(self._registry, old.instance.name):
                renamed.setdefault(old.instance.name, []).append(entry)
        now_s = self._clock()
        self._renamed = {name: (now_s, entries) for name, entries in renamed.items()}

    def _with_services_of(self, registry: View, names: Iterable[str]) -> View:
        """The present view with changes of these services; the others have not changed."""
        services = persistent(self.view.services)
        for name in names:
            entries = self._both_of(registry, name)
            services = services.with_item(name, entries) if entries else services.without(name)
        return replace(registry, services=services)

    def _both_of(self, registry: View, service: str) -> Entries:
        """What the registry and the file have of a service."""
        return {**registry.services.get(service, {}), **self._fixed.get(service, {})}

    def _swap(self, after: View, event: Event | None) -> None:
        before, self.view = self.view, after
        if self._routes_all:
            self.routed = after
        elif event is None:
            self.routed = View(services=self._fixed, partial=True) if self._fixed else None
        for listener in self._listeners:
            listener(before, after, event)


def _laid_over(registry: View, fixed: Fixed) -> View:
    if not fixed:
        return registry
    both = {name: {**registry.services.get(name, {}), **fixed[name]} for name in fixed}
    return replace(registry, services=PersistentMap({**registry.services, **both}))


def _all(services: Iterable[Entries]) -> Iterable[Entry]:
    return (entry for entries in services for entry in entries.values())
