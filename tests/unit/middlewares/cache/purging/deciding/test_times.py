"""A purge that was heard of after a time is never taken for one before it."""

from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.purging.deciding import times as times_
from middlewares.cache.purging.deciding.times import PurgeTimes


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=60), st.floats(0, 100))
def test_a_purge_after_a_time_is_never_taken_for_one_before(
    looks: list[tuple[float, bool]], at_s: float
) -> None:
    """The revision at a time is at most the real one, so `took` sees every later purge."""
    times, revision, real = PurgeTimes(7), 7, 7
    for now_s, is_purge in sorted(looks):
        revision += is_purge
        if now_s <= at_s:
            real = revision
        if not is_purge:
            times.note(now_s, revision)
    assert times.revision_at(at_s) <= real


def test_a_purge_before_is_known_as_such_soon() -> None:
    times = PurgeTimes(0)
    times.note(10.0, 1)
    assert (times.revision_at(9.9), times.revision_at(10.0), times.revision_at(99)) == (0, 1, 1)


def test_it_remembers_a_bounded_number_and_is_careful_about_what_it_forgot() -> None:
    times = PurgeTimes(0)
    for number in range(1, times_.MOST_TIMES * 2):
        times.note(number * times_.NOTED_EVERY_S, number)
        assert len(times._times_s) <= times_.MOST_TIMES
    assert times.revision_at(5.0) == 0
    assert times.revision_at(number * times_.NOTED_EVERY_S) == number


def test_purges_in_quick_succession_are_all_from_before_a_later_time() -> None:
    times = PurgeTimes(0)
    for number in range(1, 4):
        times.note(10.0 + number / 100, number)
    assert times.revision_at(10.005) == 0
    assert times.revision_at(10.04) == 3


def test_many_purges_at_once_are_all_known_as_such_soon() -> None:
    times = PurgeTimes(0)
    for number in range(1, 1000):
        times.note(number * times_.NOTED_EVERY_S / 50, number)
    assert len(times._times_s) < 50
    assert times.revision_at(number * times_.NOTED_EVERY_S / 50) == number
