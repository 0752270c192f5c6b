"""What a worker knows by itself: its share while it is alone, and what the registry must be told."""

from middlewares.limits.deciding import Ask, Check, Decision, Policy, Why
from middlewares.limits.deciding.alone import RENEWED_AFTER_US, OwnAccounts, Told
from middlewares.limits.deciding.held import held_by

S = 1_000_000
RATE = Policy("rate", 8, 60 * S)
TOKENS = Policy("tokens", 0, 60 * S, budget=100, reserve=10)
IN_FLIGHT = Policy("burst", 0, 0, concurrent=4)


def ask_of(*policies: Policy, key: str = "c") -> Ask:
    return Ask(tuple(Check(policy, key) for policy in policies))


def admitted(policy: Policy, remaining: int, key: str = "c") -> Decision:
    """As the registry answers."""
    return Decision(Check(policy, key), Why.ROOM, remaining, 0, policy.limit)


def test_of_a_budget_a_worker_alone_has_its_share_less_what_it_spent_before() -> None:
    own = OwnAccounts()
    for remaining in (90, 80):
        held = own.note(admitted(TOKENS, remaining), 0)
        assert held is not None
        own.settle(held.settle({"tokens": 7}), 0)
    decisions = [own.decide(ask_of(TOKENS), 0, 2) for _ in range(5)]
    assert [one.allowed for one in decisions] == [True, True, True, False, False]
    assert {(one.limit, one.locally) for one in decisions} == {(50, True)}


def test_of_a_budget_a_worker_alone_has_no_more_than_its_share_of_what_was_left() -> None:
    own = OwnAccounts()
    own.note(Decision(Check(TOKENS, "c"), Why.USED_UP, 5, 0, 100), 0)
    assert not own.decide(ask_of(TOKENS), 0, 2).allowed
    own.note(Decision(Check(TOKENS, "c"), Why.ROOM, 20, 0, 100)._replace(why=Why.USED_UP), 0)
    assert own.decide(ask_of(TOKENS), 0, 2).allowed
    assert not own.decide(ask_of(TOKENS), 0, 2).allowed
    # What the registry said is out of date after a window.
    assert own.decide(ask_of(TOKENS), TOKENS.window_us, 2).allowed


def test_alone_requests_in_flight_are_counted_too() -> None:
    own = OwnAccounts()
    first, second, refused = (own.decide(ask_of(IN_FLIGHT), 0, 2) for _ in range(3))
    assert [one.allowed for one in (first, second, refused)] == [True, True, False]
    assert own.reserved() == {"burst": 2}
    held = held_by(first)
    assert held is not None
    own.settle(held.settle(None), 0)
    assert own.decide(ask_of(IN_FLIGHT), 0, 2).allowed


def test_what_was_done_alone_is_told_once_and_no_longer_than_it_counts() -> None:
    own = OwnAccounts()
    for _ in range(3):
        assert own.decide(ask_of(RATE, TOKENS), 0, 1).allowed
    told = own.take((), 500, S)
    assert told == [Told(RATE, "c", 3, 0), Told(TOKENS, "c", 0, 30)]
    own.heard(told, S)
    assert own.take((), 500, S) == []
    own.decide(ask_of(RATE), 2 * S, 1)
    assert own.take((), 500, 100 * S) == [Told(RATE, "c", 0, 0)]


def test_keys_that_are_asked_about_are_told_first_and_the_others_in_turn() -> None:
    own = OwnAccounts()
    for number in range(5):
        own.decide(ask_of(RATE, key=str(number)), 0, 1)
    first = [Check(RATE, "4"), Check(RATE, "unknown")]
    assert [one.key for one in own.take(first, 3, 0)] == ["4", "0", "1"]
    assert [one.key for one in own.take((), 3, 0)] == ["2", "3"]


def test_what_changed_while_it_was_told_is_told_again() -> None:
    own = OwnAccounts()
    held = own.note(admitted(IN_FLIGHT, 3), 0)
    assert held is not None
    own.unsure([Check(IN_FLIGHT, "c")])
    told = own.take((), 500, 0)
    own.settle(held.settle(None), 0)
    own.heard(told, 0)
    again = own.take((), 500, 0)
    assert again == [Told(IN_FLIGHT, "c", 0, 0)]
    own.heard(again, 0)
    assert len(own) == 0


def test_what_is_held_is_told_again_before_it_lapses() -> None:
    own = OwnAccounts()
    own.note(admitted(IN_FLIGHT, 3), 0)
    own.unsure([Check(IN_FLIGHT, "c")])
    own.heard(own.take((), 500, 0), 0)
    own.renew(RENEWED_AFTER_US - 1)
    assert not own.untold
    own.renew(RENEWED_AFTER_US)
    assert own.take((), 500, 0) == [Told(IN_FLIGHT, "c", 0, 1)]


def test_accounts_in_which_nothing_counts_any_more_are_dropped() -> None:
    own = OwnAccounts()
    held = own.note(admitted(TOKENS, 90), 0)
    assert held is not None
    own.settle(held.settle({"tokens": 3}), 0)
    own.heard(own.take((), 500, 0), 0)
    own.renew(TOKENS.window_us - 1)
    assert len(own) == 1
    own.renew(TOKENS.window_us)
    assert len(own) == 0


def test_all_is_told_again_to_a_registry_that_has_lost_it() -> None:
    own = OwnAccounts()
    held = [own.note(admitted(TOKENS, 90 - 10 * number), 0) for number in range(2)]
    assert held[0] is not None
    own.settle(held[0].settle({"tokens": 3}), 0)
    own.heard(own.take((), 500, 0), 0)
    own.forget_told()
    assert own.take((), 500, 0) == [Told(TOKENS, "c", 3, 10)]


def test_at_the_cap_those_go_that_hold_nothing_and_untold_ones_are_counted() -> None:
    own = OwnAccounts(clients_kept=2)
    own.note(admitted(IN_FLIGHT, 3), 0)
    for key in "abc":
        own.decide(ask_of(RATE, key=key), 0, 1)
    assert len(own) == 2
    assert own.reserved() == {"burst": 1}
    assert own.dropped_untold == 2
    assert [one.key for one in own.take((), 500, 0)] == ["c"]
