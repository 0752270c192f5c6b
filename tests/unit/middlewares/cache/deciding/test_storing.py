"""Whether an answer is kept, and what of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.dates import imf_date
from middlewares.cache.deciding.directives import RequestDirectives
from middlewares.cache.deciding.storing import Kept, NotKept
from middlewares.cache.entry import FieldLine
from middlewares.cache.policy import CachePolicy
from tests.support.judged_answers import (
    DATE,
    ETAG,
    GET,
    MAX_AGE,
    NOW_S,
    TARGETED,
    YEAR_1,
    YEAR_9999,
    answer,
    at,
    control,
    judged,
    kept,
    why_not,
)

# --- what is never kept


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "get", "PROPFIND"])
def test_answers_to_other_methods_are_not_kept(method: str) -> None:
    assert why_not(answer(MAX_AGE), request=replace(GET, method=method)) == "method"


def test_the_answer_to_a_query_is_kept() -> None:
    assert isinstance(judged(answer(MAX_AGE), request=replace(GET, method="QUERY")), Kept)


@pytest.mark.parametrize(
    ("status", "why"), [(100, "status"), (199, "status"), (304, "status"), (206, "partial")]
)
def test_what_is_no_whole_final_answer_is_not_kept(status: int, why: str) -> None:
    assert why_not(answer(MAX_AGE, status=status)) == why


def test_an_answer_is_not_kept_where_either_side_forbids_it() -> None:
    assert why_not(answer(control(b"max-age=60, no-store"))) == "no-store"
    assert why_not(
        answer(MAX_AGE), request=replace(GET, directives=RequestDirectives(no_store=True))
    ) == ("request-no-store")


@pytest.mark.parametrize("is_keyed_by_subject", [False, True])
def test_a_private_answer_is_not_kept(is_keyed_by_subject: bool) -> None:
    request = replace(GET, is_keyed_by_subject=is_keyed_by_subject)
    assert why_not(answer(control(b"private, max-age=60")), request=request) == "private"


@pytest.mark.parametrize("said", [b"", b", proxy-revalidate", b", immutable", b", public=x"])
def test_an_answer_to_one_who_said_who_they_are_is_theirs(said: bytes) -> None:
    request = replace(GET, has_credentials=True)
    assert why_not(answer(control(b"max-age=60" + said)), request=request) == "authorization"
    assert isinstance(
        judged(
            answer(control(b"max-age=60" + said)),
            request=replace(request, is_keyed_by_subject=True),
        ),
        Kept,
    )


@pytest.mark.parametrize("said", [b"public", b"must-revalidate", b"s-maxage=60"])
def test_an_answer_may_say_that_others_get_it_too(said: bytes) -> None:
    head = answer(control(b"max-age=60, " + said))
    assert isinstance(judged(head, request=replace(GET, has_credentials=True)), Kept)


def test_cookies_are_for_one_client() -> None:
    cookie = (b"set-cookie", b"a=b")
    assert why_not(answer(control(b"max-age=60, public"), cookie)) == "set-cookie"
    stripped = kept(MAX_AGE, cookie, DATE, policy=CachePolicy(strip_set_cookie=True))
    assert stripped.fields == (MAX_AGE, DATE)


@pytest.mark.parametrize("said", [b'private="Set-Cookie"', b'no-cache="set-cookie"'])
def test_an_answer_may_say_that_its_cookies_are_not_kept(said: bytes) -> None:
    said_so = control(b"max-age=60, " + said)
    assert kept(said_so, (b"Set-Cookie", b"a=b"), DATE).fields == (said_so, DATE)


def test_an_answer_that_varies_by_everything_is_not_kept() -> None:
    assert why_not(answer(MAX_AGE, (b"Vary", b"Accept, *"))) == "vary"
    assert (
        why_not(answer(MAX_AGE, (b"Vary", b",".join(b"x-%d" % n for n in range(1000))))) == "vary"
    )


def test_an_answer_says_by_what_it_varies() -> None:
    assert kept(MAX_AGE, (b"Vary", b"Foo"), (b"vary", b"bar, foo")).vary == (b"bar", b"foo")


def test_an_answer_that_says_to_be_too_large_is_not_kept() -> None:
    assert why_not(answer(MAX_AGE, length=1024 * 1024 + 1)) == "too-large"
    assert isinstance(judged(answer(MAX_AGE, length=1024 * 1024)), Kept)
    assert isinstance(judged(answer(MAX_AGE, length=None)), Kept)


@pytest.mark.parametrize("status", [100, 299, 306, 418, 499, 599, 999])
def test_an_answer_that_must_be_understood_is_not_kept_by_one_who_does_not(status: int) -> None:
    why = why_not(answer(control(b"max-age=60, must-understand"), status=status))
    assert why == ("must-understand" if status != 100 else "status")


def test_who_understands_the_status_leaves_no_store_out_of_account() -> None:
    assert isinstance(judged(answer(control(b"max-age=60, must-understand, no-store"))), Kept)


# --- what is kept of it


def test_fields_of_one_connection_and_those_written_anew_are_left_out() -> None:
    left_out = [
        b"Age",
        b"Keep-Alive",
        b"Proxy-Authenticate",
        b"Proxy-Authentication-Info",
        b"Proxy-Authorization",
    ]
    left_out += [
        b"Proxy-Connection",
        b"TE",
        b"Trailer",
        b"Transfer-Encoding",
        b"Upgrade",
        b"Content-Length",
    ]
    fields = [
        (b"Connection", b"close, X-One ,x-two"),
        (b"X-One", b"1"),
        (b"x-TWO", b"2"),
        (b"Content-Type", b"a/b"),
    ]
    fields += [(name, b"0") for name in left_out]
    assert kept(MAX_AGE, *fields, DATE).fields == (MAX_AGE, (b"Content-Type", b"a/b"), DATE)


def test_fields_that_the_answer_limits_are_left_out() -> None:
    limits = control(b'max-age=60, private="X-User", no-cache="x-plan, x-team"')
    fields = ((b"X-User", b"1"), (b"X-Plan", b"2"), (b"x-team", b"3"), (b"X-Other", b"4"))
    assert kept(limits, *fields, DATE).fields == (limits, (b"X-Other", b"4"), DATE)


def test_limited_fields_are_for_the_request_that_fetched_the_answer() -> None:
    limits = control(b'max-age=60, private="x-user", no-cache="set-cookie, connection, x-hop, age"')
    fields = ((b"X-User", b"1"), (b"Set-Cookie", b"a"), (b"Set-Cookie", b"b"), (b"Age", b"3"))
    hop = ((b"Connection", b"x-hop"), (b"X-Hop", b"4"), (b"X-Other", b"5"))
    assert kept(limits, *fields, *hop).own_fields == fields[:3]
    stripped = kept(limits, *fields, policy=CachePolicy(strip_set_cookie=True))
    assert stripped.own_fields == fields[:1]
    assert kept(MAX_AGE, *fields[:1]).own_fields == ()


def test_all_other_fields_are_kept_in_order_and_as_often_as_they_came() -> None:
    fields = (
        (b"Link", b"<a>"),
        (b"X-Any", b"1"),
        (b"LINK", b"<b>"),
        DATE,
        MAX_AGE,
        (b"Warning", b"1"),
    )
    assert kept(*fields).fields == fields


def test_an_answer_without_date_gets_the_time_when_it_came() -> None:
    assert kept(MAX_AGE).fields == (MAX_AGE, (b"Date", imf_date(NOW_S)))


def test_validators_are_kept() -> None:
    modified = at(b"Last-Modified", -100)
    verdict = kept(MAX_AGE, (b"ETag", b'W/"a,b"'), modified)
    assert (verdict.etag, verdict.last_modified) == (b'W/"a,b"', modified[1])


@pytest.mark.parametrize(
    "value", [b"*", b"", b'"a', b'"a", "b"', b'"a"b"', b'w/"a"', b"a b", b'"a b"']
)
def test_an_etag_that_says_something_else_in_a_condition_is_none(value: bytes) -> None:
    assert kept(MAX_AGE, (b"ETag", value)).etag is None


def test_of_two_validators_of_a_kind_neither_counts() -> None:
    verdict = kept(MAX_AGE, ETAG, ETAG, at(b"Last-Modified", -1), at(b"Last-Modified", -2))
    assert (verdict.etag, verdict.last_modified) == (None, None)


def test_tags_of_both_fields_are_kept() -> None:
    fields = [(b"Cache-Tag", b"a, b,,c d"), (b"cache-tag", b"e"), (b"Surrogate-Key", b"f  g,h")]
    assert kept(MAX_AGE, *fields).tags == set(b"a b c d e f g h".split())


def test_an_answer_with_more_tags_than_can_be_held_is_not_kept() -> None:
    many = b",".join(b"%d" % number for number in range(257))
    assert why_not(answer(MAX_AGE, (b"Cache-Tag", many))) == "tags"


# --- whatever comes

VALUES = st.sampled_from(
    [
        b"",
        b"0",
        b"60",
        b"-1",
        b"max-age=60",
        b"no-store",
        b"*",
        b"a",
        b'"',
        YEAR_1,
        YEAR_9999,
        imf_date(NOW_S),
        b"\xff",
    ]
)
NAMES = st.sampled_from(
    b"Cache-Control CDN-Cache-Control Surrogate-Control Age Date Expires Last-Modified ETag Vary Connection"
    b" Set-Cookie Cache-Tag Surrogate-Key X".split()
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=12)


@given(FIELDS, st.integers(100, 999), st.floats(0, 2e11), st.floats(0, 2e11), st.booleans())
def test_whatever_an_answer_says_it_is_judged_with_bounded_times(
    fields: list[FieldLine],
    status: int,
    requested_s: float,
    responded_s: float,
    has_credentials: bool,
) -> None:
    head = answer(*fields, status=status)
    request = replace(GET, has_credentials=has_credentials)
    verdict = judged(
        head, request=request, policy=TARGETED, requested_s=requested_s, responded_s=responded_s
    )
    if isinstance(verdict, Kept):
        times = verdict.freshness
        assert 0 <= times.initial_age_s <= 2.0**31
        assert 0 <= times.lifetime_s <= 2.0**31
        assert not {name.lower() for name, _ in verdict.fields} & {
            b"set-cookie",
            b"age",
            b"connection",
        }


@given(FIELDS)
def test_no_field_beside_it_lets_an_answer_be_kept_that_forbids_it(fields: list[FieldLine]) -> None:
    for forbids in (b"no-store", b"private"):
        assert isinstance(judged(answer(*fields, control(forbids))), NotKept)
        assert isinstance(judged(answer(control(forbids), *fields)), NotKept)
