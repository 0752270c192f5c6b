"""What another gateway keeps is taken over where it answers the request."""

import pytest

from middlewares.cache.deciding.directives import NO_DIRECTIVES, RequestDirectives
from middlewares.cache.deciding.taking import is_of_use
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


def test_nothing_that_is_there_when_a_request_begins_is_an_answer_to_it() -> None:
    """Both clocks are read around a call, so an entry may seem to be stored after it was seen."""
    there = entry(3, 60)
    assert not is_of_use(there, ASKS_AGAIN, 100.0, is_refresh=False)
    assert not is_of_use(there, ASKS_AGAIN, 100.0, is_refresh=False, began_s=95.0, seen=[there])
    newer = entry(2, 60, fields=((b"Date", b"later"),))
    assert is_of_use(newer, ASKS_AGAIN, 100.0, is_refresh=False, began_s=95.0, seen=[there])
