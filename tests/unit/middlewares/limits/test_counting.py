"""Budgets and requests in flight: what is held and what is charged together never exceed the limit."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from middlewares.limits.deciding import Ask, Check, Policy, Why
from middlewares.limits.deciding.counting import HELD_AGAIN_US, LEASE_US, Account, decide

S = 1_000_000
TOKENS = Policy("tokens", 0, 10 * S, budget=20, reserve=6)
IN_FLIGHT = Policy("burst", 0, 0, concurrent=2)
WORKERS = ("a", "b", "c")


def ask_of(*policies: Policy, more: int = 0) -> Ask:
    return Ask(tuple(Check(policy, "c") for policy in policies), more=more)


class Stream(NamedTuple):
    """A request that is under way: whose it is, what it has reserved, and what it has spent so far."""

    worker: str
    reserved: int
    spent: int


class Registry:
    """The account of one budget, by a clock that may be set back, and what is spent by the true time."""

    def __init__(self) -> None:
        self.account = Account()
        self.true_us = 10**12
        self._clock_us = 10**12
        self.streams: list[Stream] = []
        self.spent: list[tuple[int, int]] = []

    def wait(self, us: int) -> None:
        self.true_us += us
        self._clock_us += us
        for worker in WORKERS:  # those that live renew their leases
            if worker in self.account.leases:
                self.account.hold(worker, self.account.leases[worker].units, self._clock_us)

    def set_back(self, us: int) -> None:
        self._clock_us -= us

    def ask(self, worker: str) -> None:
        decision = decide(
            ask_of(TOKENS), [self.account], [TOKENS.limit], self._clock_us, worker=worker
        )
        if decision.allowed:
            self.streams.append(Stream(worker, TOKENS.need, 0))

    def spend(self, units: int) -> None:
        """The oldest stream that may spends some, and reserves more where that is not enough."""
        if not self.streams:
            return
        worker, reserved, spent = self.streams.pop(0)
        short = spent + units - reserved
        if short > 0:
            asked = ask_of(TOKENS, more=short)
            decision = decide(asked, [self.account], [TOKENS.limit], self._clock_us, worker=worker)
            if not decision.allowed:
                self.streams.append(Stream(worker, reserved, spent))
                return
            reserved += short
        self.spent.append((self.true_us, units))
        self.streams.append(Stream(worker, reserved, spent + units))

    def settle(self) -> None:
        if self.streams:
            worker, reserved, spent = self.streams.pop()
            self.account.count(TOKENS, self._clock_us)
            held = self.account.leases[worker].units
            self.account.hold(worker, held - reserved, self._clock_us)
            if spent:
                self.account.charge(TOKENS, self._clock_us, spent)

    def most_in_a_window(self) -> int:
        return max(
            (
                sum(units for at, units in self.spent if first <= at < first + TOKENS.window_us)
                for first, _ in self.spent
            ),
            default=0,
        )


steps = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(WORKERS)),
    st.tuples(st.just("spend"), st.integers(1, 9)),
    st.tuples(st.just("settle"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([1, 1_500, S, 9 * S, 10 * S, 11 * S])),
    st.tuples(st.just("set_back"), st.sampled_from([1, S, 3600 * S])),
)


@given(st.lists(steps, max_size=60))
@settings(max_examples=300)
def test_no_interval_shorter_than_the_window_sees_more_spent_than_the_budget(
    taken: list[tuple[str, object]],
) -> None:
    """Streams spend bit by bit, reserve more, and end when they like; the clock may be set back."""
    registry = Registry()
    for what, value in taken:
        step = getattr(registry, what)
        step() if value is None else step(value)
        account = registry.account
        assert account.used + account.held <= TOKENS.limit
        assert account.held == sum(stream.reserved for stream in registry.streams)
    assert registry.most_in_a_window() <= TOKENS.limit


def test_what_a_dead_worker_had_in_flight_is_free_after_its_lease() -> None:
    account = Account()
    for _ in range(2):
        assert decide(ask_of(IN_FLIGHT), [account], [2], 0, worker="dead").allowed
    refused = decide(ask_of(IN_FLIGHT), [account], [2], LEASE_US - 1, worker="a")
    assert (refused.why, refused.next_in_us) == (Why.USED_UP, HELD_AGAIN_US)
    assert decide(ask_of(IN_FLIGHT), [account], [2], LEASE_US, worker="a").remaining == 1


def test_what_a_dead_worker_had_reserved_counts_as_spent_for_one_window_more() -> None:
    account = Account()
    assert decide(ask_of(TOKENS), [account], [20], 0, worker="dead").remaining == 14
    ends_us = LEASE_US + TOKENS.window_us
    assert decide(ask_of(TOKENS), [account], [20], ends_us - 1, worker="a").remaining == 8
    account.hold("a", 0, ends_us)
    assert decide(ask_of(TOKENS), [account], [20], ends_us, worker="a").remaining == 14


def test_who_does_not_fit_is_told_when_enough_is_spent_no_longer() -> None:
    account = Account()
    account.charge(TOKENS, 0, 4)
    account.charge(TOKENS, 2 * S, 12)
    refused = decide(ask_of(TOKENS), [account], [20], 3 * S)
    assert (refused.allowed, refused.remaining, refused.next_in_us) == (False, 4, 7 * S)
    account.hold("a", 5, 3 * S)
    refused = decide(ask_of(TOKENS), [account], [20], 3 * S)
    assert (refused.remaining, refused.next_in_us) == (0, 9 * S)
    account.hold("a", 15, 3 * S)
    refused = decide(ask_of(TOKENS), [account], [20], 3 * S)
    assert refused.next_in_us == HELD_AGAIN_US


def test_a_shadow_is_charged_for_what_it_would_admit_and_refuses_nobody() -> None:
    shadow = Policy("shadow", 1, S, shadow=True)
    narrow = Policy("narrow", 3, S)
    accounts = [Account(), Account()]
    decisions = [decide(ask_of(shadow, narrow), accounts, [1, 3], 0) for _ in range(4)]
    assert [one.allowed for one in decisions] == [True, True, True, False]
    assert {one.policy.name for one in decisions} == {"narrow"}
    assert [one.others[0].why for one in decisions] == [Why.ROOM, *[Why.USED_UP] * 3]
    assert [account.used for account in accounts] == [1, 3]


def test_a_shadow_that_counts_answers_is_not_charged_beyond_its_room() -> None:
    logins = Policy("logins", 2, S, frozenset([401]), shadow=True)
    account, charge = Account(), ask_of(logins).after(401)
    assert charge is not None
    for _ in range(4):
        assert decide(charge, [account], [2], 0).allowed
    assert account.used == 2
