"""The test for two proportions."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.split.deciding.proportions import Counted, excess

COUNTED = st.integers(1, 2000).flatmap(lambda n: st.builds(Counted, st.integers(0, n), st.just(n)))


def test_a_canary_that_is_no_worse_has_no_excess() -> None:
    assert excess(Counted(2, 100), Counted(20, 1000), 0.0) == (0.0, 1.0)
    assert excess(Counted(3, 100), Counted(10, 1000), 0.02) == (0.0, 1.0)


def test_a_side_without_requests_shows_nothing() -> None:
    assert excess(Counted(0, 0), Counted(1, 10)).p == excess(Counted(9, 9), Counted(0, 0)).p == 1.0


def test_the_statistic_is_that_of_chernoff_where_the_stable_rate_is_known() -> None:
    found = excess(Counted(30, 300), Counted(0, 10**9), 0.02)
    assert found.statistic == pytest.approx(
        300 * (0.1 * math.log(0.1 / 0.02) + 0.9 * math.log(0.9 / 0.98)), rel=0.01
    )


@given(COUNTED, COUNTED, st.floats(0, 0.5))
def test_it_is_a_probability_and_more_failures_of_the_canary_never_clear_it(
    canary: Counted, stable: Counted, margin: float
) -> None:
    found = excess(canary, stable, margin)
    assert 0 <= found.p <= 1
    if canary.some < canary.all:
        assert excess(Counted(canary.some + 1, canary.all), stable, margin).p <= found.p + 1e-12


@pytest.mark.parametrize(
    ("canary", "stable", "rate"), [(30, 600, 0.0), (200, 200, 0.3), (50, 2000, 0.05), (20, 20, 0.5)]
)
def test_it_is_never_below_a_level_more_often_than_the_level_says(
    canary: int, stable: int, rate: float
) -> None:
    """At the very margin, where the canary is as bad as it may be."""
    rng, margin, level, rounds = random.Random(7), 0.02, 0.05, 2000
    below = 0
    for _ in range(rounds):
        found = excess(
            Counted(sum(rng.random() < rate + margin for _ in range(canary)), canary),
            Counted(sum(rng.random() < rate for _ in range(stable)), stable),
            margin,
        )
        below += found.p < level
    assert below <= level * rounds
