"""Which instances a request may go to: each tier of the table, and what excludes an instance."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from discovery.health.machine import Condition
from discovery.model.fixed import fixed_instance
from discovery.model.instance import parse_registration
from discovery.view.view import Absence, Entry, Status
from middlewares.candidates.deciding import (
    TIERS,
    Candidate,
    Selection,
    find_candidates,
    standing,
)
from middlewares.version_ranges import parse_range


def entry(
    instance_id: str,
    *,
    absent: Absence | None = None,
    draining: bool = False,
    weight: int = 1,
    registry_says: Status = "healthy",
    port: int = 8000,
    version: str | None = None,
) -> Entry:
    body = {"host": "localhost", "port": port, "weight": weight, "version": version}
    instance = parse_registration("price", instance_id, body)
    return Entry(instance, 0, draining=draining, status=registry_says, absent=absent)


def saying(statuses: Mapping[str, Status]) -> Callable[[str], Status]:
    """This gateway's verdicts by instance id; healthy by default."""
    return lambda key: statuses.get(key.partition("/")[2], "healthy")


def found(
    *entries: Entry, suspected: str = "", ejected: str = "", **statuses: Status
) -> list[tuple[str, str]]:
    """(instance id, tier) of each candidate; `suspected` are the ids of suspected instances."""
    selection = select(*entries, suspected=suspected, ejected=ejected, **statuses)
    assert {one.tier for one in selection.candidates} <= {selection.tier}
    assert len(selection.candidates) + len(selection.excluded) == len(entries)
    return [(candidate.instance.id, candidate.tier) for candidate in selection.candidates]


def left_out(*entries: Entry, suspected: str = "", **statuses: Status) -> dict[str, str]:
    """The reason of each excluded instance, by id."""
    selection = select(*entries, suspected=suspected, **statuses)
    return {one.entry.instance.id: one.state for one in selection.excluded}


def select(
    *entries: Entry, suspected: str = "", ejected: str = "", **statuses: Status
) -> Selection:
    return find_candidates(
        entries,
        saying(statuses),
        lambda key: key.partition("/")[2] in suspected,
        lambda key: key.partition("/")[2] in ejected,
    )


def in_range(*entries: Entry, ranges: str, **statuses: Status) -> tuple[str | None, list[str]]:
    """The tier, and the ids of the candidates whose version the range holds."""
    selection = find_candidates(
        entries,
        saying(statuses),
        lambda key: "suspected" in key,
        lambda key: "ejected" in key,
        [parse_range(ranges)],
    )
    return selection.tier, [one.instance.id for one in selection.candidates]


OLD, NEW = "1.4.2", "2.0.0"


def test_only_instances_of_the_version_are_candidates_or_excluded() -> None:
    two = entry("a", version=OLD), entry("b", version=NEW, port=2), entry("c", port=3)
    assert in_range(*two, ranges="1") == ("registered", ["a"])
    assert in_range(*two, ranges="*") == ("registered", ["a", "b", "c"])
    assert in_range(*two, ranges="3") == (None, [])


@pytest.mark.parametrize(
    ("other", "tier"),
    [
        (entry("suspected", version=OLD), "suspected"),
        (entry("ejected", version=OLD), "ejected"),
        (entry("a", version=OLD, absent="lapsed"), "lapsed"),
        (entry("a", version=OLD, absent="lost"), "registered"),
    ],
)
def test_each_tier_is_looked_at_within_the_version(other: Entry, tier: str) -> None:
    """A healthy instance of another version takes no request from a worse one of this version."""
    healthy = entry("new", version=NEW, port=2)
    assert in_range(other, healthy, ranges="1") == (tier, [other.instance.id])


def test_a_process_that_comes_back_as_another_version_is_suspected_while_the_old_id_drains() -> (
    None
):
    old = entry("old", version=OLD, draining=True)
    assert in_range(old, entry("new", version=NEW), ranges="2") == ("suspected", ["new"])


def test_there_are_the_tiers_that_are_tested_here() -> None:
    assert [name for name, _ in TIERS] == ["registered", "suspected", "ejected", "lapsed"]


def test_registered_instances_that_pass_are_candidates() -> None:
    assert found(entry("a"), entry("b")) == [("a", "registered"), ("b", "registered")]


def test_an_instance_that_was_lost_with_the_data_stands_beside_the_registered() -> None:
    """A partly refilled registry is incomplete: otherwise the first instance to come back would get all
    requests."""
    assert found(entry("a"), entry("b", absent="lost")) == [
        ("a", "registered"),
        ("b", "registered"),
    ]


def test_lost_instances_alone_are_candidates() -> None:
    assert found(entry("a", absent="lost")) == [("a", "registered")]


def test_a_lapsed_instance_is_one_where_nothing_else_can_be_used() -> None:
    assert found(entry("a", absent="lapsed")) == [("a", "lapsed")]
    assert found(entry("a", absent="lapsed"), entry("b"), b="unhealthy") == [("a", "lapsed")]


@pytest.mark.parametrize("absent", [None, "lost"])
def test_a_lapsed_instance_gets_nothing_while_another_can_be_used(absent: Absence | None) -> None:
    assert found(entry("a", absent="lapsed"), entry("b", absent=absent)) == [("b", "registered")]


@pytest.mark.parametrize("absent", [None, "lost"])
def test_a_suspected_instance_gets_nothing_while_another_can_be_used(
    absent: Absence | None,
) -> None:
    assert found(entry("a", absent=absent), entry("b"), suspected="a") == [("b", "registered")]


def test_where_all_are_suspected_they_are_still_candidates_and_before_the_lapsed() -> None:
    everyone = entry("a"), entry("b", absent="lost"), entry("c", absent="lapsed")
    assert found(*everyone, suspected="ab") == [("a", "suspected"), ("b", "suspected")]


def test_what_stands_where_another_id_drains_gets_nothing_while_another_can_be_used() -> None:
    """A process was killed, came back at its port under a new id, and left cleanly within the old id's
    lease: requests to the old id failed."""
    left = entry("old"), entry("new", draining=True)
    assert found(*left, entry("b", port=8001)) == [("b", "registered")]
    assert found(*left) == [("old", "suspected")]


def test_a_suspected_instance_that_is_not_healthy_is_no_candidate() -> None:
    assert found(entry("a"), suspected="a", a="unhealthy") == []


@pytest.mark.parametrize("absent", [None, "lost", "lapsed"])
@pytest.mark.parametrize("status", ["starting", "unhealthy"])
def test_in_every_tier_an_instance_has_to_pass_its_probes(
    absent: Absence | None, status: Status
) -> None:
    assert found(entry("a", absent=absent), a=status) == []


@pytest.mark.parametrize("absent", [None, "lost", "lapsed"])
def test_in_no_tier_a_draining_instance_gets_anything_whatever_its_probes_say(
    absent: Absence | None,
) -> None:
    assert found(entry("a", absent=absent, draining=True)) == []


@pytest.mark.parametrize("absent", [None, "lost", "lapsed"])
def test_in_no_tier_an_instance_of_weight_nothing_gets_anything(absent: Absence | None) -> None:
    assert found(entry("a", absent=absent, weight=0)) == []


def test_it_is_the_gateways_own_verdict_that_counts_not_the_registrys() -> None:
    """One gateway may reach an instance that another can't."""
    assert found(entry("a", registry_says="unhealthy"), a="healthy") == [("a", "registered")]
    assert found(entry("a", registry_says="healthy"), a="unhealthy") == []


def test_of_no_instances_there_are_no_candidates() -> None:
    assert select() == ((), None, ())


def test_a_candidate_is_the_instance_itself() -> None:
    one = entry("a")
    assert select(one).candidates == (Candidate(one.instance, "registered"),)


# Why is an instance excluded?


def test_each_instance_that_is_left_out_says_why() -> None:
    assert left_out(
        entry("a"),
        entry("leaves", port=1, draining=True),
        entry("twin", port=1),
        entry("idle", port=2, weight=0),
        entry("old", port=3, absent="lapsed"),
        entry("ill", port=4),
        entry("lost", port=5, absent="lost"),
        entry("new", port=6),
        entry("doubted", port=7),
        suspected="doubted",
        ill="unhealthy",
        lost="unhealthy",
        new="starting",
    ) == {
        "leaves": "draining",
        "twin": "suspected",
        "idle": "healthy with weight 0",
        "old": "lapsed",
        "ill": "unhealthy",
        "lost": "unhealthy",
        "new": "starting",
        "doubted": "suspected",
    }


def test_where_there_are_no_candidates_all_are_left_out() -> None:
    assert left_out(entry("a"), entry("b", absent="lapsed"), a="unhealthy", b="unhealthy") == {
        "a": "unhealthy",
        "b": "lapsed",
    }


def test_of_a_lower_tier_the_others_are_left_out_by_what_they_are() -> None:
    """The lapsed one is used; the draining one is not."""
    assert left_out(entry("a", absent="lapsed"), entry("b", port=1, draining=True)) == {
        "b": "draining"
    }


@pytest.mark.parametrize(
    ("entry_", "condition", "state"),
    [
        (entry("a", draining=True, absent="lapsed", weight=0), "unhealthy", "draining"),
        (entry("a", absent="lapsed", weight=0), "unhealthy", "lapsed"),
        (entry("a", absent="lost", weight=0), "healthy", "healthy with weight 0"),
        (entry("a", weight=0), "unhealthy", "unhealthy"),
        (entry("a"), "suspected", "suspected"),
        (entry("a"), "healthy", "healthy"),
    ],
)
def test_an_instance_stands_by_what_keeps_it_out_for_longest(
    entry_: Entry, condition: Condition, state: str
) -> None:
    assert standing(entry_, condition) == state


# Is a first verdict worth waiting for?


def starting(*entries: Entry, **statuses: Status) -> bool:
    return select(*entries, **{**dict.fromkeys("abc", "starting"), **statuses}).is_starting


def test_a_service_with_only_starting_instances_is_worth_waiting_for() -> None:
    assert starting(entry("a"))
    assert starting(entry("a"), entry("b"))


@pytest.mark.parametrize("status", ["healthy", "unhealthy"])
def test_one_verdict_is_enough_not_to_wait(status: Status) -> None:
    assert not starting(entry("a"), entry("b"), b=status)


def test_without_instances_there_is_nothing_to_wait_for() -> None:
    assert not starting()


def test_what_could_not_take_a_request_is_not_waited_for() -> None:
    assert not starting(entry("a", draining=True))
    assert not starting(entry("a", weight=0))
    assert not starting(entry("a", absent="lapsed"))
    assert starting(entry("a"), replace(entry("b"), draining=True), b="healthy")


def of_file(port: int) -> Entry:
    return Entry(fixed_instance("price", f"http://localhost:{port}"), 0)


def chosen(*entries: Entry, **statuses: Status) -> list[str]:
    """The ids of the candidates; registered doubles are neither among them nor excluded."""
    return [one.instance.id for one in select(*entries, **statuses).candidates]


def test_instances_of_the_file_are_candidates_beside_the_registered() -> None:
    assert chosen(entry("a"), of_file(8001)) == ["a", "http-localhost-8001"]


def test_an_address_that_is_registered_and_in_the_file_counts_once() -> None:
    """As two instances it would get twice its share."""
    assert chosen(entry("a"), of_file(8000), entry("b", port=8001)) == ["http-localhost-8000", "b"]


def test_at_such_an_address_the_files_probes_decide() -> None:
    fixed = of_file(8000)
    selection = find_candidates(
        [entry("a"), fixed],
        lambda key: "unhealthy" if key == fixed.key else "healthy",
        lambda _: False,
    )
    assert selection.tier is None
    assert [one.entry for one in selection.excluded] == [fixed]


def test_a_first_verdict_on_the_files_instance_is_waited_for_though_its_double_has_one() -> None:
    fixed = of_file(8000)
    selection = find_candidates(
        [entry("a"), fixed],
        lambda key: "starting" if key == fixed.key else "healthy",
        lambda _: False,
    )
    assert selection.is_starting


def test_while_the_double_drains_others_are_preferred() -> None:
    left = entry("a", draining=True), of_file(8000)
    assert chosen(*left, entry("b", port=8001)) == ["b"]
    assert chosen(*left) == ["http-localhost-8000"]


def test_an_ejected_instance_gets_nothing_while_there_is_another() -> None:
    assert found(entry("a"), entry("b"), ejected="a") == [("b", "registered")]


def test_a_suspected_instance_is_better_than_an_ejected_one() -> None:
    assert found(entry("a"), entry("b"), ejected="a", suspected="b") == [("b", "suspected")]


def test_an_ejected_instance_is_better_than_nothing() -> None:
    assert found(entry("a"), entry("b"), ejected="ab") == [("a", "ejected"), ("b", "ejected")]
    assert found(entry("a"), entry("b"), ejected="a", b="unhealthy") == [("a", "ejected")]


def test_an_ejected_instance_is_better_than_one_that_is_registered_no_longer() -> None:
    assert found(entry("a"), entry("b", absent="lapsed"), ejected="a") == [("a", "ejected")]


def test_an_ejected_instance_that_lapses_is_only_lapsed() -> None:
    assert found(entry("a", absent="lapsed"), ejected="a") == [("a", "lapsed")]


def test_an_ejected_instance_whose_probe_fails_gets_nothing() -> None:
    assert found(entry("a"), ejected="a", a="unhealthy") == []


def test_who_may_be_tried_stands_beside_the_candidates() -> None:
    """A suspected one has to answer its probe first, and one whose probe fails is not tried either."""
    entries = (entry("a"), entry("b"), entry("c"), entry("d"), entry("e", draining=True))
    selection = select(*entries, ejected="bcde", suspected="c", d="unhealthy")

    assert [one.instance.id for one in selection.candidates.ejected] == ["b"]


def test_where_all_are_ejected_none_is_tried() -> None:
    assert select(entry("a"), ejected="a").candidates.ejected == ()
