"""When a certificate is ordered."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.acme.deciding.backoff import Backoff
from gateway.acme.deciding.renewal import Attempt, Term, Work, challenge_for, work

DAY_S = 86400.0
A, B = "a.example", "b.example"


def term(*names: str, begins: float = 0, days: float = 90) -> Term:
    return Term(frozenset(names), begins * DAY_S, (begins + days) * DAY_S)


def work_at(day: float, *domains: str, **known: object) -> Work:
    usual = {
        "shared": {},
        "own": {},
        "attempts": {},
        "paused_until_s": 0.0,
        "renew_before_s": 30 * DAY_S,
    }
    return work(domains, **{**usual, **known}, now_s=day * DAY_S)


def test_what_is_missing_is_ordered() -> None:
    assert work_at(0, A, B, shared={A: term(A)}) == Work(order=(B,))


def test_a_certificate_is_renewed_30_days_ahead() -> None:
    assert not work_at(59.9, A, shared={A: term(A)})
    assert work_at(60, A, shared={A: term(A)}) == Work(order=(A,))


def test_a_short_certificate_is_renewed_at_a_third_of_its_life() -> None:
    assert not work_at(3.9, A, shared={A: term(A, days=6)})
    assert work_at(4, A, shared={A: term(A, days=6)}) == Work(order=(A,))


def test_a_certificate_of_other_names_is_none() -> None:
    assert work_at(0, A, shared={A: term(B)}) == Work(order=(A,))


def test_what_the_registry_has_lost_is_put_back_and_not_ordered() -> None:
    assert work_at(1, A, own={A: term(A)}) == Work(put_back=(A,))


def test_what_is_put_back_may_be_due_too() -> None:
    assert work_at(70, A, own={A: term(A)}) == Work((A,), (A,))


def test_an_expired_certificate_is_not_put_back() -> None:
    assert work_at(90, A, own={A: term(A)}) == Work(order=(A,))


def test_the_certificate_that_was_made_later_wins_though_it_may_end_first() -> None:
    old, new = term(A), term(A, begins=50, days=6)
    assert not work_at(51, A, shared={A: new}, own={A: old})
    assert work_at(51, A, shared={A: old}, own={A: new}) == Work(put_back=(A,))


def test_after_a_failure_it_waits() -> None:
    attempts = {A: Attempt(3, again_at_s=2 * DAY_S, why="dns")}
    assert not work_at(1.9, A, attempts=attempts)
    assert work_at(2, A, attempts=attempts) == Work(order=(A,))


def test_a_pause_that_a_wrong_clock_wrote_is_none() -> None:
    assert not work_at(1, A, attempts={A: Attempt(1, 3 * DAY_S)})
    assert work_at(1, A, attempts={A: Attempt(1, 400 * DAY_S)}) == Work(order=(A,))
    assert work_at(1, A, paused_until_s=400 * DAY_S) == Work(order=(A,))


def test_a_failure_of_one_domain_does_not_hold_up_another_one() -> None:
    assert work_at(1, A, B, attempts={A: Attempt(3, 2 * DAY_S)}) == Work(order=(B,))


def test_while_the_authority_wants_a_pause_nothing_is_ordered() -> None:
    assert not work_at(1, A, B, paused_until_s=2 * DAY_S)
    assert work_at(1, A, paused_until_s=2 * DAY_S, own={A: term(A)}) == Work(put_back=(A,))


def test_challenges_take_turns_after_failures() -> None:
    both = ("http-01", "tls-alpn-01")
    offered = ["dns-01", "tls-alpn-01", "http-01"]
    assert [challenge_for(offered, both, failures) for failures in range(3)] == [
        "http-01",
        "tls-alpn-01",
        "http-01",
    ]
    assert challenge_for(offered, ("tls-alpn-01",), 0) == "tls-alpn-01"
    assert challenge_for(["dns-01"], both, 0) is None


@given(failures=st.integers(1, 10_000), seed=st.integers())
def test_pauses_grow_within_bounds(failures: int, seed: int) -> None:
    backoff = Backoff()
    pause_s = backoff.pause_s(failures, random.Random(seed))
    middle_s = min(60.0 * 4.0 ** min(failures - 1, 20), 6 * 3600.0)
    assert 0.8 * middle_s <= pause_s <= 1.2 * middle_s


@given(seed=st.integers())
def test_fewer_than_5_orders_fail_in_an_hour(seed: int) -> None:
    rng, now_s, orders = random.Random(seed), 0.0, 0
    while now_s < 3600:
        orders += 1
        now_s += Backoff().pause_s(orders, rng)
    assert orders < 5
