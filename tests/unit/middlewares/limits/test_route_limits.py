"""The limits of a route: which are decided before it is known who asks, and what each needs to know."""

import pytest

from middlewares.auth.deciding import Requirement
from middlewares.limits.deciding import (
    ROOM,
    STILL_USED_UP,
    Check,
    Decision,
    Policy,
    RouteLimits,
    Why,
    beside,
)
from middlewares.routing.policy import RoutePolicy

PLAIN = Policy("plain", 1, 1)
LOG_INS = Policy("log_ins", 1, 1, frozenset([401]))
OF_SUBJECT = Policy("of_subject", 1, 1, frozenset([404]), by="subject")
BUDGET = Policy("budget", 0, 1, budget=5, by="header", header=b"x")
EVERY = (PLAIN, LOG_INS, OF_SUBJECT, BUDGET)


def test_what_counts_answers_stands_at_the_door_unless_it_counts_by_subject() -> None:
    policy = RoutePolicy(limits=EVERY, auth=Requirement(("ops",)))
    assert policy.limits_at_door.policies == (LOG_INS,)
    assert policy.limits_behind.policies == (PLAIN, OF_SUBJECT, BUDGET)


def test_without_a_door_all_are_decided_together() -> None:
    policy = RoutePolicy(limits=EVERY)
    assert policy.limits_at_door.policies == ()
    assert policy.limits_behind.policies == EVERY


@pytest.mark.parametrize(
    ("policies", "told"),
    [
        ((), (True, False, False, True)),
        ((PLAIN,), (True, False, False, True)),
        ((PLAIN, LOG_INS), (True, False, True, False)),
        ((OF_SUBJECT,), (False, False, True, False)),
        ((BUDGET,), (False, True, False, False)),
        ((Policy("a", 1, 1, shadow=True),), (True, False, False, False)),
        ((Policy("a", 1, 1, by="everyone"),), (False, False, False, True)),
    ],
)
def test_what_they_need_to_know(
    policies: tuple[Policy, ...], told: tuple[bool, bool, bool, bool]
) -> None:
    limits = RouteLimits(policies)
    assert (limits.by_client, limits.by_header, limits.count_answers, limits.are_plain) == told


def test_a_client_may_have_one_of_its_own_beside_them() -> None:
    own = Policy("key", 1, 1, by="subject")
    limits = RouteLimits([PLAIN]).and_own(own)
    assert limits.policies == (PLAIN, own)
    assert not limits.by_client


def decision(policy: Policy, remaining: int, why: Why = ROOM, *others: Decision) -> Decision:
    return Decision(Check(policy, "c"), why, remaining, 5, 1, others=others)


def test_two_decisions_are_one_with_the_one_first_that_has_least_left() -> None:
    first = decision(LOG_INS, 7, ROOM, decision(PLAIN, 8))
    second = decision(OF_SUBJECT, 3, ROOM, decision(BUDGET, 9))
    both = beside(first, second)
    assert [one.policy for one in (both, *both.others)] == [OF_SUBJECT, LOG_INS, PLAIN, BUDGET]
    assert all(one.others == () for one in both.others)


def test_a_refusal_comes_first() -> None:
    both = beside(decision(LOG_INS, 1), decision(PLAIN, 0, STILL_USED_UP))
    assert (both.policy, both.allowed) == (PLAIN, False)
