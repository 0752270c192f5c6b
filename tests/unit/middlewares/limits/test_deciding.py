"""The arithmetic of rate limits: exact in every window, and true in what it tells."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from middlewares.limits.deciding import (
    Check,
    Decision,
    LocalLimiter,
    Policy,
    SlidingLog,
)

S = 1_000_000

#: Resolutions of a millisecond and of more, limits of one and of many, on stamps that are round and not.
policies = st.builds(
    Policy,
    st.just("default"),
    st.sampled_from([1, 2, 3, 7, 500, 501]),
    st.sampled_from([100_000, 1 * S, 1_234_567, 60 * S]),
)
pauses_us = st.lists(
    st.one_of(
        st.integers(0, 3),
        st.integers(0, 2000),
        st.integers(0, 400_000),
        st.sampled_from([100_000, 1 * S, 1_234_567, 59 * S, 60 * S]),
    ),
    max_size=60,
)
starts_us = st.integers(0, 2**51)


def arrivals(start_us: int, pauses: Sequence[int]) -> list[int]:
    times = [start_us]
    for pause in pauses:
        times.append(times[-1] + pause)
    return times


def most_in_a_window(admitted: Sequence[int], window_us: int) -> int:
    """The most admissions in any interval shorter than the window."""
    most = first = 0
    for last, at_us in enumerate(admitted):
        while at_us - admitted[first] >= window_us:
            first += 1
        most = max(most, last - first + 1)
    return most


@given(policies, starts_us, pauses_us)
@settings(max_examples=300)
def test_no_interval_shorter_than_the_window_holds_more_than_the_limit(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    """Of the real times, not the rounded stamps: fixed windows let twice the limit through at an edge."""
    log = SlidingLog()
    admitted = [at for at in arrivals(start_us, pauses) if log.decide(policy, at).allowed]
    assert most_in_a_window(admitted, policy.window_us) <= policy.requests


@given(policies, starts_us, pauses_us)
def test_nobody_is_refused_who_is_a_step_over_the_window_after_the_limit_before(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    """The other half of exact: with fewer than the limit in the window and one step, one is admitted."""
    log, admitted = SlidingLog(), list[int]()
    for now_us in arrivals(start_us, pauses):
        recent = [at for at in admitted if at > now_us - policy.window_us - policy.resolution_us]
        if log.decide(policy, now_us).allowed:
            admitted.append(now_us)
        else:
            assert len(recent) >= policy.requests


@given(policies, starts_us, pauses_us, st.data())
def test_refused_requests_leave_no_trace(
    policy: Policy, start_us: int, pauses: list[int], data: st.DataObject
) -> None:
    """Hammering at a shut door must not keep it shut: any refused request may as well not have been."""
    log, times = SlidingLog(), arrivals(start_us, pauses)
    decisions = [log.decide(policy, at) for at in times]
    without = SlidingLog()
    for at, decision in zip(times, decisions, strict=True):
        if decision.allowed or data.draw(st.booleans()):
            assert without.decide(policy, at) == decision


@given(policies, starts_us, pauses_us)
def test_what_remains_is_just_how_many_more_are_admitted_now(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    log = SlidingLog()
    for at in arrivals(start_us, pauses):
        last = log.decide(policy, at)
    now_us = arrivals(start_us, pauses)[-1]
    for left in range(last.remaining - 1, -1, -1):
        decision = log.decide(policy, now_us)
        assert (decision.allowed, decision.remaining) == (True, left)
    refused = log.decide(policy, now_us)
    assert (refused.allowed, refused.remaining) == (False, 0)


@given(policies, starts_us, pauses_us)
def test_who_waits_as_long_as_told_gets_through_and_not_a_microsecond_before(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    log = SlidingLog()
    now_us = arrivals(start_us, pauses)[-1]
    for at in arrivals(start_us, pauses):
        log.decide(policy, at)
    while (decision := log.decide(policy, now_us)).allowed:
        pass
    assert 0 < decision.next_in_us <= policy.window_us + policy.resolution_us
    assert not log.decide(policy, now_us + decision.next_in_us - 1).allowed
    assert log.decide(policy, now_us + decision.next_in_us).allowed


@given(policies, starts_us, pauses_us)
def test_next_in_is_when_remaining_next_grows(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    log = SlidingLog()
    for at in arrivals(start_us, pauses):
        decision = log.decide(policy, at)
    now_us = arrivals(start_us, pauses)[-1]
    assert decision.next_in_us > 0, "the last decision left something in the log"
    then = log.decide(policy, now_us + decision.next_in_us)
    assert then.remaining + then.allowed > decision.remaining


@given(policies, starts_us, pauses_us, st.integers(1, 3600 * S))
def test_a_clock_that_is_set_back_admits_nothing_twice_and_locks_nobody_out(
    policy: Policy, start_us: int, pauses: list[int], back_us: int
) -> None:
    log, now_us = SlidingLog(), arrivals(start_us + 3600 * S, pauses)[-1]
    for at in arrivals(start_us + 3600 * S, pauses):
        before = log.decide(policy, at)
    then_us = now_us - back_us
    again = log.decide(policy, then_us)
    assert again.remaining + again.allowed <= before.remaining
    assert again.next_in_us <= policy.window_us + policy.resolution_us
    later_us = then_us + policy.window_us + policy.resolution_us
    assert log.decide(policy, later_us).remaining == policy.requests - 1


@given(policies, starts_us, pauses_us)
def test_a_window_after_the_last_admission_nothing_counts_any_more(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    log = SlidingLog()
    for at in arrivals(start_us, pauses):
        log.decide(policy, at)
    last_us = arrivals(start_us, pauses)[-1]
    later_us = last_us + policy.window_us + policy.resolution_us
    assert log.decide(policy, later_us).remaining == policy.requests - 1


def test_a_hundred_a_minute_as_the_contract_prints_it() -> None:
    policy, log = Policy("default", 100, 60 * S), SlidingLog()
    first = log.decide(policy, 0)
    assert (first.remaining, first.reset_s, first.limit, first.locally) == (99, 60, 100, False)
    for _ in range(99):
        last = log.decide(policy, 30 * S)
    assert (last.allowed, last.remaining, last.reset_s) == (True, 0, 30)
    refused = log.decide(policy, 30 * S)
    assert (refused.allowed, refused.retry_after_s) == (False, 30)


@pytest.mark.parametrize(
    ("next_in_us", "reset_s", "retry_after_s"),
    [(0, 0, 1), (1, 1, 1), (S, 1, 1), (S + 1, 2, 2), (60 * S + 500, 60, 61)],
)
def test_seconds_are_rounded_up_and_a_wait_is_at_least_one_and_may_be_the_window_and_one(
    next_in_us: int, reset_s: int, retry_after_s: int
) -> None:
    policy = Policy("default", 1, 60 * S)
    decision = Decision(policy, False, 0, next_in_us, 1)
    assert (decision.reset_s, decision.retry_after_s) == (reset_s, retry_after_s)


@pytest.mark.parametrize(
    ("requests", "window_us", "resolution_us"),
    [(1, 60 * S, 1000), (500, 60 * S, 1000), (501, 60 * S, 120_000), (10**6, 100_000, 1000)],
)
def test_large_limits_are_logged_in_five_hundred_steps(
    requests: int, window_us: int, resolution_us: int
) -> None:
    assert Policy("default", requests, window_us).resolution_us == resolution_us


def test_of_a_long_window_too_nobody_is_told_to_wait_longer_than_the_window_and_a_second() -> None:
    """The contract: Retry-After is between 1 and the window + 1. A window of an hour has steps of 7.2 s
    above 500 requests, and stamps are rounded up by as much."""
    policy, log = Policy("default", 501, 3600 * S), SlidingLog()
    while (decision := log.decide(policy, 1)).allowed:
        pass
    assert decision.retry_after_s <= 3601


# A worker on its own


@given(st.integers(0, 100), st.integers(0, 20))
def test_a_worker_alone_admits_its_share_of_the_limit(requests: int, workers: int) -> None:
    limiter, policy = LocalLimiter(), Policy("default", requests, 60 * S)
    decisions = [limiter.decide(Check(policy, "c"), 0, workers) for _ in range(requests + 2)]
    share = max(1, requests // max(1, workers))
    assert sum(decision.allowed for decision in decisions) == share
    assert {(decision.limit, decision.locally) for decision in decisions} == {(share, True)}


def test_clients_and_policies_are_counted_apart() -> None:
    limiter = LocalLimiter()
    one, other = Policy("default", 1, S), Policy("other", 1, S)
    for check in (Check(one, "a"), Check(one, "b"), Check(other, "a")):
        assert limiter.decide(check, 0, 1).allowed
        assert not limiter.decide(check, 0, 1).allowed


def test_the_clients_not_seen_for_longest_are_dropped_at_the_cap() -> None:
    limiter, policy = LocalLimiter(clients_kept=2), Policy("default", 1, S)
    for client in ("a", "b", "a", "c"):  # b goes
        limiter.decide(Check(policy, client), 0, 1)
    assert not limiter.decide(Check(policy, "a"), 0, 1).allowed
    assert not limiter.decide(Check(policy, "c"), 0, 1).allowed
    assert limiter.decide(Check(policy, "b"), 0, 1).allowed


def test_the_log_of_a_large_limit_stays_small() -> None:
    policy, log = Policy("default", 10_000, 60 * S), SlidingLog()
    for request in range(10_000):
        log.decide(policy, request * 6000)
    steps = math.ceil(policy.window_us / policy.resolution_us)
    assert len(log._entries) <= steps + 1
