"""Costs are fitted to measured points, and checked by others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.carries.fitting import Point, fit

COSTS = st.floats(0.5, 500)


def point(call: float, ask: float, cost: float, held_out: bool = False) -> Point:
    return Point({"call": call, "ask": ask}, (cost,), held_out)


@given(COSTS, COSTS)
def test_exact_points_give_their_costs(call: float, ask: float) -> None:
    points = [point(1, asks, call + ask * asks) for asks in (1, 8, 64, 500)]

    found = fit(points)

    assert found.each == pytest.approx({"call": call, "ask": ask}, rel=1e-4)
    assert found.worst < 1e-4


def test_points_held_out_have_no_part_in_the_fit() -> None:
    points = [point(1, asks, 10 + 2 * asks) for asks in (1, 8, 64)]

    found = fit([*points, point(1, 20, 100, held_out=True)])

    assert found.each == pytest.approx({"call": 10, "ask": 2})
    assert found.misses_held_out == pytest.approx((-0.5,))
    assert found.worst_held_out == pytest.approx(0.5)


def test_the_median_of_the_rounds_counts() -> None:
    assert fit([Point({"call": 1}, (5, 90, 4))]).each == pytest.approx({"call": 5})


def test_nothing_costs_less_than_nothing() -> None:
    found = fit([point(1, 1, 10), point(1, 2, 8), point(1, 3, 6)])

    assert found.each.get("ask", 0) == 0
    assert 6 <= found.each["call"] <= 10


def test_of_two_parts_that_always_come_together_one_costs_it_all() -> None:
    found = fit([point(1, 2, 30), point(2, 4, 60)])

    assert found.cost({"call": 1, "ask": 2}) == pytest.approx(30)


def test_large_and_small_points_count_alike() -> None:
    found = fit([point(1, 1, 20), point(1, 10_000, 110_000)])

    assert found.misses == pytest.approx((0, 0), abs=1e-6)


def test_there_must_be_a_point() -> None:
    with pytest.raises(ValueError, match="no point"):
        fit([point(1, 1, 20, held_out=True)])
