"""One route's split in a worker."""

import tracemalloc
from dataclasses import replace

from middlewares.split.deciding.evidence import PERIODS, Margins
from middlewares.split.deciding.plan import Plan, State
from middlewares.split.live import MOST_OF_ONE, LiveSplit
from middlewares.split.policy import Share, SplitPolicy

POLICY = SplitPolicy((Share("a", 5.0), Share("b", 95.0)), Plan(0, Margins()))
PERIOD = POLICY.plan.period_ms


def test_of_one_identity_only_some_requests_count_in_a_period() -> None:
    live = LiveSplit("orders", POLICY)
    for _ in range(20):
        live.add(0, b"one", failed=True, took_s=0.1)
    live.add(0, b"other", failed=False, took_s=0.1)
    assert live.taken(0)["c"] == MOST_OF_ONE + 1
    assert live.begins_period(PERIOD)
    assert not live.begins_period(PERIOD + 1)
    live.add(0, b"one", failed=True, took_s=0.1)
    assert live.taken(PERIOD) == {"c": 1, "cf": 1}


def test_without_margins_and_steps_nothing_is_counted() -> None:
    live = LiveSplit("orders", replace(POLICY, plan=Plan(0)))
    live.add(0, b"one", failed=True, took_s=0.1)
    assert live.taken(0) == {}


def test_it_keeps_what_it_has_seen_for_a_window() -> None:
    live = LiveSplit("orders", POLICY)
    for period in range(PERIODS + 5):
        live.add(1, b"one", failed=False, took_s=0.1)
        live.taken(period * PERIOD)
        live.begins_period(period * PERIOD)
    assert len(live.gathered(alone=True).periods) == PERIODS + 1
    assert live.gathered(alone=True).total["s"] == PERIODS + 5


def test_new_shares_begin_without_evidence() -> None:
    live = LiveSplit("orders", POLICY)
    live.add(0, b"one", failed=True, took_s=0.1)
    live.taken(0)
    live.add(0, b"one", failed=True, took_s=0.1)
    live.take_state(State((50.0, 50.0), revision=1))
    assert live.taken(0) == {}
    assert live.gathered(alone=True).total == {}


def test_a_state_for_other_shares_leaves_those_of_the_file() -> None:
    live = LiveSplit("orders", POLICY)
    live.take_state(State((), revision=3))
    assert (live.state.weights, live.state.revision) == ((5.0, 95.0), 3)


def test_margins_may_change_and_shares_stay() -> None:
    live = LiveSplit("orders", POLICY)
    live.take_state(State((50.0, 50.0), revision=1))
    live.taken(0)
    other = replace(POLICY, plan=Plan(0, Margins(errors=0.5, over_s=600.0)))
    assert other.print == POLICY.print
    live.take_policy(other)
    assert live.state.weights == (50.0, 50.0)
    assert replace(POLICY, plan=Plan(1, Margins())).print != POLICY.print


def test_what_identities_are_is_not_kept() -> None:
    live = LiveSplit("orders", POLICY)
    tracemalloc.start()
    for number in range(500):
        live.add(0, b"%d" % number * 5000, failed=False, took_s=0.1)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 500_000  # the identities are 7 MB
