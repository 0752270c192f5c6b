"""The file's instances over the registry's view: neither ever changes what the other one says."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import ITEMS_OF_A_STEP, at_once
from discovery.model.answers import Record, Snapshot
from discovery.model.fixed import FixedHealth, FixedService, fixed_service
from discovery.model.instance import Instance, parse_registration
from discovery.view.overlay import RENAMED_FOR_S, Overlay
from discovery.view.view import Entry, Event, View, apply, forget_absent, taking_over

NAMES = ("legacy", "orders", "price")
PORTS = (9001, 9002, 9003)


def registered(name: str, instance_id: str, port: int = 8000) -> Instance:
    return parse_registration(name, instance_id, {"host": "10.0.0.1", "port": port})


def fixed(name: str, *ports: int, interval_s: float | None = None) -> FixedService:
    urls = [f"http://10.0.0.5:{port}" for port in ports]
    return fixed_service(name, urls, FixedHealth(interval_s=interval_s))


def keys(view: View, source: str) -> dict[str, Entry]:
    return {entry.key: entry for entry in view.entries() if entry.source == source}


@dataclass
class Told:
    """An overlay, with what its listeners are told."""

    now_s: float = 1000.0
    views: list[tuple[View, View, Event | None]] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.overlay = Overlay(lambda: self.now_s)
        self.overlay.listen(
            lambda *told: self.views.append(told), lambda key, to: self.moves.append((key, to.key))
        )


def replace_in(told: Told, file: Iterable[FixedService]) -> None:
    at_once(told.overlay.replacing(file))


# What a registry and a file can do, in any order.

_NAMES = st.sampled_from(NAMES)
#: The last one is an id of the file's instances.
_IDS = st.sampled_from(["a", "b", "http-10.0.0.5-9001"])
_FILES = st.dictionaries(
    _NAMES,
    st.tuples(st.lists(st.sampled_from(PORTS), unique=True), st.sampled_from([None, 1.0])),
)
_STEPS = st.one_of(
    st.tuples(st.just("file"), _FILES),
    st.tuples(
        st.sampled_from(["registered", "draining", "health_changed", "expired", "deregistered"])
        | st.just("removed"),
        st.tuples(_NAMES, _IDS, st.integers(8000, 8001)),
    ),
    st.tuples(st.just("snapshot"), st.sets(st.tuples(_NAMES, _IDS))),
    st.tuples(st.just("forget"), st.sampled_from([1.0, 100.0, 1000.0])),
    st.tuples(st.just("route all"), st.none()),
)


@given(st.lists(_STEPS, max_size=30))
def test_each_says_what_it_would_say_alone(steps: list[tuple[str, Any]]) -> None:
    told, registry, routes_all = Told(), View(), False
    overlay, instances = told.overlay, dict[str, Instance]()
    for kind, what in steps:
        told.now_s += 1
        before = overlay.view
        told.views.clear()
        if kind == "file":
            file = [fixed(name, *ports, interval_s=s) for name, (ports, s) in what.items()]
            instances = {one.key: one for service in file for one in service.instances}
            replace_in(told, file)
        elif kind == "route all":
            routes_all = True
            overlay.route_all()
        else:
            was = registry
            registry, event = changed(registry, kind, what, told.now_s)
            if registry is not was:  # the watcher tells of nothing else
                overlay.registry_changed(was, registry, event)
                assert told.views == [(before, overlay.view, event)]

        view = overlay.view
        files, registers = keys(view, "file"), keys(view, "registry")
        assert {key: entry.instance for key, entry in files.items()} == instances
        alone = {entry.key: entry for entry in registry.entries() if entry.key not in instances}
        assert registers == alone
        assert all(registers[key] is entry for key, entry in alone.items())
        assert all(
            (entry.instance.name, entry.key) == (name, key)
            for name, entries in view.services.items()
            for key, entry in entries.items()
        )
        assert all(view.services.values())  # a service without instances is only known
        assert replace(view, services={}) == replace(registry, services={})
        # Each change begins with the view that the one before left; a file may take several.
        at = before
        for was, now, _ in told.views:
            assert was is at
            at = now
        assert at is view
        for key, entry in keys(before, "file").items():
            assert files.get(key) is entry or instances.get(key) != entry.instance
        assert all(overlay.is_fixed(key) == (key in instances) for key in (*alone, *instances))
        if routes_all:
            assert overlay.routed is view
        elif not instances:
            assert overlay.routed is None
        else:
            assert overlay.routed is not None
            assert overlay.routed.partial
            assert {entry.key for entry in overlay.routed.entries()} == instances.keys()


def changed(view: View, kind: str, what: Any, now_s: float) -> tuple[View, Event | None]:
    if kind == "forget":
        return forget_absent(view, now_s + what), None
    if kind == "snapshot":
        records = tuple(Record(registered(*one), 1, 2, False, "healthy") for one in what)
        revision = view.revision + 1
        snapshot = Snapshot(
            "e", revision, "1-1", 1000, 1, records, {}, frozenset(), frozenset(["price/a"])
        )
        return at_once(taking_over(view, snapshot, now_s)), None
    name, instance_id, port = what
    instance = registered(name, instance_id, port) if kind == "registered" else None
    event = Event(view.revision + 1, kind, f"{name}/{instance_id}", instance, 1, "healthy")
    return apply(view, event, now_s), event


def test_thousands_of_new_services_come_in_steps() -> None:
    """All at once they held the loop for a quarter of a second, with their probes."""
    told = Told()
    steps = told.overlay.replacing([fixed(f"s{number}", 9000) for number in range(1000)])
    seen = [len(told.overlay.view.services) for _ in steps]
    assert len(told.overlay.view.services) == 1000
    assert max(after - before for before, after in pairwise(seen)) <= ITEMS_OF_A_STEP


def test_without_fixed_services_the_view_is_the_registrys_own() -> None:
    told = Told()
    view = apply(View("e"), Event(1, "registered", "price/a", registered("price", "a"), 1), 0.0)
    told.overlay.registry_changed(View(), view, None)
    assert told.overlay.view is view


def test_the_same_file_again_changes_nothing() -> None:
    told = Told()
    replace_in(told, [fixed("legacy", 9001)])
    before = told.overlay.view
    replace_in(told, [fixed("legacy", 9001)])
    assert told.overlay.view is before
    assert len(told.views) == 1


def test_a_service_of_the_file_is_known_to_the_catalogue_and_unknown_once_it_is_gone() -> None:
    told = Told()
    replace_in(told, [fixed("legacy", 9001)])
    view = told.overlay.view
    assert view.is_known("legacy")
    assert view.is_in_force("legacy")
    assert view.is_registered("legacy")
    replace_in(told, [])
    assert not told.overlay.view.is_known("legacy")


def test_an_instance_that_changes_its_service_moves_and_keeps_the_time_that_it_has() -> None:
    told = Told()
    replace_in(told, [fixed("legacy", 9001, 9002)])
    since = {e.instance.port: e.registered_at_ms for e in told.overlay.view.entries()}
    replace_in(told, [fixed("orders", 9001), fixed("legacy", 9002)])
    assert told.moves == [("legacy/http-10.0.0.5-9001", "orders/http-10.0.0.5-9001")]
    assert {e.instance.port: e.registered_at_ms for e in told.overlay.view.entries()} == since
    replace_in(told, [fixed("legacy", 9001, 9002)])
    assert told.moves[1:] == [("orders/http-10.0.0.5-9001", "legacy/http-10.0.0.5-9001")]


def test_an_address_that_two_services_have_stays_where_it_is() -> None:
    told = Told()
    replace_in(told, [fixed("legacy", 9001)])
    replace_in(told, [fixed("legacy", 9001), fixed("orders", 9001)])
    replace_in(told, [fixed("orders", 9001)])
    assert told.moves == []


def test_requests_on_their_way_to_a_renamed_service_find_it_for_a_moment() -> None:
    told = Told()
    replace_in(told, [fixed("legacy", 9001)])
    replace_in(told, [fixed("orders", 9001)])
    (entry,) = told.overlay.renamed("legacy")
    assert entry.key == "orders/http-10.0.0.5-9001"
    assert told.overlay.renamed("orders") == ()
    told.now_s += RENAMED_FOR_S
    assert told.overlay.renamed("legacy") == ()


def test_a_service_that_is_still_there_was_not_renamed() -> None:
    """Its other instances, or none of them, take its requests."""
    told = Told()
    replace_in(told, [fixed("legacy", 9001, 9002)])
    replace_in(told, [fixed("orders", 9001), fixed("legacy", 9002)])
    assert told.overlay.renamed("legacy") == ()


def test_the_registrys_listeners_hear_of_the_events_of_its_services() -> None:
    told = Told()
    replace_in(told, [fixed("legacy", 9001)])
    event = Event(1, "registered", "legacy/a", registered("legacy", "a"), 1)
    view = apply(View("e"), event, 0.0)
    told.overlay.registry_changed(View(), view, event)
    before, after, heard = told.views[-1]
    assert heard is event
    assert set(before.services["legacy"]) == {"legacy/http-10.0.0.5-9001"}
    assert set(after.services["legacy"]) == {"legacy/http-10.0.0.5-9001", "legacy/a"}
    gone = Event(2, "deregistered", "legacy/a")
    told.overlay.registry_changed(view, apply(view, gone, 0.0), gone)
    assert set(told.overlay.view.services["legacy"]) == {"legacy/http-10.0.0.5-9001"}


def test_an_interval_that_changes_is_taken_over() -> None:
    told = Told()
    replace_in(told, [fixed("legacy", 9001)])
    replace_in(told, [fixed("legacy", 9001, interval_s=3.0)])
    (entry,) = told.overlay.view.entries()
    assert entry.instance.probe_interval_s == 3.0
    assert told.moves == []


def test_a_registered_instance_with_an_id_of_the_file_waits_behind_it() -> None:
    told = Told()
    replace_in(told, [fixed("legacy", 9001)])
    key = "legacy/http-10.0.0.5-9001"
    event = Event(1, "registered", key, registered("legacy", "http-10.0.0.5-9001"), 1)
    view = apply(View("e"), event, 0.0)
    told.overlay.registry_changed(View(), view, event)
    drained = replace(event, revision=2, kind="draining")
    told.overlay.registry_changed(view, apply(view, drained, 0.0), drained)
    (entry,) = told.overlay.view.entries()
    assert (entry.source, entry.draining) == ("file", False)
    replace_in(told, [])
    (entry,) = told.overlay.view.entries()
    assert entry.source == "registry"
