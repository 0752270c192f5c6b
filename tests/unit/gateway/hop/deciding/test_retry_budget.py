"""The budget for repeats: few beside the requests, and never more than a few a second beyond that."""

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.retry_budget import LEAST_A_SECOND, WINDOW_S, RetryBudget, RetryBudgets

TIMES = st.lists(st.tuples(st.floats(0, 60), st.booleans()), max_size=400)


@given(TIMES, st.sampled_from([0.0, 0.1, 0.2, 1.0]))
def test_in_any_window_repeats_are_within_the_share_or_few_a_second(
    steps: Sequence[tuple[float, bool]], share: float
) -> None:
    budget = RetryBudget()
    requests: list[float] = []
    repeats: list[float] = []
    for now_s, is_repeat in sorted(steps):
        if not is_repeat:
            budget.count(now_s)
            requests.append(now_s)
        elif budget.take(share, now_s):
            repeats.append(now_s)
            window = [one for one in repeats if one > now_s - WINDOW_S + 1]
            came = [one for one in requests if one > now_s - WINDOW_S]
            second = [one for one in repeats if int(one) == int(now_s)]
            assert len(window) <= share * len(came) or len(second) <= LEAST_A_SECOND


@given(st.integers(0, 50), st.floats(0, 1e6))
def test_three_a_second_are_always_allowed(before: int, start_s: float) -> None:
    budget = RetryBudget()
    for _ in range(before):
        budget.take(0.0, start_s)
    for second in range(1, 5):
        taken = [budget.take(0.0, start_s + second) for _ in range(5)]
        assert taken == [True] * LEAST_A_SECOND + [False] * 2


def test_what_is_ten_seconds_old_counts_no_more() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.count(5.0)
    assert [budget.take(0.2, 14.9) for _ in range(201)] == [*[True] * 200, False]
    assert [budget.take(0.2, 15.1) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_steps_back_frees_nothing() -> None:
    budget = RetryBudget()
    assert [budget.take(0.0, now_s) for now_s in (100.0, 99.0, 98.0, 97.0)] == [
        *[True] * LEAST_A_SECOND,
        False,
    ]


def test_a_worker_has_its_part_of_what_is_always_allowed() -> None:
    budget = RetryBudgets(1)["a"]
    assert [budget.take(0.0, 5.0) for _ in range(2)] == [True, False]


def test_each_service_has_its_own() -> None:
    budgets = RetryBudgets()
    assert budgets["a"] is budgets["a"] is not budgets["b"]


def test_thirty_seconds_without_an_instance_add_a_fifth_to_the_load() -> None:
    """500 requests a second, each of which would be tried three times, after some good seconds."""
    budget, rng = RetryBudget(), random.Random(1)
    sent = [0] * 45
    for number in range(45 * 500):
        now_s = 1000 + number / 500
        second = number // 500
        budget.count(now_s)
        sent[second] += 1
        for _ in range(2 if second >= 15 else 0):
            if not budget.take(0.2, now_s + rng.random() * 0.001):
                break
            sent[second] += 1
    assert max(sent) <= 1.4 * 500 + 1
    for second in range(15, 35):
        assert sum(sent[second : second + 10]) <= 1.2 * 5000 + 3 * 10
    # When it is back no request is repeated any more, but for those in a pause of a quarter of a second.
    assert (max(sent) - 500) * 0.25 <= 0.2 * 500
