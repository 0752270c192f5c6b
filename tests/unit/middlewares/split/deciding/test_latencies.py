"""Latencies in cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.split.deciding.latencies import (
    LAST,
    begins_s,
    cell_of,
    cells_of_ratio,
    from_cell,
    quantile,
)

SECONDS = st.floats(0.0, 1e6)


@given(SECONDS, SECONDS)
def test_a_longer_latency_is_in_no_earlier_cell(one: float, other: float) -> None:
    assert (cell_of(one) <= cell_of(other)) == (one <= other) or cell_of(one) == cell_of(other)


@given(st.floats(1e-4, 3000))
def test_a_latency_is_where_its_cell_begins_or_up_to_a_22nd_later(seconds: float) -> None:
    begins = begins_s(cell_of(seconds))
    assert begins * 0.999 <= seconds < begins * 1.0444


def test_what_is_too_quick_or_too_slow_has_a_cell_too() -> None:
    assert (cell_of(0.0), cell_of(-1.0), cell_of(1e9)) == (0, 0, LAST)


@given(st.floats(1e-3, 100), st.floats(1, 10))
def test_a_latency_times_a_ratio_is_no_further_than_the_cells_of_the_ratio(
    seconds: float, ratio: float
) -> None:
    assert cell_of(seconds * ratio) <= cell_of(seconds) + cells_of_ratio(ratio)


@given(st.lists(st.floats(1e-4, 100), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_that_of_the_sorted_latencies(seconds: list[float], share: float) -> None:
    cells: dict[int, int] = {}
    for one in seconds:
        cells[cell_of(one)] = cells.get(cell_of(one), 0) + 1
    found = quantile(cells, share)
    assert found is not None
    assert from_cell(cells, found + 1) <= (1 - share) * len(seconds) + 1e-6
    assert from_cell(cells, found) >= (1 - share) * len(seconds) - 1e-6


def test_without_latencies_there_is_no_quantile() -> None:
    assert quantile({}, 0.5) is None


@pytest.mark.parametrize(("ratio", "cells"), [(1.0, 0), (2.0, 16), (4.0, 32), (1.5, 10)])
def test_a_ratio_is_rounded_up(ratio: float, cells: int) -> None:
    assert cells_of_ratio(ratio) == cells
