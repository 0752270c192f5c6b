"""What another gateway keeps is taken over where it answers the request, and no purge has taken it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding import taking
from middlewares.cache.deciding.directives import NO_DIRECTIVES, RequestDirectives
from middlewares.cache.deciding.taking import PurgeTimes, is_of_use
from middlewares.cache.entry import Entry, Freshness
from tests.support.shared_stores import entry_of

ASKS_AGAIN = RequestDirectives(no_cache=True)


def entry(age_s: float, lifetime_s: float, while_s: float = 0.0, **changes: object) -> Entry:
    """An entry of this age at 100 s."""
    freshness = Freshness(0.0, lifetime_s, while_s)
    return entry_of(stored_s=100.0 - age_s, freshness=freshness, **changes)


@pytest.mark.parametrize(
    ("there", "directives", "is_refresh", "expected"),
    [
        (entry(10, 60), NO_DIRECTIVES, False, True),
        (entry(10, 60), NO_DIRECTIVES, True, True),
        (entry(70, 60), NO_DIRECTIVES, False, False),
        (entry(70, 60, 30), NO_DIRECTIVES, False, True),
        (entry(70, 60, 30), NO_DIRECTIVES, True, False),
        (entry(10, 60), ASKS_AGAIN, False, False),
        (entry(10, 60, is_stale=True), NO_DIRECTIVES, False, False),
        # Another gateway got it for the same request: it began 5 s ago.
        (entry(3, 60), ASKS_AGAIN, False, True),
        (entry(3, 60, is_stale=True), ASKS_AGAIN, False, False),
        (entry(3, 0), ASKS_AGAIN, False, False),
    ],
    ids=range(10),
)
def test_an_entry_is_of_use(
    there: Entry, directives: RequestDirectives, is_refresh: bool, expected: bool
) -> None:
    found = is_of_use(there, directives, 100.0, began_s=95.0, is_refresh=is_refresh)
    assert found is expected


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
    for number in range(1, taking.MOST_TIMES * 3):
        times.note(number * taking.NOTED_EVERY_S, number)
        assert len(times._times_s) <= taking.MOST_TIMES
    assert times.revision_at(5.0) == 0
    assert times.revision_at(number * taking.NOTED_EVERY_S) == number
