"""Shares of a limit."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.machine.shares import ALL, Share


@given(st.integers(0, 10_000), st.integers(1, 64))
def test_the_shares_add_up_to_the_limit_and_nobody_goes_without(limit: int, workers: int) -> None:
    shares = [Share(slot, workers).of(limit) for slot in range(workers)]
    if limit >= workers:
        assert sum(shares) == limit
        assert max(shares) - min(shares) <= 1
    else:
        assert set(shares) == ({1} if limit else {0})


@given(st.integers(0, 10_000))
def test_one_process_has_all_of_it(limit: int) -> None:
    assert ALL.of(limit) == limit
