"""Whether a kept answer may be used for a request."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.directives import NO_DIRECTIVES, RequestDirectives
from middlewares.cache.deciding.reusing import (
    Reuse,
    Use,
    instead_of_error,
    is_shareable,
    is_taken_back,
    reuse,
)
from middlewares.cache.entry import Entry, Freshness

STORED_S = 1000.0


def entry(
    *,
    age_s: float = 0.0,
    lifetime_s: float = 60.0,
    is_stale: bool = False,
    status: int = 200,
    **freshness: object,
) -> Entry:
    return Entry(
        status=status,
        phrase=b"OK",
        fields=(),
        pieces=(b"x",),
        length=1,
        freshness=Freshness(age_s, lifetime_s, **freshness),
        stored_s=STORED_S,
        url=b"http://a/b",
        is_stale=is_stale,
    )


def after(seconds: float, of: Entry, **directives: object) -> Reuse:
    return reuse(of, RequestDirectives(**directives), STORED_S + seconds)


def test_an_answer_is_fresh_until_its_lifetime_has_passed() -> None:
    assert after(0, entry()) == Reuse(Use.FRESH, 0, 60)
    assert after(59.5, entry()) == Reuse(Use.FRESH, 59, 0)
    assert after(60, entry()) == Reuse(Use.ASK, 60, 0, "stale")
    assert after(60.5, entry()) == Reuse(Use.ASK, 60, -1, "stale")


def test_the_age_that_it_came_with_counts() -> None:
    assert after(29, entry(age_s=30)) == Reuse(Use.FRESH, 59, 1)
    assert after(30, entry(age_s=30)).use is Use.ASK
    assert after(0, entry(age_s=2.0**31)) == Reuse(Use.ASK, 2**31, 60 - 2**31, "stale")


def test_a_clock_that_goes_back_makes_nothing_younger() -> None:
    assert after(-1e9, entry(age_s=30)) == Reuse(Use.FRESH, 30, 30)
    assert after(-1e9, entry(age_s=60)).use is Use.ASK


def test_the_age_that_is_told_is_at_most_2_to_31_seconds() -> None:
    assert after(1e12, entry()).age_s == 2**31


def test_an_answer_that_says_no_cache_is_asked_for_each_time() -> None:
    assert after(1, entry(no_cache=True)) == Reuse(Use.ASK, 1, 59, "no-cache")
    assert (
        after(1, entry(no_cache=True, stale_while_revalidate_s=1e6), max_stale_s=math.inf).use
        is Use.ASK
    )


def test_a_client_that_says_no_cache_gets_a_validated_one() -> None:
    assert after(1, entry(), no_cache=True) == Reuse(Use.ASK, 1, 59, "request")
    assert after(1, entry(immutable=True), no_cache=True).use is Use.ASK


@pytest.mark.parametrize(("max_age_s", "use"), [(0, Use.ASK), (9, Use.ASK), (10, Use.FRESH)])
def test_a_client_says_how_old_an_answer_may_be(max_age_s: float, use: Use) -> None:
    assert after(10, entry(), max_age_s=max_age_s).use is use


def test_a_reload_does_not_ask_for_an_immutable_answer_while_it_is_fresh() -> None:
    assert after(10, entry(immutable=True), max_age_s=0.0).use is Use.FRESH
    assert after(60, entry(immutable=True), max_age_s=0.0).use is Use.ASK


@pytest.mark.parametrize(("min_fresh_s", "use"), [(0, Use.FRESH), (50, Use.FRESH), (51, Use.ASK)])
def test_a_client_says_how_long_an_answer_has_to_stay_fresh(min_fresh_s: float, use: Use) -> None:
    assert after(10, entry(), min_fresh_s=min_fresh_s).use is use


@pytest.mark.parametrize(
    ("max_stale_s", "use"), [(0, Use.ASK), (9, Use.ASK), (10, Use.FRESH), (math.inf, Use.FRESH)]
)
def test_a_client_says_how_stale_an_answer_may_be(max_stale_s: float, use: Use) -> None:
    assert after(70, entry(), max_stale_s=max_stale_s) == Reuse(use, 70, -10, "stale")


def test_no_client_makes_the_cache_serve_what_must_be_validated() -> None:
    strict = entry(must_revalidate=True, stale_while_revalidate_s=100, stale_if_error_s=100)
    assert after(70, strict, max_stale_s=math.inf).use is Use.ASK
    assert not instead_of_error(strict, RequestDirectives(max_stale_s=math.inf), STORED_S + 70)
    assert after(10, strict).use is Use.FRESH


@pytest.mark.parametrize(("seconds", "use"), [(60, True), (90, True), (91, False)])
def test_an_answer_is_used_stale_while_it_is_validated(seconds: float, use: bool) -> None:
    expected = Use.STALE_WHILE_REVALIDATE if use else Use.ASK
    assert after(seconds, entry(stale_while_revalidate_s=30)).use is expected


def test_a_client_that_names_an_age_gets_no_stale_answer_without_saying_so() -> None:
    relaxed = entry(stale_while_revalidate_s=30)
    assert after(70, relaxed, max_age_s=100.0).use is Use.ASK
    assert after(70, relaxed, max_age_s=100.0, max_stale_s=20.0).use is Use.FRESH
    assert after(70, relaxed, min_fresh_s=1.0).use is Use.ASK


@pytest.mark.parametrize(
    ("freshness", "shared"),
    [
        (Freshness(0, 60), True),
        (Freshness(90, 60), True),
        (Freshness(0, 0), False),
        (Freshness(0, 0, stale_if_error_s=60), False),
        (Freshness(0, 0, stale_while_revalidate_s=60), True),
        (Freshness(0, 60, no_cache=True), False),
    ],
)
def test_those_who_wait_get_only_what_may_be_used_without_asking(
    freshness: Freshness, shared: bool
) -> None:
    assert is_shareable(freshness) is shared


def test_an_answer_that_was_purged_softly_is_stale() -> None:
    assert after(10, entry(is_stale=True)) == Reuse(Use.ASK, 10, -10, "purged")
    assert (
        after(10, entry(is_stale=True, stale_while_revalidate_s=30)).use
        is Use.STALE_WHILE_REVALIDATE
    )


@pytest.mark.parametrize(
    ("seconds", "use"),
    [(50, Use.STALE_WHILE_REVALIDATE), (65, Use.STALE_WHILE_REVALIDATE), (66, Use.ASK)],
)
def test_a_soft_purge_leaves_the_time_in_which_a_stale_answer_may_be_used(
    seconds: float, use: Use
) -> None:
    """An answer that was older than this time when it was purged was never served stale."""
    purged = entry(is_stale=True, stale_while_revalidate_s=5, stale_if_error_s=5)
    assert after(seconds, purged).use is use
    assert instead_of_error(purged, NO_DIRECTIVES, STORED_S + seconds) is (use is not Use.ASK)


def test_who_accepts_a_stale_answer_gets_none_that_was_purged_before_that_time() -> None:
    purged = entry(is_stale=True)
    assert after(50, purged, max_stale_s=49.0).use is Use.ASK


@pytest.mark.parametrize(
    ("seconds", "freshness", "directives", "served"),
    [
        (70, {}, {}, False),
        (70, {"stale_if_error_s": 10}, {}, True),
        (71, {"stale_if_error_s": 10}, {}, False),
        (70, {}, {"stale_if_error_s": 10.0}, True),
        (70, {"stale_if_error_s": 10}, {"stale_if_error_s": 0.0}, True),
        (70, {}, {"max_stale_s": math.inf}, True),
        (10, {}, {"max_age_s": 0.0}, True),
        (10, {}, {"no_cache": True}, False),
        (70, {"stale_if_error_s": 10}, {"no_cache": True}, False),
        (10, {"no_cache": True, "stale_if_error_s": 10}, {}, False),
        (10, {"must_revalidate": True}, {"max_age_s": 0.0}, True),
        (10, {"is_stale": True}, {}, False),
        (10, {"is_stale": True, "stale_if_error_s": 10}, {}, True),
    ],
)
def test_an_answer_is_served_instead_of_an_error_where_somebody_allowed_it(
    seconds: float, freshness: dict[str, object], directives: dict[str, object], served: bool
) -> None:
    kept = entry(**freshness)
    assert instead_of_error(kept, RequestDirectives(**directives), STORED_S + seconds) is served


TIMES = st.floats(0, 2.0**31)
MAYBE = st.none() | TIMES
FRESHNESS = st.builds(
    Freshness,
    TIMES,
    TIMES,
    TIMES,
    TIMES,
    must_revalidate=st.booleans(),
    no_cache=st.booleans(),
    immutable=st.booleans(),
)
DIRECTIVES = st.builds(
    RequestDirectives,
    no_cache=st.booleans(),
    max_age_s=MAYBE,
    min_fresh_s=MAYBE,
    max_stale_s=MAYBE | st.just(math.inf),
    stale_if_error_s=MAYBE,
)


@given(FRESHNESS, DIRECTIVES, st.floats(-1e12, 1e12), st.booleans())
def test_an_answer_that_must_be_validated_is_never_used_stale(
    freshness: Freshness, directives: RequestDirectives, now_s: float, is_stale: bool
) -> None:
    kept = replace(entry(is_stale=is_stale), freshness=freshness)
    decided = reuse(kept, directives, now_s)
    assert 0 <= decided.age_s <= 2**31
    if freshness.no_cache or directives.no_cache:
        assert decided.use is Use.ASK
        assert not instead_of_error(kept, directives, now_s)
    if freshness.must_revalidate and decided.ttl_s < 0:
        assert decided.use is Use.ASK
        assert not instead_of_error(kept, directives, now_s)


@given(FRESHNESS, st.floats(0, 1e10), st.floats(0, 1e10))
def test_an_answer_that_has_to_be_asked_for_does_not_become_usable_later(
    freshness: Freshness, earlier_s: float, longer_s: float
) -> None:
    kept = replace(entry(), freshness=freshness)
    order = [Use.FRESH, Use.STALE_WHILE_REVALIDATE, Use.ASK]
    before, then = (after(seconds, kept) for seconds in (earlier_s, earlier_s + longer_s))
    assert order.index(before.use) <= order.index(then.use)
    assert before.age_s <= then.age_s
    assert reuse(kept, NO_DIRECTIVES, STORED_S + earlier_s) == before


def test_a_kept_error_is_not_served_instead_of_another_one() -> None:
    kept = entry(status=503, stale_if_error_s=math.inf)
    assert not instead_of_error(kept, RequestDirectives(), STORED_S + 100)
    assert instead_of_error(
        entry(status=404, stale_if_error_s=math.inf), RequestDirectives(), STORED_S + 100
    )


@pytest.mark.parametrize(
    ("status", "while_fresh", "once_stale"),
    [
        (200, True, True),
        (302, True, True),
        (404, True, True),
        (410, True, True),
        (401, False, True),
        (403, False, True),
        (451, False, True),
        (400, False, False),
        (406, False, False),
        (429, False, False),
        (500, False, False),
        (503, False, False),
    ],
)
def test_an_answer_that_can_not_be_kept_takes_back_the_one_before_unless_it_may_be_of_one_request(
    status: int, while_fresh: bool, once_stale: bool
) -> None:
    assert is_taken_back(entry(), status, STORED_S + 1) is while_fresh
    assert is_taken_back(entry(), status, STORED_S + 100) is once_stale
