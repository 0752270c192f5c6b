"""Which splits a worker goes by after a reload."""

from dataclasses import replace

from middlewares.split.deciding.evidence import Margins
from middlewares.split.deciding.plan import Plan, State
from middlewares.split.keeper import Keeper
from middlewares.split.live import LiveSplit
from middlewares.split.policy import Share, SplitPolicy
from middlewares.split.store import SplitStore

POLICY = SplitPolicy((Share("a", 5.0), Share("b", 95.0)), Plan(0, Margins()))
OTHER = replace(POLICY, shares=(Share("a", 50.0), Share("b", 50.0)))


def keeper(live: dict[str, LiveSplit]) -> Keeper:
    return Keeper(_never(), live)


def _never() -> SplitStore:
    return object.__new__(SplitStore)


def take(made: Keeper, **splits: SplitPolicy) -> None:
    for _ in made.taking(splits):
        pass


async def test_a_split_that_stays_keeps_its_state_and_one_that_is_gone_is_forgotten() -> None:
    live: dict[str, LiveSplit] = {}
    made = keeper(live)
    take(made, orders=POLICY, users=POLICY)
    live["orders"].take_state(State((25.0, 75.0), revision=4))
    take(made, orders=replace(POLICY, by="subject"))
    assert list(live) == ["orders"]
    assert live["orders"].weights == (25.0, 75.0)
    assert live["orders"].policy.by == "subject"
    assert live["orders"].came_from == ""


async def test_another_section_begins_with_its_own_shares_and_says_what_was_before() -> None:
    live: dict[str, LiveSplit] = {}
    made = keeper(live)
    take(made, orders=POLICY)
    first = live["orders"].id
    take(made, orders=OTHER)
    assert live["orders"].weights == (50.0, 50.0)
    assert live["orders"].came_from == first
    # The registry has heard of none of them yet.
    take(made, orders=replace(OTHER, plan=Plan(1, Margins())))
    assert live["orders"].came_from == first


async def test_another_section_counts_on() -> None:
    live: dict[str, LiveSplit] = {}
    made = keeper(live)
    take(made, orders=POLICY)
    live["orders"].requests["a"] += 7
    live["orders"].moved["a"] += 2
    take(made, orders=OTHER)
    assert (live["orders"].requests["a"], live["orders"].moved["a"]) == (7, 2)
