"""The health of one instance: which verdicts in a row change it, compared with a slow and simple model."""

from collections.abc import Sequence
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.health.machine import (
    FIRST_VERDICT_WITHIN_S,
    Doubt,
    Evidence,
    Health,
    Heartbeats,
    ProbeTimes,
    Thresholds,
    Verdict,
    next_probe_in_s,
    overdue_after_s,
    step,
)
from discovery.view.view import Status

PASS = Verdict(True, "200")
FAIL = Verdict(False, "503")

thresholds_of_all_kinds = st.builds(Thresholds, fall=st.integers(1, 5), rise=st.integers(1, 5))
verdicts_of_all_kinds = st.lists(st.booleans(), max_size=40)


def after(
    verdicts: Sequence[Verdict],
    thresholds: Thresholds = Thresholds(),  # noqa: B008 - it is frozen
    health: Health = Health(),  # noqa: B008
) -> Health:
    for verdict in verdicts:
        health = step(health, verdict, thresholds)
    return health


def run_at_the_end(results: Sequence[bool]) -> int:
    """How many of the last results are equal."""
    return len(list(takewhile(lambda result: result == results[-1], reversed(results))))


def model(results: Sequence[bool], thresholds: Thresholds) -> Status:
    """The contract's rule, applied to the whole history at each step."""
    status: Status = "starting"
    for end in range(1, len(results) + 1):
        seen = results[:end]
        in_a_row = run_at_the_end(seen)
        if seen[-1]:
            if status == "starting" or (status == "unhealthy" and in_a_row >= thresholds.rise):
                status = "healthy"
        elif in_a_row >= thresholds.fall:
            status = "unhealthy"
    return status


@given(verdicts_of_all_kinds, thresholds_of_all_kinds)
def test_any_sequence_of_verdicts_ends_where_the_contract_says(
    results: list[bool], thresholds: Thresholds
) -> None:
    verdicts = [PASS if result else FAIL for result in results]
    assert after(verdicts, thresholds).status == model(results, thresholds)


@given(verdicts_of_all_kinds, thresholds_of_all_kinds)
def test_consecutive_means_reset_by_the_opposite_result(
    results: list[bool], thresholds: Thresholds
) -> None:
    """Caddy never resets its count of failures (caddyserver/caddy#7625). After any history, one opposite
    result must make the whole run necessary again."""
    history = [PASS if result else FAIL for result in results]
    healthy = after([*history, *[PASS] * thresholds.rise], thresholds)
    assert healthy.status == "healthy"
    nearly = [FAIL] * (thresholds.fall - 1)
    assert after([*nearly, PASS, *nearly], thresholds, healthy).status == "healthy"

    unhealthy = after([*history, *[FAIL] * thresholds.fall], thresholds)
    assert unhealthy.status == "unhealthy"
    nearly = [PASS] * (thresholds.rise - 1)
    assert after([*nearly, FAIL, *nearly], thresholds, unhealthy).status == "unhealthy"


@given(st.integers(0, 4), thresholds_of_all_kinds)
def test_the_first_pass_makes_a_starting_instance_healthy_whatever_the_rise(
    failures: int, thresholds: Thresholds
) -> None:
    starting = after([FAIL] * min(failures, thresholds.fall - 1), thresholds)
    assert starting.status == "starting"
    assert step(starting, PASS, thresholds).status == "healthy"


def test_by_default_three_failures_fall_and_two_passes_rise() -> None:
    healthy = after([PASS])
    assert after([FAIL, FAIL], health=healthy).status == "healthy"
    unhealthy = after([FAIL, FAIL, FAIL], health=healthy)
    assert unhealthy.status == "unhealthy"
    assert after([PASS], health=unhealthy).status == "unhealthy"
    assert after([PASS, PASS], health=unhealthy).status == "healthy"


def test_one_failed_probe_ejects_nobody() -> None:
    assert after([PASS, FAIL, PASS, FAIL, FAIL, PASS]).status == "healthy"


# Probation


@given(verdicts_of_all_kinds, thresholds_of_all_kinds)
def test_on_probation_only_rise_passes_in_a_row_change_anything(
    results: list[bool], thresholds: Thresholds
) -> None:
    """The first pass and failures change nothing: the instance was unhealthy when it was removed."""
    health, run = Health(probation=True), 0
    for result in results:
        health = step(health, PASS if result else FAIL, thresholds)
        run = run + 1 if result else 0
        if run == thresholds.rise:
            assert health == Health("healthy", 0, PASS.evidence)  # and no longer on probation
            return
        assert (health.status, health.probation, health.run) == ("starting", True, run)


def test_a_change_carries_the_evidence_that_made_it_and_keeps_it() -> None:
    unhealthy = after([PASS, FAIL, FAIL, Verdict(False, "connect failed: refused")])
    assert unhealthy == Health("unhealthy", 0, "connect failed: refused")
    assert step(unhealthy, FAIL, Thresholds()).evidence == "connect failed: refused"
    assert Health().evidence == "registered"


# Doubts

DOUBT = Doubt("connect failed: refused")


def test_a_doubt_makes_a_healthy_instance_suspected_and_the_first_pass_lifts_it() -> None:
    doubted = step(after([PASS]), DOUBT, Thresholds())
    assert (doubted.status, doubted.condition) == ("healthy", "suspected")
    assert doubted.evidence == "connect failed: refused"
    assert step(doubted, PASS, Thresholds()) == Health("healthy", 0, "200")


def test_a_suspected_instance_falls_after_as_many_failures_as_any_other() -> None:
    doubted = step(after([PASS, FAIL]), DOUBT, Thresholds())
    assert after([FAIL], health=doubted).condition == "suspected"
    assert after([FAIL, FAIL], health=doubted) == Health("unhealthy", 0, "503")


@given(st.lists(st.sampled_from([PASS, FAIL, DOUBT]), max_size=40), thresholds_of_all_kinds)
def test_doubts_never_change_what_the_registry_is_told(
    evidence: list[Verdict | Doubt], thresholds: Thresholds
) -> None:
    with_doubts = without = Health()
    for one in evidence:
        with_doubts = step(with_doubts, one, thresholds)
        if isinstance(one, Verdict):
            without = step(without, one, thresholds)
        assert with_doubts.status == without.status
        assert not with_doubts.suspected or with_doubts.status == "healthy"


# Heartbeats

COME, LAPSED = Heartbeats(True), Heartbeats(False)

evidence_of_all_kinds = st.lists(st.sampled_from([PASS, FAIL, DOUBT, COME, LAPSED]), max_size=40)


def after_all(evidence: Sequence[Evidence], thresholds: Thresholds, health: Health) -> Health:
    for one in evidence:
        health = step(health, one, thresholds)
    return health


def test_heartbeats_make_a_new_instance_healthy_and_the_end_of_its_lease_unknown() -> None:
    healthy = step(Health(), COME, Thresholds())
    assert healthy == Health("healthy", 0, "heartbeats come")
    doubted = step(healthy, DOUBT, Thresholds())
    for health in (healthy, doubted):
        assert step(health, LAPSED, Thresholds()) == Health("starting", 0, "its lease lapsed")


@given(evidence_of_all_kinds, thresholds_of_all_kinds, st.booleans())
def test_heartbeats_lift_nothing_that_requests_and_trials_have_found(
    evidence: list[Evidence], thresholds: Thresholds, probation: bool
) -> None:
    health = after_all(evidence, thresholds, Health(probation=probation))
    if health.status != "starting" or health.probation:
        assert step(health, COME, thresholds) is health
    else:
        assert step(health, COME, thresholds).condition == "healthy"


@given(evidence_of_all_kinds, thresholds_of_all_kinds, st.booleans())
def test_after_the_end_of_its_lease_an_instance_is_never_healthy(
    evidence: list[Evidence], thresholds: Thresholds, probation: bool
) -> None:
    health = after_all([*evidence, LAPSED], thresholds, Health(probation=probation))
    assert health.status != "healthy"
    assert not health.suspected
    assert step(health, LAPSED, thresholds) is health


# When to probe next

TIMES = ProbeTimes(interval_s=5.0, eager_interval_s=0.1, eager_for_s=5.0)


@pytest.mark.parametrize("status", ["starting", "unhealthy"])
def test_a_young_instance_that_is_not_yet_healthy_is_probed_eagerly(status: Status) -> None:
    assert next_probe_in_s(Health(status), 0.0, TIMES, 0.5) == 0.1
    assert next_probe_in_s(Health(status), 4.9, TIMES, 0.5) == 0.1


@pytest.mark.parametrize(("status", "age_s"), [("healthy", 0.0), ("starting", 5.0)])
def test_everyone_else_is_probed_at_the_interval(status: Status, age_s: float) -> None:
    assert next_probe_in_s(Health(status), age_s, TIMES, 0.5) == pytest.approx(5.0)


def test_a_healthy_instance_in_doubt_is_probed_again_soon() -> None:
    assert next_probe_in_s(Health("healthy", run=1), 9.0, TIMES, 0.5) == 1.0
    assert next_probe_in_s(Health("healthy", suspected=True), 9.0, TIMES, 0.5) == 1.0
    assert next_probe_in_s(Health("healthy", run=1), 9.0, ProbeTimes(0.2), 0.5) == 0.2


def test_a_short_interval_is_not_lengthened_by_eagerness() -> None:
    assert next_probe_in_s(Health(), 0.0, ProbeTimes(0.05), 0.5) == 0.05


@given(st.floats(0, 1), st.floats(0.05, 3600))
def test_jitter_spreads_probes_by_a_tenth(jitter: float, interval_s: float) -> None:
    pause_s = next_probe_in_s(Health("healthy"), 100.0, ProbeTimes(interval_s), jitter)
    assert 0.949 * interval_s <= pause_s <= 1.051 * interval_s


def test_who_comes_after_another_in_the_place_of_a_silent_one_leaves_it_time_for_a_probe() -> None:
    times, healthy = ProbeTimes(), Health("healthy")
    for is_judged, takes_s in ((True, times.timeout_s), (False, FIRST_VERDICT_WITHIN_S)):
        first, second, third = (
            overdue_after_s(healthy, 60.0, times, turn, is_judged=is_judged) for turn in (1, 2, 3)
        )
        assert first == 2 * next_probe_in_s(healthy, 60.0, times, 1.0) + takes_s
        assert second - first == third - second == 1.5 * takes_s
