"""What clients are told of several kinds of limits, and what refuses them."""

import pytest

from middlewares.failures import RateLimited, TooManyInFlight
from middlewares.limits.deciding import ROOM, USED_UP, Check, Decision, Policy, Why
from middlewares.limits.layer import limit_values, refusal, shown
from middlewares.problems import problem_of

MINUTE_US = 60_000_000
RATE = Policy("rate", 10, MINUTE_US)
IN_FLIGHT = Policy("in_flight", 0, 0, concurrent=5)
TOKENS = Policy("tokens", 0, MINUTE_US, budget=100, reserve=30)
SHADOW = Policy("shadow", 1, MINUTE_US, shadow=True)


def decided(policy: Policy, why: Why = ROOM, remaining: int = 3, next_in_us: int = 0) -> Decision:
    return Decision(Check(policy, "c"), why, remaining, next_in_us, policy.limit)


def test_a_list_has_a_member_for_each_limit() -> None:
    others = (decided(RATE, next_in_us=1_500_000), decided(TOKENS, next_in_us=MINUTE_US))
    decision = decided(IN_FLIGHT)._replace(others=others)
    assert limit_values(decision) == (
        b'"in_flight";q=5;qu="concurrent-requests", "rate";q=10;w=60, "tokens";q=100;w=60',
        b'"in_flight";r=3, "rate";r=3;t=2, "tokens";r=3;t=60',
    )


def test_a_limit_on_requests_in_flight_says_when_to_come_again_only_if_it_refuses() -> None:
    refused = decided(IN_FLIGHT, USED_UP, 0)
    assert limit_values(refused)[1] == b'"in_flight";r=0;t=1'


def test_shadows_are_shown_to_nobody() -> None:
    assert shown(decided(SHADOW, USED_UP, 0)) is None
    plain = decided(RATE)
    assert shown(plain) is plain
    beside = plain._replace(others=(decided(SHADOW, USED_UP, 0), decided(TOKENS)))
    told = shown(beside)
    assert told is not None
    assert [one.policy for one in told.others] == [TOKENS]


@pytest.mark.parametrize(
    ("policy", "kind", "status"),
    [(RATE, RateLimited, 429), (TOKENS, RateLimited, 429), (IN_FLIGHT, TooManyInFlight, 503)],
)
def test_each_kind_refuses_in_its_way(policy: Policy, kind: type, status: int) -> None:
    failure = refusal(decided(policy, USED_UP, 0, 2_000_000))
    assert type(failure) is kind
    assert problem_of(failure).status == status
    assert getattr(failure, "retry_after_s") == 2  # noqa: B009  # both have it
