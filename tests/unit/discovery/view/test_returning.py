"""Workers whose connection was lost read everything again, but not all at the same moment."""

from hypothesis import given
from hypothesis import strategies as st

from discovery.view.returning import MOST_S, WORTH_WAITING_S, spread_s

COUNTS = st.integers(0, 1_000_000)


def test_a_single_worker_waits_for_nobody() -> None:
    assert spread_s(1, 1_000_000) == 0


def test_a_small_system_does_not_wait_either() -> None:
    assert spread_s(4, 100) < WORTH_WAITING_S


def test_many_workers_take_twice_as_long_as_the_registry_needs_for_them() -> None:
    """The script of a snapshot takes 3 to 5 µs an instance (docs/scaling.md)."""
    assert 200 * 10_000 * 8e-6 < spread_s(200, 10_000) < 200 * 10_000 * 11e-6


@given(COUNTS, COUNTS)
def test_the_wait_has_an_end(followers: int, instances: int) -> None:
    assert 0 <= spread_s(followers, instances) <= MOST_S


@given(COUNTS, COUNTS)
def test_more_of_either_wait_no_shorter(followers: int, instances: int) -> None:
    assert spread_s(followers, instances) <= spread_s(followers + 1, instances)
    assert spread_s(followers, instances) <= spread_s(followers, instances + 1)
