"""How long an answer is fresh, and how old it came."""

import pytest

from middlewares.cache.entry import FieldLine, Freshness
from middlewares.cache.policy import CachePolicy
from tests.support.judged_answers import (
    DATE,
    DAY_S,
    ETAG,
    MAX_AGE,
    NOW_S,
    TARGETED,
    YEAR_1,
    YEAR_9999,
    answer,
    at,
    control,
    freshness,
    why_not,
)


@pytest.mark.parametrize(
    ("fields", "lifetime_s"),
    [
        ([MAX_AGE], 60),
        ([control(b"max-age=60, s-maxage=30")], 30),
        ([control(b"s-maxage=90"), control(b"max-age=60")], 90),
        ([MAX_AGE, at(b"Expires", -7200), DATE], 60),
        ([MAX_AGE, (b"Expires", b"0"), DATE], 60),
        ([at(b"Expires", 30), DATE], 30),
        ([at(b"Expires", 30)], 30),
        ([at(b"Expires", 20), at(b"Date", 10)], 10),
        ([at(b"Expires", 30), (b"Date", b"foo")], 30),
        ([at(b"Expires", 30), at(b"Expires", 20), DATE], 20),
        ([(b"Expires", YEAR_9999), DATE], 2.0**31),
        ([control(b"max-age=99999999999")], 2.0**31),
        ([at(b"Last-Modified", -1000), DATE], 100),
        ([at(b"Last-Modified", -20 * DAY_S), DATE], DAY_S),
        ([(b"Last-Modified", YEAR_1), DATE], DAY_S),
        ([at(b"Last-Modified", -1000)], 100),
    ],
)
def test_the_lifetime_is_the_first_one_that_is_said(
    fields: list[FieldLine], lifetime_s: float
) -> None:
    assert freshness(*fields).lifetime_s == pytest.approx(lifetime_s)


@pytest.mark.parametrize(
    "fields",
    [
        [control(b"max-age=0"), at(b"Expires", 3600)],
        [control(b"max-age=x"), at(b"Expires", 3600)],
        [control(b"max-age=60, max-age=0")],
        [control(b"s-maxage=0, max-age=3600")],
        [at(b"Expires", 0), DATE],
        [at(b"Expires", -1), DATE],
        [at(b"Expires", 300), at(b"Date", 400)],
        [(b"Expires", b"0"), at(b"Last-Modified", -DAY_S), DATE],
        [(b"Expires", b"-1"), DATE],
        [(b"Expires", b"Thu, 01 Jan 2099 00:00:00 UTC")],
        [(b"Expires", YEAR_1)],
        [(b"Expires", YEAR_9999), (b"Expires", b"0")],
        [at(b"Last-Modified", 60), DATE],
        [(b"Last-Modified", b"foo")],
        [],
    ],
)
def test_an_answer_that_is_never_fresh_is_kept_only_to_be_validated(
    fields: list[FieldLine],
) -> None:
    assert freshness(*fields, ETAG).lifetime_s == 0
    assert (
        why_not(answer(*(line for line in fields if line[0] != b"Last-Modified"))) == "no-freshness"
    )


def test_a_stale_answer_without_validator_is_kept_where_it_may_be_served_stale() -> None:
    assert freshness(control(b"max-age=0, stale-if-error=60")).stale_if_error_s == 60
    assert (
        freshness(control(b"max-age=0, stale-while-revalidate=60")).stale_while_revalidate_s == 60
    )


def test_an_answer_that_must_be_validated_each_time_is_kept_only_with_a_validator() -> None:
    assert freshness(control(b"no-cache"), ETAG).no_cache
    assert freshness(control(b"no-cache, max-age=60"), at(b"Last-Modified", -1)).no_cache
    assert why_not(answer(control(b"no-cache, max-age=60"))) == "no-cache"


@pytest.mark.parametrize("status", [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
def test_these_statuses_are_fresh_by_a_tenth_of_the_time_since_they_changed(status: int) -> None:
    assert freshness(at(b"Last-Modified", -1000), DATE, status=status).is_heuristic


@pytest.mark.parametrize(
    "status", [201, 202, 299, 302, 303, 307, 400, 403, 418, 429, 500, 502, 503, 504, 599]
)
def test_other_statuses_are_fresh_only_where_it_is_said(status: int) -> None:
    modified = at(b"Last-Modified", -1000)
    says_nothing = answer(modified, DATE, ETAG, status=status)
    assert why_not(says_nothing) == "no-freshness"
    assert (
        why_not(says_nothing, policy=CachePolicy(default_ttl_s=5, stale_if_error_s=5))
        == "no-freshness"
    )
    assert freshness(modified, DATE, control(b"public"), status=status).lifetime_s == 100
    assert freshness(MAX_AGE, status=status).lifetime_s == 60
    assert freshness(at(b"Expires", 60), DATE, status=status).lifetime_s == 60


def test_a_route_says_how_long_an_answer_is_fresh_that_says_nothing() -> None:
    policy = CachePolicy(default_ttl_s=5)
    assert freshness(policy=policy) == Freshness(0.0, 5.0)
    assert freshness(at(b"Last-Modified", -1000), policy=policy) == Freshness(0.0, 5.0)
    assert freshness(MAX_AGE, policy=policy).lifetime_s == 60
    assert freshness(at(b"Expires", -1), ETAG, policy=policy).lifetime_s == 0


def test_a_route_says_how_long_an_answer_is_served_stale_that_does_not_say_so() -> None:
    policy = CachePolicy(stale_while_revalidate_s=5, stale_if_error_s=6)
    said = freshness(MAX_AGE, policy=policy)
    assert (said.stale_while_revalidate_s, said.stale_if_error_s) == (5, 6)
    other = freshness(
        control(b"max-age=1, stale-while-revalidate=0, stale-if-error=x"), policy=policy
    )
    assert (other.stale_while_revalidate_s, other.stale_if_error_s) == (0, 0)


@pytest.mark.parametrize(
    "fields", [[], [control(b"max-age=0")], [at(b"Expires", -1)], [control(b"max-age=x")]]
)
def test_a_route_does_not_let_others_share_what_is_never_fresh(fields: list[FieldLine]) -> None:
    policy = CachePolicy(stale_while_revalidate_s=5, stale_if_error_s=6)
    assert why_not(answer(*fields, DATE), policy=policy) == "no-freshness"
    said = freshness(*fields, DATE, ETAG, policy=policy)
    assert (said.stale_while_revalidate_s, said.stale_if_error_s) == (0, 0)


@pytest.mark.parametrize(
    "said", [b"must-revalidate", b"proxy-revalidate", b"s-maxage=60", b"no-cache"]
)
def test_what_must_be_validated_is_never_served_stale_whatever_else_is_said(said: bytes) -> None:
    """s-maxage says so too (RFC 9111 §5.2.2.10)."""
    policy = CachePolicy(stale_while_revalidate_s=5, stale_if_error_s=6)
    strict = freshness(
        control(b"max-age=60, stale-while-revalidate=9, stale-if-error=9, " + said),
        ETAG,
        policy=policy,
    )
    assert (strict.stale_while_revalidate_s, strict.stale_if_error_s) == (0, 0)
    assert strict.must_revalidate != strict.no_cache


def test_a_targeted_field_decides_alone() -> None:
    targeted = (b"CDN-Cache-Control", b"max-age=10")
    said = freshness(
        targeted,
        control(b"no-store, must-revalidate, s-maxage=5"),
        at(b"Expires", 100),
        policy=TARGETED,
    )
    assert said == Freshness(0.0, 10.0)
    silent = freshness(
        (b"CDN-Cache-Control", b"must-revalidate"), at(b"Expires", 100), ETAG, policy=TARGETED
    )
    assert silent == Freshness(0.0, 0.0, must_revalidate=True, is_for_all=True)


@pytest.mark.parametrize(
    ("value", "is_for_all"),
    [
        (b"max-age=60", False),
        (b"max-age=60, public", True),
        (b"s-maxage=60", True),
        (b"max-age=60, must-revalidate", True),
        (b"max-age=60, proxy-revalidate", False),
    ],
)
def test_an_answer_may_say_that_it_is_for_clients_with_and_without_credentials(
    value: bytes, is_for_all: bool
) -> None:
    assert freshness(control(value)).is_for_all == is_for_all


# --- how old it came


@pytest.mark.parametrize(
    ("fields", "age_s"),
    [
        ([], 0),
        ([DATE], 0),
        ([at(b"Date", -30)], 30),
        ([at(b"Date", 30)], 0),
        ([(b"Age", b"30")], 32),
        ([(b"Age", b"30"), at(b"Date", -20)], 32),
        ([(b"Age", b"30"), at(b"Date", -40)], 40),
        ([(b"Age", b"0")], 2),
        ([(b"Date", b"foo")], 2),
        ([at(b"Date", -30), at(b"Date", -50)], 50),
        ([(b"Date", YEAR_1)], 2.0**31),
        ([(b"Date", YEAR_9999)], 2),
        ([(b"Age", b"9223372036854775808")], 2.0**31),
        ([(b"Age", b"9" * 50_000)], 2.0**31),
        # Invalid, so it is ignored (RFC 9111 §5.1).
        ([(b"Age", b"abc")], 0),
        ([(b"Age", b"-7200")], 0),
        ([(b"Age", b"7200.0")], 0),
        ([(b"Age", b"")], 0),
        ([(b"Age", b"7200;a=1")], 0),
        # The first one counts (§5.1).
        ([(b"Age", b"30, 7200")], 32),
        ([(b"Age", b"7200, 30")], 7202),
        ([(b"Age", b"30"), (b"Age", b"7200")], 32),
        ([(b"Age", b"7200"), (b"Age", b"30")], 7202),
    ],
)
def test_the_age_is_the_greatest_that_the_answer_may_have(
    fields: list[FieldLine], age_s: float
) -> None:
    """The service took two seconds, which count beside Age, and not beside a Date (RFC 9111 §4.2.3)."""
    requested_s = NOW_S - 2
    expected = max(age_s, 2)
    assert freshness(MAX_AGE, *fields, requested_s=requested_s).initial_age_s == expected


def test_a_clock_that_goes_back_while_the_service_answers_makes_no_age() -> None:
    assert freshness(MAX_AGE, requested_s=NOW_S + 1e6).initial_age_s == 0
    assert freshness(MAX_AGE, at(b"Date", 1e6), requested_s=NOW_S + 1e6).initial_age_s == 0
