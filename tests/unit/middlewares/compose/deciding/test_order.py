"""Parts that wait for each other in a ring are found."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from middlewares.compose.deciding.order import ring_of


def test_a_part_that_needs_itself() -> None:
    assert ring_of({"a": ["a"]}) == ["a", "a"]


def test_a_ring_is_told_from_its_first_part_on() -> None:
    assert ring_of({"x": ["b"], "a": ["c"], "b": ["a"], "c": ["b"]}) == ["b", "a", "c", "b"]


def test_parts_without_a_ring() -> None:
    assert ring_of({"a": ["b", "c"], "b": ["c"], "c": ["nobody"]}) == ()


@given(st.dictionaries(st.integers(0, 7), st.frozensets(st.integers(0, 7)), max_size=8))
def test_there_is_a_ring_where_no_order_is_left(graph: dict[int, frozenset[int]]) -> None:
    needs = {str(name): [str(one) for one in wanted] for name, wanted in graph.items()}
    left = dict(needs)
    while ready := [name for name, wanted in left.items() if not set(wanted) & set(left)]:
        for name in ready:
            del left[name]
    ring = ring_of(needs)
    assert bool(ring) == bool(left)
    assert all(after in needs[before] for before, after in itertools.pairwise(ring))
    if ring:
        assert ring[0] == ring[-1]
