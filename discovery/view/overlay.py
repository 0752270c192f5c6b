"""The file's instances, laid over the view of the registry: what a gateway routes by."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ..model.fixed import FixedService
from ..model.instance import Instance
from .persistent_map import PersistentMap, persistent
from .view import Entries, Entry, Event, View
from .watcher import Listener

#: Called before a change of the view: an instance that had this key has another from now on.
OnMove = Callable[[str, Instance], None]

#: For so long, requests that were on their way to a service find it under its new name.
RENAMED_FOR_S = 2.0


class Overlay:
    """Holds what the registry says (`registry_changed`) and what the file says (`replace`).

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
            self._swap(self._with_one_service_of(after, event.service), event)

    def replace(self, services: Iterable[FixedService]) -> None:
        """Take these in place of all that the file said before; what is the same in both is left alone.

        An instance that goes from one service to another takes its health and its connections along.
        """
        before, after = self._fixed, self._entries_of(services)
        if after == before:
            return
        self._fixed = after
        view = _laid_over(self._registry, after)
        self._move(before, after, view)
        self._swap(view, None)

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

    def _entries_of(self, services: Iterable[FixedService]) -> dict[str, dict[str, Entry]]:
        """The entries; an unchanged one is the same object, and a URL keeps the time that it has."""
        now_ms = round(time.time() * 1000)
        known = {entry.instance.endpoint: entry for entry in _all(self._fixed)}
        fixed: dict[str, dict[str, Entry]] = {}
        for service in services:
            for instance in service.instances:
                before = self._fixed.get(service.name, {}).get(instance.key)
                if before is None or before.instance != instance:
                    same = known.get(instance.endpoint)
                    before = Entry(instance, same.registered_at_ms if same else now_ms)
                fixed.setdefault(service.name, {})[instance.key] = before
        return fixed

    def _move(
        self, before: Mapping[str, Entries], after: Mapping[str, Entries], view: View
    ) -> None:
        """Tell of the instances that have another key from now on."""
        kept = {entry.key for entry in _all(after)}
        left = {one.instance.endpoint: one for one in _all(before) if one.key not in kept}
        had = {entry.key for entry in _all(before)}
        renamed: dict[str, list[Entry]] = {}
        for entry in _all(after) if left else ():
            old = left.pop(entry.instance.endpoint, None) if entry.key not in had else None
            if old is None:
                continue
            for on_move in self._on_moves:
                on_move(old.key, entry.instance)
            renamed.setdefault(old.instance.name, []).append(entry)
        now_s = self._clock()
        self._renamed = {
            name: (now_s, entries) for name, entries in renamed.items() if name not in view.services
        }

    def _with_one_service_of(self, registry: View, service: str) -> View:
        """The present view with the registry's change of one service; the others have not changed."""
        services = persistent(self.view.services)
        entries = {**registry.services.get(service, {}), **self._fixed.get(service, {})}
        changed = services.with_item(service, entries) if entries else services.without(service)
        return replace(registry, services=changed)

    def _swap(self, after: View, event: Event | None) -> None:
        before, self.view = self.view, after
        if self._routes_all:
            self.routed = after
        elif event is None:
            self.routed = View(services=self._fixed, partial=True) if self._fixed else None
        for listener in self._listeners:
            listener(before, after, event)


def _laid_over(registry: View, fixed: Mapping[str, Mapping[str, Entry]]) -> View:
    if not fixed:
        return registry
    services = dict(registry.services)
    for name, entries in fixed.items():
        services[name] = {**services.get(name, {}), **entries}
    return replace(registry, services=PersistentMap(services))


def _all(fixed: Mapping[str, Entries]) -> Iterable[Entry]:
    return (entry for entries in fixed.values() for entry in entries.values())
