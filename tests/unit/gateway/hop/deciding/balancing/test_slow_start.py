"""The weight of an instance that is new or back grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.balancing.slow_start import LEAST, LONG_AGO, ramped, since_when
from tests.support.balancing import candidates


def test_all_that_are_new_at_once_have_their_whole_weight() -> None:
    among = candidates(a=1, b=4)
    since = since_when({}, among, 50.0)
    assert set(since.values()) == {LONG_AGO}
    assert ramped(among, since, 50.0, 10.0) is among


def test_one_that_comes_begins_with_a_tenth_and_ends_with_all() -> None:
    among = candidates(a=2, b=4)
    since = since_when(since_when({}, candidates(a=2), 0.0), among, 50.0)
    assert ramped(among, since, 50.0, 10.0).weights == [2, pytest.approx(0.4)]
    assert ramped(among, since, 55.0, 10.0).weights == [2, pytest.approx(2.2)]
    assert ramped(among, since, 60.0, 10.0) is among


def test_one_that_comes_back_begins_anew() -> None:
    both = candidates(a=1, b=1)
    since = since_when({}, both, 0.0)
    since = since_when(since, candidates(a=1), 5.0)
    since = since_when(since, both, 9.0)
    assert ramped(both, since, 9.0, 10.0).weights == [1, LEAST]


def test_the_ramped_are_the_same_candidates() -> None:
    among = candidates(a=1, b=1)
    slow = ramped(among, {"s/a": LONG_AGO, "s/b": 0.0}, 5.0, 10.0)
    assert slow == among
    assert slow[1] is among[1]
    assert list(slow.cumulated_weights) == [1, pytest.approx(1.55)]
    assert among.weights == [1, 1]


@given(
    st.lists(st.sets(st.sampled_from("abcd"), min_size=1), min_size=1),
    st.floats(0.1, 100),
    st.floats(0, 100),
)
def test_somebody_has_always_the_whole_weight_and_nobody_less_than_a_tenth(
    memberships: list[set[str]], over_s: float, step_s: float
) -> None:
    since, now_s = since_when({}, candidates(**dict.fromkeys(memberships[0], 1)), 0.0), 0.0
    long_there = set(memberships[0])
    for ids in memberships[1:]:
        now_s += step_s
        among = candidates(**dict.fromkeys(sorted(ids), 1))
        since = since_when(since, among, now_s)
        weights = ramped(among, since, now_s, over_s).weights
        assert all(LEAST <= weight <= 1 for weight in weights)
        long_there &= ids
        if long_there:
            assert max(weights) == 1
