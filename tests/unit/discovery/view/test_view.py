"""How events, snapshots and the passing of time change the view."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import at_once
from discovery.model.answers import REMEMBERED_S, Record, Snapshot
from discovery.model.instance import Instance, parse_registration
from discovery.view.view import (
    ABSENT_KEPT_S,
    Absence,
    Entry,
    Event,
    View,
    apply,
    forget_absent,
    taking_over,
)

NOW_S = 1000.0
SERVER_MS = 1_700_000_000_000


def take_over(view: View, snapshot: Snapshot, now_s: float, away_s: float = 0.0) -> View:
    return at_once(taking_over(view, snapshot, now_s, away_s))


def instance(key: str = "price/a", port: int = 8000) -> Instance:
    name, _, instance_id = key.partition("/")
    return parse_registration(name, instance_id, {"host": "localhost", "port": port})


def registered(key: str = "price/a", port: int = 8000, revision: int = 1) -> Event:
    return Event(revision, "registered", key, instance(key, port), SERVER_MS)


def event(kind: str, key: str = "price/a", revision: int = 2) -> Event:
    return Event(revision, kind, key, status="healthy", from_status="starting")


def view_of(*events: Event, now_s: float = NOW_S) -> View:
    """The view after these events, with revisions in their order."""
    view = View("e1")
    for one in events:
        view = apply(view, one, now_s)
    return view


def entry(view: View, key: str = "price/a") -> Entry | None:
    return view.services.get(key.partition("/")[0], {}).get(key)


def snapshot(
    *keys: str,
    epoch: str = "e1",
    revision: int = 7,
    known: dict[str, int] | None = None,
    removed: tuple[str, ...] = (),
    draining: bool = False,
    status: str = "healthy",
) -> Snapshot:
    records = tuple(
        Record(instance(key), SERVER_MS, SERVER_MS + 15_000, draining, status) for key in keys
    )
    return Snapshot(epoch, revision, "1-1", SERVER_MS, 1, records, known or {}, frozenset(removed))


# Events


def test_a_registration_comes_in_as_starting() -> None:
    view = view_of(registered())
    assert entry(view) == Entry(instance(), SERVER_MS)
    assert view.revision == 1
    assert view.registered("price") == [Entry(instance(), SERVER_MS)]
    assert view.is_registered("price")
    assert view.is_known("price")
    assert not view.is_registered("prices")


def test_a_change_of_health_is_taken_over_from_the_registry() -> None:
    now = entry(view_of(registered(), event("health_changed")))
    assert now is not None
    assert now.status == "healthy"


def test_registering_again_ends_a_drain_and_keeps_what_is_known_of_its_health() -> None:
    view = view_of(registered(), event("health_changed"), event("draining"), registered(port=9000))
    now = entry(view)
    assert now is not None
    assert (now.draining, now.status, now.instance.port) == (False, "healthy", 9000)


def test_a_draining_instance_is_still_listed() -> None:
    (drained,) = view_of(registered(), event("draining")).registered("price")
    assert drained.draining


def test_a_probe_that_passes_does_not_undo_a_drain() -> None:
    """alibaba/nacos#8653: the next heartbeat or passed check put the instance back into rotation."""
    now = entry(view_of(registered(), event("draining"), event("health_changed")))
    assert now is not None
    assert now.draining


@pytest.mark.parametrize("kind", ["deregistered", "removed"])
def test_what_was_taken_out_on_purpose_vanishes_at_once(kind: str) -> None:
    """envoyproxy/envoy#11527: removed hosts got traffic for as long as they passed their checks."""
    view = view_of(registered(), event("health_changed"), event(kind))
    assert entry(view) is None
    assert not view.is_registered("price")
    assert view.is_known("price")


def test_a_lapsed_instance_stays_for_its_probes_and_is_listed_no_more() -> None:
    view = view_of(registered(), event("health_changed"), event("expired"))
    now = entry(view)
    assert now is not None
    assert (now.absent, now.absent_since_s, now.status) == ("lapsed", NOW_S, "starting")
    assert view.registered("price") == []
    assert not view.is_registered("price")
    assert view.is_known("price")


def test_a_draining_instance_that_lapses_vanishes_at_once() -> None:
    assert entry(view_of(registered(), event("draining"), event("expired"))) is None


@pytest.mark.parametrize("kind", ["deregistered", "removed"])
def test_what_had_lapsed_can_still_be_taken_out(kind: str) -> None:
    assert entry(view_of(registered(), event("expired"), event(kind))) is None


def test_a_lapsed_instance_that_registers_again_is_registered() -> None:
    now = entry(view_of(registered(), event("expired"), registered()))
    assert now is not None
    assert now.absent is None


def test_one_instance_that_goes_takes_no_other_with_it() -> None:
    view = view_of(registered("price/a"), registered("price/b"), event("deregistered", "price/a"))
    assert [one.key for one in view.entries()] == ["price/b"]


@pytest.mark.parametrize("kind", ["draining", "health_changed", "expired", "deregistered"])
def test_an_event_of_an_unknown_instance_moves_only_the_revision(kind: str) -> None:
    view = apply(View("e1"), event(kind, revision=1), NOW_S)
    assert view == View("e1", 1)


def test_a_kind_of_event_that_a_newer_release_writes_moves_only_the_revision() -> None:
    view = view_of(registered())
    assert apply(view, event("weighed"), NOW_S) == View("e1", 2, view.services, view.known)


def test_a_record_that_is_not_ours_replaces_what_was_there() -> None:
    view = view_of(registered(), Event(2, "registered", "price/a"))
    assert entry(view) is None


def test_a_view_is_never_changed_in_place() -> None:
    before = view_of(registered("price/a"), registered("price/b"))
    services = {name: dict(entries) for name, entries in before.services.items()}
    for kind in ("draining", "health_changed", "expired", "deregistered", "removed"):
        apply(before, event(kind), NOW_S)
    take_over(before, snapshot(), NOW_S)
    assert before.services == services
    assert before.known == {}


# Snapshots


def test_a_snapshot_is_the_registrys_word_on_what_it_has() -> None:
    view = take_over(View(), snapshot("price/a", "orders/a", draining=True), NOW_S)
    assert (view.epoch, view.revision) == ("e1", 7)
    assert entry(view) == Entry(instance(), SERVER_MS, draining=True, status="healthy")
    assert set(view.services) == {"price", "orders"}


def test_an_entry_that_a_snapshot_has_as_it_was_is_the_same_object() -> None:
    before = take_over(View(), snapshot("price/a", "price/b"), NOW_S)
    moved = Record(instance("price/b", port=9), SERVER_MS, SERVER_MS + 15_000, False, "healthy")
    anew = snapshot("price/a")
    after = take_over(before, replace(anew, records=(*anew.records, moved)), NOW_S)
    assert entry(after, "price/a") is entry(before, "price/a")
    there = entry(after, "price/b")
    assert there is not None
    assert there.instance.port == 9


def test_a_status_of_a_newer_release_counts_as_starting() -> None:
    now = entry(take_over(View(), snapshot("price/a", status="dozing"), NOW_S))
    assert now is not None
    assert now.status == "starting"


def test_an_empty_new_data_set_is_no_mass_deregistration() -> None:
    """After a FLUSHALL, or a restart without data, the old instances stay as lost and their probes
    decide, until they have had time to register again."""
    before = view_of(registered("price/a"), event("health_changed"), registered("orders/a"))
    view = take_over(before, snapshot(epoch="e2", revision=0), NOW_S + 5)
    for key in ("price/a", "orders/a"):
        now = entry(view, key)
        assert now is not None
        assert (now.absent, now.absent_since_s, now.status) == ("lost", NOW_S + 5, "starting")
    assert not view.is_registered("price")
    assert view.is_known("price")


def test_a_partly_filled_new_data_set_is_not_the_whole_truth() -> None:
    """Traefik took the first service that registered after a FLUSHALL for all that there was, and
    answered 925 of 2,201 requests with 404."""
    before = view_of(registered("price/a"), registered("price/b"), registered("orders/a"))
    view = take_over(before, snapshot("price/a", epoch="e2", revision=1), NOW_S)
    absences = {one.key: one.absent for one in view.entries()}
    assert absences == {"price/a": None, "price/b": "lost", "orders/a": "lost"}


def test_what_lapsed_while_nobody_told_of_it_has_lapsed_and_is_not_lost() -> None:
    """The watcher was cut off from a working registry; lost instances would get requests."""
    before = view_of(registered("price/a"), registered("price/b"), registered("price/c"))
    after = replace(snapshot("price/a"), lapsed=frozenset(["price/a", "price/b"]))
    view = take_over(before, after, NOW_S)
    absences = {one.key: one.absent for one in view.entries()}
    assert absences == {"price/a": None, "price/b": "lapsed", "price/c": "lost"}


def test_what_was_removed_on_purpose_is_not_kept_by_a_snapshot() -> None:
    before = view_of(registered("price/a"), registered("price/b"))
    view = take_over(before, snapshot(removed=("price/a",)), NOW_S)
    assert [one.key for one in view.entries()] == ["price/b"]


def test_what_was_draining_is_not_kept_by_a_snapshot() -> None:
    view = take_over(view_of(registered(), event("draining")), snapshot(epoch="e2"), NOW_S)
    assert entry(view) is None
    assert view.is_known("price")


def test_a_second_snapshot_does_not_give_absent_instances_more_time() -> None:
    lapsed = view_of(registered(), event("expired"))
    view = take_over(lapsed, snapshot(), NOW_S + 30)
    now = entry(view)
    assert now is not None
    assert (now.absent, now.absent_since_s) == ("lapsed", NOW_S)

    lost = take_over(view_of(registered()), snapshot(epoch="e2"), NOW_S)
    again = entry(take_over(lost, snapshot(epoch="e3"), NOW_S + 30))
    assert again is not None
    assert (again.absent, again.absent_since_s) == ("lost", NOW_S)


def test_an_absent_instance_that_a_snapshot_has_is_back() -> None:
    lost = take_over(view_of(registered()), snapshot(epoch="e2"), NOW_S)
    now = entry(take_over(lost, snapshot("price/a", epoch="e2"), NOW_S + 1))
    assert now is not None
    assert now.absent is None


def test_when_a_service_went_is_translated_to_the_gateways_own_clock() -> None:
    view = take_over(View(), snapshot(known={"price": SERVER_MS - 90_000}), NOW_S)
    assert view.known == {"price": NOW_S - 90}


# The passing of time


@pytest.mark.parametrize("absence", ["lapsed", "lost"])
def test_an_absent_instance_is_kept_for_a_minute(absence: Absence) -> None:
    if absence == "lapsed":
        view = view_of(registered(), event("expired"))
    else:
        view = take_over(view_of(registered()), snapshot(epoch="e2"), NOW_S)
    assert forget_absent(view, NOW_S + ABSENT_KEPT_S - 0.01) is view
    later = forget_absent(view, NOW_S + ABSENT_KEPT_S)
    assert entry(later) is None
    assert later.is_known("price")


def test_the_time_that_the_registry_is_away_does_not_count_for_what_it_has_lost() -> None:
    """Nobody can register meanwhile: a registry that came back empty and died again ended all traffic."""
    lost = take_over(view_of(registered()), snapshot(epoch="e2"), NOW_S)
    assert forget_absent(lost, NOW_S + 100, away_s=95) is lost
    back = take_over(lost, snapshot(epoch="e2"), NOW_S + 100, away_s=95)
    assert forget_absent(back, NOW_S + 95 + ABSENT_KEPT_S - 0.01) is back
    assert entry(forget_absent(back, NOW_S + 95 + ABSENT_KEPT_S)) is None


def test_what_has_lapsed_is_forgotten_while_the_registry_is_away_too() -> None:
    lapsed = view_of(registered(), event("expired"))
    assert entry(forget_absent(lapsed, NOW_S + ABSENT_KEPT_S, away_s=50)) is None


def test_a_registered_instance_is_never_forgotten() -> None:
    view = view_of(registered(), event("draining"))
    assert forget_absent(view, NOW_S + 1e6) is view


def test_a_service_stays_known_for_ten_minutes_after_its_last_instance_went() -> None:
    assert REMEMBERED_S == 600
    view = view_of(registered(), event("deregistered"))
    assert forget_absent(view, NOW_S + 599.9).is_known("price")
    assert not forget_absent(view, NOW_S + 600).is_known("price")


def test_the_ten_minutes_begin_with_the_last_instance_not_with_the_first() -> None:
    view = view_of(registered("price/a"), registered("price/b"), event("deregistered", "price/a"))
    view = apply(view, event("deregistered", "price/b", 4), NOW_S + 500)
    assert forget_absent(view, NOW_S + 1099).is_known("price")
    assert not forget_absent(view, NOW_S + 1100).is_known("price")


def test_a_loss_of_data_does_not_shorten_the_ten_minutes() -> None:
    """An instance left. 500 s later the last one, which drained, was lost with the registry's data. The
    service stayed known for only 100 s more, because the older time counted."""
    view = view_of(registered("price/a"), registered("price/b"), event("deregistered", "price/a"))
    view = apply(view, event("draining", "price/b", 4), NOW_S + 400)
    view = take_over(view, snapshot(epoch="e2", revision=0), NOW_S + 500)
    assert entry(view, "price/b") is None
    assert forget_absent(view, NOW_S + 1099).is_known("price")


def test_a_snapshot_does_not_lengthen_the_ten_minutes() -> None:
    view = view_of(registered(), event("deregistered"))
    view = take_over(view, snapshot(known={"price": SERVER_MS - 300_000}), NOW_S + 300)
    assert forget_absent(view, NOW_S + 599.9).is_known("price")
    assert not forget_absent(view, NOW_S + 600).is_known("price")


# Everything together

_keys = st.sampled_from(["price/a", "price/b", "orders/a"])
_kinds = st.sampled_from(
    ["registered", "draining", "health_changed", "expired", "deregistered", "removed"]
)


@given(st.lists(st.tuples(_kinds, _keys), max_size=30))
def test_after_any_events_the_listed_are_those_that_registered_last(
    changes: list[tuple[str, str]],
) -> None:
    view, listed = View("e1"), set[str]()
    for revision, (kind, key) in enumerate(changes, 1):
        one = registered(key, revision=revision) if kind == "registered" else event(kind, key)
        view = apply(view, one, NOW_S)
        if kind == "registered":
            listed.add(key)
        elif kind in ("expired", "deregistered", "removed"):
            listed.discard(key)
        assert {e.key for e in view.entries() if e.absent is None} == listed
        assert all(view.services.values()), "no service without an entry"
        assert all(k == e.key for entries in view.services.values() for k, e in entries.items())
    assert {e.key for e in take_over(view, snapshot(*listed), NOW_S).entries() if not e.absent} == (
        listed
    )
