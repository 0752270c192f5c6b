"""Bars divided into shorter ones lose nothing and gain nothing."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.market_data.bars import Bar, merge
from services.market_data.splitting import split


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low, *between, high = sorted(draw(st.lists(st.integers(1, 10**7), min_size=4, max_size=4)))
    opened, closed = draw(st.permutations(between))
    return Bar(opened, high, low, closed, draw(st.integers(0, 10**9)))


@given(bar=bars(), parts=st.integers(1, 60), seed=st.integers())
def test_the_parts_merged_are_the_whole_again(bar: Bar, parts: int, seed: int) -> None:
    assert merge(split(bar, parts, Random(seed))) == bar


@given(bar=bars(), parts=st.integers(1, 60), seed=st.integers())
def test_each_part_is_a_bar_and_opens_where_the_one_before_closed(
    bar: Bar, parts: int, seed: int
) -> None:
    divided = split(bar, parts, Random(seed))
    assert len(divided) == parts
    for part in divided:
        assert part.low <= min(part.open, part.close)
        assert part.high >= max(part.open, part.close)
        assert part.volume >= 0
    for before, after in pairwise(divided):
        assert before.close == after.open


@given(bar=bars(), parts=st.integers(1, 60), seed=st.integers())
def test_the_same_draw_divides_the_same_way(bar: Bar, parts: int, seed: int) -> None:
    assert split(bar, parts, Random(seed)) == split(bar, parts, Random(seed))


def test_a_bar_in_which_nothing_happened_divides_into_such_bars() -> None:
    assert split(Bar(7, 7, 7, 7, 0), 4, Random(1)) == (Bar(7, 7, 7, 7, 0),) * 4
