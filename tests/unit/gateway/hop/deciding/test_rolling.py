"""What a rolling window counts, and what an answer typically takes."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.rolling import BUCKETS, RECENT_S, WINDOW_S, Peak, Rolling, typical_of

Attempts = list[tuple[float, bool, float | None]]
attempts = st.lists(
    st.tuples(st.floats(0, 8), st.booleans(), st.none() | st.floats(0.001, 10)),
    max_size=40,
)


@given(attempts)
def test_it_counts_what_the_last_buckets_hold(steps: Attempts) -> None:
    """A naive twin keeps every attempt, and counts those of the last ten seconds that have begun."""
    window, now_s, kept = Rolling(), 100.0, list[tuple[int, bool, float | None]]()
    for pause_s, failed, took_s in steps:
        now_s += pause_s
        window.note(now_s, failed=failed, took_s=took_s)
        kept.append((int(now_s), failed, took_s))

        within = [one for one in kept if one[0] > int(now_s) - BUCKETS]
        assert window.attempts == len(within)
        assert window.failures == sum(one[1] for one in within)
        assert window.timed == sum(one[2] is not None for one in within)


def test_a_window_that_is_rolled_on_is_empty() -> None:
    window = Rolling()
    window.note(100.0, failed=True, took_s=1.0)

    window.roll(100.0 + WINDOW_S)

    assert (window.attempts, window.failures, window.timed, window.typical_s) == (0, 0, 0, 0.0)


def test_one_answer_that_takes_long_says_little() -> None:
    window = Rolling()
    for took_s in [0.005] * 9 + [30.0]:
        window.note(100.0, failed=False, took_s=took_s)

    assert window.typical_s == pytest.approx(0.012, abs=0.001)


def test_what_is_recent_is_the_last_two_seconds() -> None:
    window = Rolling()
    window.note(100.0, failed=True)
    window.note(101.0, failed=True)
    window.note(100.0 + RECENT_S, failed=False)

    assert window.recent() == (2, 1)


def test_no_answers_have_no_typical_time() -> None:
    assert typical_of(0.0, 0) == (0.0, 0)


@given(st.lists(st.floats(0, 4), min_size=1, max_size=60))
def test_the_busiest_second_is_that_of_the_last_ten(pauses_s: list[float]) -> None:
    peak, now_s, seconds = Peak(), 100.0, list[int]()
    for pause_s in pauses_s:
        now_s += pause_s
        peak.count(now_s)
        seconds.append(int(now_s))

        within = [one for one in seconds if one > int(now_s) - BUCKETS]
        assert peak.per_s(now_s) == max(Counter(within).values())


def test_without_requests_no_second_is_busy() -> None:
    peak = Peak()
    peak.count(100.0)

    assert peak.per_s(100.0 + WINDOW_S) == 0.0
