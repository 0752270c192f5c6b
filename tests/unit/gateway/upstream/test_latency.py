"""A peak of latency counts at once, decays with time, and matters only where it is clear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.latency import DECAY_S, SLACK_S, TIMES, Latency, Siblings, compare

times = st.floats(0.0001, 60)


def after(*took_s: float, at_s: float = 100.0) -> Latency:
    latency = Latency()
    for one in took_s:
        latency.answered(one, at_s)
    return latency


def test_a_longer_answer_counts_at_once() -> None:
    assert after(0.01, 0.01, 3.0).value_s == 3.0


def test_shorter_answers_bring_it_down_little_by_little_and_time_does_too() -> None:
    latency = after(3.0)
    latency.answered(0.01, 100.1)
    assert 2.0 < latency.value_s < 3.0
    latency.answered(0.01, 100.1 + 5 * DECAY_S)
    assert latency.value_s < 0.05


@given(st.lists(st.tuples(times, times), min_size=1))
def test_it_is_between_the_last_answer_and_the_longest(answers: list[tuple[float, float]]) -> None:
    latency, now_s = Latency(), 0.0
    for took_s, passed_s in answers:
        now_s += passed_s
        latency.answered(took_s, now_s)
        assert took_s <= latency.value_s <= max(took for took, _ in answers)


def test_a_few_milliseconds_make_nobody_slow() -> None:
    fast, near = after(0.0005), after(0.015)
    compare([fast, near], 100.0)
    assert (fast.slowness, near.slowness) == (1.0, 1.0)


def test_who_is_clearly_slower_is_so_by_as_much_until_its_peak_has_decayed() -> None:
    """Its siblings answer on; it gets no request, and is tried again all the same."""
    fast, slow = after(0.01), after(2.0)
    compare([fast, slow], 100.0)
    assert slow.slowness == pytest.approx((2.0 + SLACK_S) / (0.01 + SLACK_S))
    now_s = 100.0
    while slow.slowness > 1.0:
        now_s += 1.0
        fast.answered(0.01, now_s)
        before, _ = slow.slowness, compare([fast, slow], now_s)
        assert slow.slowness < before
    assert 2 * DECAY_S < now_s - 100.0 < 5 * DECAY_S


def test_a_jump_is_seen_before_the_next_comparison() -> None:
    fast, slow = after(0.01), after(0.01)
    compare([fast, slow], 100.0)
    slow.answered(2.0, 100.01)
    assert slow.slowness == pytest.approx((2.0 + SLACK_S) / (0.01 + SLACK_S))


def test_where_all_are_slow_nobody_is_slower() -> None:
    all_slow = [after(2.0), after(2.5), after(3.0)]
    compare(all_slow, 100.0)
    assert {one.slowness for one in all_slow} == {1.0}


def test_who_has_not_answered_for_long_is_nobody_to_compare_with() -> None:
    once, now = after(0.001, at_s=0.0), after(2.0)
    compare([once, now], 100.0)
    assert now.slowness == 1.0


def test_an_unknown_latency_is_neither_slow_nor_fast() -> None:
    unknown, slow = Latency(), after(2.0)
    compare([unknown, slow], 100.0)
    assert (unknown.slowness, slow.slowness) == (1.0, 1.0)


def test_a_request_that_waits_longer_than_usual_counts_before_its_answer() -> None:
    latency = after(0.01)
    latency.waits(100.0, 100.005)
    assert latency.value_s == 0.01
    latency.waits(100.0, 100.5)
    assert latency.value_s == 0.5


def test_failures_that_come_fast_do_not_look_fast() -> None:
    fast, failing = after(0.01), after(0.01)
    compare([fast, failing], 100.0)
    failing.failed(0.0001, 100.0)
    assert failing.slowness == 1.0  # a single one is nothing
    failing.failed(0.0001, 100.0)
    failing.failed(0.0001, 100.0)
    assert failing.slowness > TIMES


def test_one_failure_in_a_hundred_makes_nobody_slow() -> None:
    fast, failing, now_s = after(0.01), after(0.01), 100.0
    for number in range(1000):
        now_s += 0.001
        (failing.failed if number % 100 == 0 else failing.answered)(0.01, now_s)
        fast.answered(0.01, now_s)
        compare([fast, failing], now_s)
        assert failing.slowness == 1.0


def test_siblings_are_compared_while_somebody_answers_or_is_slow() -> None:
    siblings = Siblings()
    fast, slow = Latency(siblings), Latency(siblings)
    siblings.latencies += [fast, slow]
    fast.answered(0.01, 100.0)
    slow.answered(0.5, 100.0)
    siblings.compare(100.0)
    assert slow.slowness > 1.0
    now_s = 100.0
    while siblings.are_stirred:  # nobody answers, and it is forgiven all the same
        now_s += 0.1
        siblings.compare(now_s)
    assert slow.slowness == 1.0
    assert now_s < 120.0
