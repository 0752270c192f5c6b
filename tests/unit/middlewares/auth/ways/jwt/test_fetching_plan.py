"""When keys are fetched."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.jwt.deciding.fetching import (
    LEAST_S,
    UNKNOWN_KID_S,
    UnknownKids,
    after_failure_s,
    after_success_s,
    max_age_s,
)


@pytest.mark.parametrize(
    ("said", "age", "seconds"),
    [
        (["max-age=60"], None, 60),
        (["public, Max-Age=60, must-revalidate"], None, 60),
        (["public", "max-age=60"], None, 60),
        (['max-age="60"'], None, 60),
        (["max-age=60"], "20", 40),
        (["max-age=60"], "70", 0),
        (["max-age=60"], "old", 60),
        (["max-age=0"], None, 0),
        ([], None, None),
        (["no-store"], None, None),
        (["max-age=-1"], None, None),
        (["max-age=1e3"], None, None),
        (["max-age"], None, None),
        (["x-max-age=60"], None, None),
        (["max-age=99999999999999999999"], None, None),
    ],
)
def test_an_answer_says_how_long_it_is_fresh(
    said: list[str], age: str | None, seconds: int | None
) -> None:
    assert max_age_s(said, age) == seconds


@given(st.none() | st.integers(0, 10**10), st.floats(1, 86400), st.floats(0, 1, exclude_max=True))
def test_the_pause_is_half_of_max_age_within_bounds_and_never_later(
    max_age: int | None, refresh_s: float, luck: float
) -> None:
    pause_s = after_success_s(max_age, refresh_s, lambda: luck)
    assert LEAST_S <= pause_s <= max(LEAST_S, refresh_s)
    if max_age is not None:
        assert pause_s <= max(LEAST_S, max_age / 2)
    assert pause_s >= min(LEAST_S, 0.9 * min(refresh_s, (max_age or 0) / 2 or refresh_s))


@given(st.integers(1, 10_000), st.floats(1, 86400), st.floats(0, 1), st.booleans())
def test_a_failure_is_repeated_soon_and_not_without_end(
    failures: int, refresh_s: float, luck: float, has_keys: bool
) -> None:
    pause_s = after_failure_s(failures, refresh_s, lambda: luck, has_keys=has_keys)
    assert LEAST_S / 2 <= pause_s <= (30 if has_keys else 5)


def test_failures_one_after_the_other_wait_longer() -> None:
    pauses = [after_failure_s(one, 300, lambda: 1.0, has_keys=True) for one in range(1, 8)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


@given(st.lists(st.tuples(st.text(max_size=2), st.floats(0, 5)), max_size=200))
def test_unknown_kids_start_one_fetch_in_30_seconds_however_many_there_are(
    asked: list[tuple[str, float]],
) -> None:
    unknown, now_s, started = UnknownKids(), 0.0, []
    for kid, pause_s in asked:
        now_s += pause_s
        if unknown.may_fetch(kid, now_s):
            started.append(now_s)
            assert unknown.looked_for == kid
            unknown.done()
            assert unknown.looked_for is None
    assert all(b - a >= UNKNOWN_KID_S for a, b in itertools.pairwise(started))
    if asked:
        assert started[0] == asked[0][1]


def test_kids_that_start_no_fetch_are_not_remembered() -> None:
    unknown = UnknownKids()
    assert unknown.may_fetch("first", 0)
    before = repr(vars(unknown))
    for number in range(1000):
        assert not unknown.may_fetch(f"kid {number}", 1)
    assert repr(vars(unknown)) == before
