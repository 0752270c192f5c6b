"""What a request holds is settled once, with what it has cost."""

import pytest

from middlewares.limits.deciding import Check, Decision, Held, Policy, Settled, Why
from middlewares.limits.deciding.held import held_by

TOKENS = Check(Policy("tokens", 0, 1, budget=100, reserve=10), "c")
OTHER = Check(Policy("other", 0, 1, budget=100, reserve=20), "c")
IN_FLIGHT = Check(Policy("burst", 0, 0, concurrent=2), "c")
RATE = Check(Policy("rate", 3, 1), "c")


def test_budgets_are_charged_what_was_spent_or_all_that_was_reserved() -> None:
    held = Held([(TOKENS, 10), (OTHER, 20), (IN_FLIGHT, 1)])
    assert held.settle({"tokens": 4}) == [
        Settled(TOKENS, 10, 4),
        Settled(OTHER, 20, 20),
        Settled(IN_FLIGHT, 1, 0),
    ]
    assert held.settle({"tokens": 5}) == []


def test_what_is_given_back_costs_nothing() -> None:
    held = Held([(TOKENS, 10), (IN_FLIGHT, 1)])
    assert [one.spent for one in held.give_back()] == [0, 0]


def test_what_is_spent_above_the_reservation_is_charged_as_overdraft() -> None:
    (settled,) = Held([(TOKENS, 10)]).settle({"tokens": 13})
    assert (settled.spent, settled.overdraft) == (13, 3)


def test_a_settled_request_takes_no_more() -> None:
    held = Held([(TOKENS, 10)])
    assert held.add(TOKENS, 5)
    assert (held.reserved("tokens"), held.reserved("other")) == (15, 0)
    assert held.budget("tokens") == TOKENS
    assert held.budget("burst") is None
    held.give_back()
    assert not held.add(TOKENS, 5)


def test_a_decision_holds_of_those_checks_that_have_room_and_count_what_is_held() -> None:
    shadow = Check(Policy("shadow", 0, 0, concurrent=2, shadow=True), "c")
    others = (
        Decision(TOKENS, Why.ROOM, 90, 0, 100),
        Decision(shadow, Why.USED_UP, 0, 0, 2),
    )
    decision = Decision(RATE, Why.ROOM, 2, 0, 3, others=others)
    held = held_by(decision)
    assert held is not None
    assert list(held.items()) == [(TOKENS, 10)]
    assert held_by(decision._replace(why=Why.USED_UP)) is None
    assert held_by(decision._replace(others=())) is None


def test_a_policy_is_of_one_kind() -> None:
    for wrong in ({"budget": 5}, {"concurrent": 5}):
        with pytest.raises(ValueError, match="a limit counts requests, requests in flight, or"):
            Policy("wrong", 3, 1, **wrong)
    with pytest.raises(ValueError, match="only a limit of requests counts answers"):
        Policy("wrong", 0, 1, frozenset([401]), budget=5)
