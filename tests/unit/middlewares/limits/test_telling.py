"""Calls are numbered, and one whose answer was lost is repeated as it was."""

from middlewares.limits.deciding import Check, Decision, Policy, Why
from middlewares.limits.deciding.alone import OwnAccounts, Told
from middlewares.limits.deciding.crossing import DECIDED, LOST, State
from middlewares.limits.deciding.telling import Telling

S = 1_000_000
TOKENS = Policy("tokens", 0, 60 * S, budget=100, reserve=10)
CHECK = Check(TOKENS, "c")
FINE = State("7", 0, DECIDED)


def spent(own: OwnAccounts, units: int) -> None:
    held = own.note(Decision(CHECK, Why.ROOM, 90, 0, 100), 0)
    assert held is not None
    own.settle(held.settle({"tokens": units}), 0)


def test_a_lost_call_is_repeated_with_its_number_before_there_is_another() -> None:
    own = OwnAccounts()
    telling = Telling(own)
    spent(own, 3)
    first = telling.next((), 0)
    telling.failed(first, [CHECK], 0)
    spent(own, 4)
    again = telling.again(5 * S)
    assert again is not None
    assert again.told == first.told == [Told(TOKENS, "c", 3, 0)]
    assert again.caller.call == first.caller.call
    telling.answered(again, FINE, 5 * S)
    assert telling.again(5 * S) is None
    following = telling.next((), 5 * S)
    assert following.caller.call == first.caller.call + 1
    assert following.caller.epoch == "7"
    assert following.told == [Told(TOKENS, "c", 4, 0)]


def test_what_is_repeated_after_its_window_charges_nothing() -> None:
    own = OwnAccounts()
    telling = Telling(own)
    spent(own, 3)
    telling.failed(telling.next((), S), [], S)
    again = telling.again(S + TOKENS.window_us)
    assert again is not None
    assert again.told == [Told(TOKENS, "c", 0, 0)]
    assert again.caller.away_us == TOKENS.window_us


def test_a_registry_that_lost_what_it_knew_is_told_all_by_a_caller_that_it_does_not_know() -> None:
    own = OwnAccounts()
    telling = Telling(own)
    spent(own, 3)
    first = telling.next((), 0)
    telling.answered(first, FINE, 0)
    assert not telling.has_something
    second = telling.next((), 0)
    telling.answered(second, State("8", 6 * S, LOST), 0)
    third = telling.next((), 0)
    assert third.told == [Told(TOKENS, "c", 3, 0)]
    assert third.caller.epoch == "8"
    assert third.caller.worker != second.caller.worker


def test_how_long_a_worker_was_alone_is_told_until_the_registry_has_answered() -> None:
    telling = Telling(OwnAccounts())
    telling.gone(2 * S)
    telling.gone(3 * S)
    assert telling.next((), 5 * S).caller.away_us == 3 * S
    telling.is_back()
    assert telling.next((), 6 * S).caller.away_us == 0
