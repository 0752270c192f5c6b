"""The arithmetic of rate limits: exact in every window, and clients are told the truth."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from middlewares.limits.deciding import Ask, Asking, Check, Decision, Policy, Why, key_of
from middlewares.limits.deciding.alone import OwnAccounts
from middlewares.limits.deciding.counting import Account, decide
from middlewares.limits.deciding.crossing import spread

S = 1_000_000

#: Resolutions of a millisecond and more, limits of one and many, round stamps and others.
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


def ask(log: Account, policy: Policy, now_us: int) -> Decision:
    """Decide one request under one policy."""
    return decide(Ask((Check(policy, "c"),)), [log], [policy.requests], now_us)


def arrivals(start_us: int, pauses: Sequence[int]) -> list[int]:
    times = [start_us]
    for pause in pauses:
        times.append(times[-1] + pause)
    return times


def most_in_a_window(admitted: Sequence[int], window_us: int) -> int:
    """The largest number of admissions in any interval shorter than the window."""
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
    """Real times count, not rounded stamps; fixed windows admit twice the limit at an edge."""
    log = Account()
    admitted = [at for at in arrivals(start_us, pauses) if ask(log, policy, at).allowed]
    assert most_in_a_window(admitted, policy.window_us) <= policy.requests


@given(policies, starts_us, pauses_us)
def test_nobody_is_refused_who_is_a_step_over_the_window_after_the_limit_before(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    """A request is admitted if the window and one step hold fewer than the limit."""
    log, admitted = Account(), list[int]()
    for now_us in arrivals(start_us, pauses):
        recent = [at for at in admitted if at > now_us - policy.window_us - policy.resolution_us]
        if ask(log, policy, now_us).allowed:
            admitted.append(now_us)
        else:
            assert len(recent) >= policy.requests


@given(policies, starts_us, pauses_us, st.data())
def test_refused_requests_leave_no_trace(
    policy: Policy, start_us: int, pauses: list[int], data: st.DataObject
) -> None:
    """Refused requests must not prolong the refusal: without them all decisions are the same."""
    log, times = Account(), arrivals(start_us, pauses)
    decisions = [ask(log, policy, at) for at in times]
    without = Account()
    for at, decision in zip(times, decisions, strict=True):
        if decision.allowed or data.draw(st.booleans()):
            assert ask(without, policy, at) == decision


@given(policies, starts_us, pauses_us)
def test_what_remains_is_just_how_many_more_are_admitted_now(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    log = Account()
    for at in arrivals(start_us, pauses):
        last = ask(log, policy, at)
    now_us = arrivals(start_us, pauses)[-1]
    for left in range(last.remaining - 1, -1, -1):
        decision = ask(log, policy, now_us)
        assert (decision.allowed, decision.remaining) == (True, left)
    refused = ask(log, policy, now_us)
    assert (refused.allowed, refused.remaining) == (False, 0)


@given(policies, starts_us, pauses_us)
def test_who_waits_as_long_as_told_gets_through_and_not_a_microsecond_before(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    log = Account()
    now_us = arrivals(start_us, pauses)[-1]
    for at in arrivals(start_us, pauses):
        ask(log, policy, at)
    while (decision := ask(log, policy, now_us)).allowed:
        pass
    assert 0 < decision.next_in_us <= policy.window_us + policy.resolution_us
    assert not ask(log, policy, now_us + decision.next_in_us - 1).allowed
    assert ask(log, policy, now_us + decision.next_in_us).allowed


@given(policies, starts_us, pauses_us)
def test_next_in_is_when_remaining_next_grows(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    log = Account()
    for at in arrivals(start_us, pauses):
        decision = ask(log, policy, at)
    now_us = arrivals(start_us, pauses)[-1]
    assert decision.next_in_us > 0, "the last decision left something in the log"
    then = ask(log, policy, now_us + decision.next_in_us)
    assert then.remaining + then.allowed > decision.remaining


@given(policies, starts_us, pauses_us, st.integers(1, 3600 * S))
def test_a_clock_that_is_set_back_admits_nothing_twice_and_locks_nobody_out(
    policy: Policy, start_us: int, pauses: list[int], back_us: int
) -> None:
    log, now_us = Account(), arrivals(start_us + 3600 * S, pauses)[-1]
    for at in arrivals(start_us + 3600 * S, pauses):
        before = ask(log, policy, at)
    then_us = now_us - back_us
    again = ask(log, policy, then_us)
    assert again.remaining + again.allowed <= before.remaining
    assert again.next_in_us <= policy.window_us + policy.resolution_us
    later_us = then_us + policy.window_us + policy.resolution_us
    assert ask(log, policy, later_us).remaining == policy.requests - 1


@given(policies, starts_us, pauses_us)
def test_a_window_after_the_last_admission_nothing_counts_any_more(
    policy: Policy, start_us: int, pauses: list[int]
) -> None:
    log = Account()
    for at in arrivals(start_us, pauses):
        ask(log, policy, at)
    last_us = arrivals(start_us, pauses)[-1]
    later_us = last_us + policy.window_us + policy.resolution_us
    assert ask(log, policy, later_us).remaining == policy.requests - 1


def test_a_hundred_a_minute_as_the_contract_prints_it() -> None:
    policy, log = Policy("default", 100, 60 * S), Account()
    first = ask(log, policy, 0)
    assert (first.remaining, first.reset_s, first.limit, first.locally) == (99, 60, 100, False)
    for _ in range(99):
        last = ask(log, policy, 30 * S)
    assert (last.allowed, last.remaining, last.reset_s) == (True, 0, 30)
    refused = ask(log, policy, 30 * S)
    assert (refused.allowed, refused.retry_after_s) == (False, 30)


@pytest.mark.parametrize(
    ("next_in_us", "reset_s", "retry_after_s"),
    [(0, 0, 1), (1, 1, 1), (S, 1, 1), (S + 1, 2, 2), (60 * S + 500, 60, 61)],
)
def test_seconds_are_rounded_up_and_a_wait_is_at_least_one_and_may_be_the_window_and_one(
    next_in_us: int, reset_s: int, retry_after_s: int
) -> None:
    policy = Policy("default", 1, 60 * S)
    decision = Decision(Check(policy, "c"), Why.USED_UP, 0, next_in_us, 1)
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
    """By the contract Retry-After is between 1 and the window + 1. A window of an hour has steps of 7.2 s
    above 500 requests, and stamps are rounded up by up to a step."""
    policy, log = Policy("default", 501, 3600 * S), Account()
    while (decision := ask(log, policy, 1)).allowed:
        pass
    assert decision.retry_after_s <= 3601


# Several checks


def checks_of(*policies: Policy) -> Ask:
    return Ask(tuple(Check(policy, "c") for policy in policies))


some_policies = st.lists(policies, min_size=1, max_size=3)


@given(some_policies, starts_us, pauses_us)
def test_under_several_limits_no_window_of_any_holds_more_than_it_may(
    some: list[Policy], start_us: int, pauses: list[int]
) -> None:
    asked, logs = checks_of(*some), [Account() for _ in some]
    limits = [policy.requests for policy in some]
    admitted = [at for at in arrivals(start_us, pauses) if decide(asked, logs, limits, at).allowed]
    for policy in some:
        assert most_in_a_window(admitted, policy.window_us) <= policy.requests


@given(some_policies, starts_us, pauses_us)
def test_a_request_that_one_limit_refuses_is_charged_to_none(
    some: list[Policy], start_us: int, pauses: list[int]
) -> None:
    """Without the refused requests all decisions are the same, under every limit."""
    asked, limits = checks_of(*some), [policy.requests for policy in some]
    logs, without = [Account() for _ in some], [Account() for _ in some]
    for at in arrivals(start_us, pauses):
        decision = decide(asked, logs, limits, at)
        if decision.allowed:
            assert decide(asked, without, limits, at) == decision
    for log, other, policy in zip(logs, without, some, strict=True):
        other.count(policy, at)
        assert log._entries == other._entries


@given(some_policies, starts_us, pauses_us)
def test_who_waits_as_long_as_told_gets_through_all_limits(
    some: list[Policy], start_us: int, pauses: list[int]
) -> None:
    asked, logs = checks_of(*some), [Account() for _ in some]
    limits, times = [policy.requests for policy in some], arrivals(start_us, pauses)
    for at in times:
        decide(asked, logs, limits, at)
    while (decision := decide(asked, logs, limits, times[-1])).allowed:
        pass
    assert not decide(asked, logs, limits, times[-1] + decision.next_in_us - 1).allowed
    assert decide(asked, logs, limits, times[-1] + decision.next_in_us).allowed


def test_the_limit_that_decides_is_the_tightest_or_the_one_that_refuses_for_longest() -> None:
    minute, second = Policy("minute", 3, 60 * S), Policy("second", 2, S)
    asked, logs = checks_of(minute, second), [Account(), Account()]
    said = []
    for at in (0, 0, 0, 2 * S, 2 * S, 3 * S):
        decision = decide(asked, logs, [3, 2], at)
        others = [(one.policy.name, one.why, one.remaining) for one in decision.others]
        said.append((decision.policy.name, decision.why, decision.remaining, *others))
    assert said == [
        ("second", Why.ROOM, 1, ("minute", Why.ROOM, 2)),
        ("second", Why.ROOM, 0, ("minute", Why.ROOM, 1)),
        ("second", Why.USED_UP, 0, ("minute", Why.ROOM, 1)),
        ("minute", Why.ROOM, 0, ("second", Why.ROOM, 1)),
        ("minute", Why.USED_UP, 0, ("second", Why.ROOM, 1)),
        ("minute", Why.USED_UP, 0, ("second", Why.ROOM, 2)),
    ]


@given(some_policies, st.integers(0, 6), starts_us)
def test_requests_decided_together_are_decided_as_one_after_the_other(
    some: list[Policy], asking: int, now_us: int
) -> None:
    asked, logs = checks_of(*some), [Account() for _ in some]
    limits = [policy.requests for policy in some]
    one_by_one = [decide(asked, logs, limits, now_us) for _ in range(asking)]
    admitted = sum(decision.allowed for decision in one_by_one)
    reply = [admitted]
    for log, policy in zip(logs, some, strict=True):
        remaining, next_in_us = log.left(policy, now_us, policy.requests)
        reply += (remaining, next_in_us)
    assert spread(asked, asking, reply) == one_by_one


# Charged by the answer

LOGINS = Policy("logins", 2, 60 * S, frozenset([401, 403]))


def test_a_limit_on_answers_is_charged_by_their_status_and_not_before() -> None:
    log = Account()
    asked = checks_of(LOGINS)
    for status in (200, 401, 404, 403):
        assert decide(asked, [log], [2], 0).allowed
        charge = asked.after(status)
        assert (charge is not None) == (status in (401, 403))
        if charge is not None:
            decide(charge, [log], [2], 0)
    refused = decide(asked, [log], [2], 30 * S)
    assert (refused.allowed, refused.retry_after_s, log.used) == (False, 30, 2)
    assert decide(asked, [log], [2], 60 * S).allowed


def test_what_is_charged_after_is_charged_to_those_limits_alone_that_count_it() -> None:
    other, each = Policy("other", 5, S, frozenset([500])), Policy("each", 5, S)
    asked = checks_of(each, LOGINS, other)
    assert asked.after(403) == Ask((Check(LOGINS, "c"),), anyway=True)
    assert asked.after(200) is None


def test_who_is_over_a_limit_is_told_when_there_is_room_again() -> None:
    """Concurrent requests were admitted together, or the limit was lowered."""
    log, asked = Account(), checks_of(LOGINS)
    charge = asked.after(401)
    assert charge is not None
    for at in (0, S, 2 * S, 3 * S):
        decide(charge, [log], [2], at)
    refused = decide(asked, [log], [2], 3 * S)
    assert (refused.allowed, refused.remaining, refused.next_in_us) == (False, 0, 59 * S)
    assert not decide(asked, [log], [2], 62 * S - 1).allowed
    assert decide(asked, [log], [2], 62 * S).allowed


# A worker that decides alone


@given(st.integers(0, 100), st.integers(0, 20))
def test_a_worker_alone_admits_its_share_of_the_limit(requests: int, workers: int) -> None:
    limiter, policy = OwnAccounts(), Policy("default", requests, 60 * S)
    decisions = [
        limiter.decide(Ask((Check(policy, "c"),)), 0, workers) for _ in range(requests + 2)
    ]
    share = max(1, requests // max(1, workers))
    assert sum(decision.allowed for decision in decisions) == share
    assert {(decision.limit, decision.locally) for decision in decisions} == {(share, True)}


def test_clients_and_policies_are_counted_apart() -> None:
    limiter = OwnAccounts()
    one, other = Policy("default", 1, S), Policy("other", 1, S)
    for check in (Check(one, "a"), Check(one, "b"), Check(other, "a")):
        assert limiter.decide(Ask((check,)), 0, 1).allowed
        assert not limiter.decide(Ask((check,)), 0, 1).allowed


def test_the_clients_not_seen_for_longest_are_dropped_at_the_cap() -> None:
    limiter, policy = OwnAccounts(clients_kept=2), Policy("default", 1, S)
    for client in ("a", "b", "a", "c"):  # b is dropped
        limiter.decide(Ask((Check(policy, client),)), 0, 1)
    assert not limiter.decide(Ask((Check(policy, "a"),)), 0, 1).allowed
    assert not limiter.decide(Ask((Check(policy, "c"),)), 0, 1).allowed
    assert limiter.decide(Ask((Check(policy, "b"),)), 0, 1).allowed


def test_the_log_of_a_large_limit_stays_small() -> None:
    policy, log = Policy("default", 10_000, 60 * S), Account()
    for request in range(10_000):
        ask(log, policy, request * 6000)
    steps = math.ceil(policy.window_us / policy.resolution_us)
    assert len(log._entries) <= steps + 1


def test_a_worker_alone_counts_on_when_the_limit_of_a_name_changes() -> None:
    limiter = OwnAccounts()
    before, after = (Ask((Check(Policy("default", limit, S), "c"),)) for limit in (2, 3))
    assert [limiter.decide(before, 0, 1).allowed for _ in range(3)] == [True, True, False]
    assert [limiter.decide(after, 0, 1).allowed for _ in range(2)] == [True, False]


# Whose requests count together


def _key(
    by: str, *fields: tuple[bytes, bytes], client: str = "192.0.2.1", subject: str = ""
) -> str:
    policy = Policy("p", 1, S, by=by, header=b"x-tenant")
    return key_of(policy, Asking(client, "order_service", "orders", fields, subject))


def test_each_kind_has_its_own_key() -> None:
    assert _key("client") == "192.0.2.1"
    assert _key("service") == "service:order_service"
    assert _key("route") == "route:orders"
    assert _key("everyone") == "everyone"


def test_a_subject_is_counted_whatever_its_address_and_nobody_is_by_the_client() -> None:
    assert _key("subject", subject="subject:ab", client="192.0.2.2") == "subject:ab"
    assert _key("subject") == "192.0.2.1"


def test_a_field_is_counted_by_its_value_which_is_not_kept() -> None:
    key = _key("header", (b"X-Tenant", b"acme"))
    assert key == _key("header", (b"x-tenant", b"acme"), client="192.0.2.2")
    assert key != _key("header", (b"x-tenant", b"ACME"))
    assert "acme" not in key
    assert len(_key("header", (b"x-tenant", b"x" * 50_000))) == len(key)
    # RFC 9110 §5.3: a field that is sent twice is one list.
    twice = _key("header", (b"X-Tenant", b"a"), (b"X-TENANT", b"b"))
    assert twice == _key("header", (b"X-Tenant", b"a, b"))


def test_without_the_field_the_client_counts() -> None:
    assert _key("header") == "192.0.2.1"
