"""Pauses before repeats."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.pausing import FIRST_S, LONGEST_S, asked_pause_s, pause_s

NOW_S = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


def test_the_first_repeat_elsewhere_comes_at_once() -> None:
    assert pause_s(1, elsewhere=True, rng=random.Random(1)) == 0.0


@given(st.integers(1, 1000), st.booleans(), st.integers())
def test_a_pause_is_never_longer_than_the_doubled_one_before_and_the_longest(
    repeat: int, elsewhere: bool, seed: int
) -> None:
    drawn_s = pause_s(repeat, elsewhere=elsewhere, rng=random.Random(seed))
    assert 0.0 <= drawn_s <= min(LONGEST_S, FIRST_S * 2.0 ** (repeat - 1))


@pytest.mark.parametrize(("repeat", "longest_s"), [(1, 0.025), (2, 0.05), (3, 0.1), (9, 0.25)])
def test_pauses_are_spread_over_all_of_their_range(repeat: int, longest_s: float) -> None:
    rng = random.Random(1)
    drawn_s = sorted(pause_s(repeat, elsewhere=False, rng=rng) for _ in range(1000))
    assert drawn_s[0] < longest_s / 100
    assert drawn_s[-1] > longest_s * 0.99
    assert drawn_s[500] == pytest.approx(longest_s / 2, rel=0.1)


@pytest.mark.parametrize(
    ("value", "asked_s"),
    [
        (b"0", 0.0),
        (b"120", 120.0),
        (b"Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        (b"Friday, 15-Jan-27 08:00:30 GMT", 30.0),
        (b"Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        (b"-1", 0.0),
        (b"1.5", 0.0),
        (b"9" * 10, float("inf")),
        (b"9" * 400, float("inf")),
        (b"soon", 0.0),
        (b"\xff", 0.0),
        (b"", 0.0),
        (b"Fri, 99 Jan 2027 08:00:30 GMT", 0.0),
    ],
)
def test_what_a_retry_after_asks_for(value: bytes, asked_s: float) -> None:
    assert asked_pause_s(value, NOW_S) == asked_s


@given(st.binary(max_size=40))
def test_no_retry_after_breaks_anything(value: bytes) -> None:
    assert asked_pause_s(value, NOW_S) >= 0.0
