"""What a request and an answer say about caching."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.directives import (
    NO_DIRECTIVES,
    RequestDirectives,
    ResponseDirectives,
    request_directives,
    response_directives,
)
from middlewares.cache.deciding.lines import lines_by_name

TARGETED = (b"cdn-cache-control", b"surrogate-control")


def asked(*lines: bytes) -> RequestDirectives:
    return request_directives(lines, ())


def answered(*lines: bytes) -> ResponseDirectives:
    return response_directives(lines_by_name([(b"Cache-Control", line) for line in lines]), ())


# --- of requests


def test_a_request_without_the_field_has_no_directives() -> None:
    assert request_directives((), ()) is NO_DIRECTIVES


def test_each_directive_of_a_request_is_read() -> None:
    directives = asked(
        b"No-Cache, no-store,only-if-cached , max-age=1, min-fresh=2, max-stale=3",
        b"stale-if-error=4",
    )
    assert directives == RequestDirectives(True, True, True, 1.0, 2.0, 3.0, 4.0)


def test_max_stale_without_a_value_takes_an_answer_however_stale() -> None:
    assert asked(b"max-stale").max_stale_s == math.inf


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((b"max-age=1, max-age=9",), RequestDirectives(max_age_s=1.0)),
        ((b"max-age=9", b"max-age=1"), RequestDirectives(max_age_s=1.0)),
        ((b"max-stale, max-stale=5",), RequestDirectives(max_stale_s=5.0)),
        ((b"min-fresh=1, min-fresh=9",), RequestDirectives(min_fresh_s=9.0)),
        ((b"stale-if-error=9, stale-if-error=1",), RequestDirectives(stale_if_error_s=1.0)),
    ],
)
def test_the_stricter_of_doubled_directives_of_a_request_holds(
    lines: tuple[bytes, ...], expected: RequestDirectives
) -> None:
    assert asked(*lines) == expected


@pytest.mark.parametrize(
    "value", [b"=", b"=x", b"=-1", b"=1.0", b"", b'="', b" =1", b"= 1", b"='1'"]
)
def test_a_time_of_a_request_that_cannot_be_read_lets_the_cache_ask(value: bytes) -> None:
    assert asked(b"max-age" + value).max_age_s == 0
    assert asked(b"min-fresh" + value).min_fresh_s == 2.0**31
    assert asked(b"stale-if-error" + value).stale_if_error_s == 0
    if value:
        assert asked(b"max-stale" + value).max_stale_s == 0


@pytest.mark.parametrize(
    "value", [b"2147483648", b"9223372036854775808", b"9" * 4000, b"0" * 50 + b"9" * 11]
)
def test_a_time_that_is_too_great_is_2_to_31_seconds(value: bytes) -> None:
    assert asked(b"max-age=" + value).max_age_s == 2.0**31
    assert answered(b"max-age=" + value).max_age_s == 2.0**31


def test_what_is_too_long_to_be_read_says_all_against_stored_content() -> None:
    long = [b"x, " * 700, b"max-age=60, " * 200]
    for cache_control, pragma in ((long, []), ([], long)):
        assert request_directives(cache_control, pragma) == RequestDirectives(
            no_cache=True, no_store=True
        )
    assert request_directives([*long, b"Only-If-Cached"], []).only_if_cached
    assert request_directives([b"max-age=60"], long) == RequestDirectives(max_age_s=60.0)
    assert request_directives([b"x, " * 700, b"no-cache"], []) == RequestDirectives(no_cache=True)


def test_pragma_counts_only_without_cache_control() -> None:
    assert request_directives((), (b"no-cache",)).no_cache
    assert request_directives((), (b"x", b"No-Cache")).no_cache
    assert not request_directives((), (b"unknown",)).no_cache
    assert not request_directives((b"max-age=1",), (b"no-cache",)).no_cache


# --- of answers


def test_each_directive_of_an_answer_is_read() -> None:
    directives = answered(
        b"max-age=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4",
        b"no-store, no-cache, private, public, must-revalidate, proxy-revalidate, must-understand, immutable",
    )
    assert directives == ResponseDirectives(
        max_age_s=1.0,
        s_maxage_s=2.0,
        stale_while_revalidate_s=3.0,
        stale_if_error_s=4.0,
        no_store=True,
        no_cache=True,
        is_private=True,
        is_public=True,
        must_revalidate=True,
        proxy_revalidate=True,
        must_understand=True,
        immutable=True,
        is_for_all=True,
    )


@pytest.mark.parametrize(
    ("line", "max_age_s"),
    [
        (b"max-age=3600", 3600),
        (b"MaX-aGe=3600", 3600),
        (b'max-age="3600"', 3600),
        (b'max-age="36\\00"', 3600),
        (b"max-age=003600", 3600),
        (b"foobar, max-age=3600", 3600),
        (b"max-age=3600 , x", 3600),
        (b",,max-age=3600,,", 3600),
        (b'x="max-age=1", max-age=3600', 3600),
        (b'max-age=3600, x="a, max-age=1"', 3600),
        (b"max-age=3600, max-age=1800", 1800),
        (b"max-age=1800, max-age=3600", 1800),
        (b"max-age=3600, max-age=x", 0),
        (b"max-age='3600'", 0),
        (b"max-age=3600.0", 0),
        (b"max-age=-3600", 0),
        (b"max-age=+3600", 0),
        (b"max-age=36_00", 0),
        (b"max-age=a3600", 0),
        (b"max-age=3600a", 0),
        (b"max-age =3600", 0),
        (b"max-age= 3600", 0),
        (b"max-age", 0),
        (b"max-age=", 0),
        (b'max-age="', 0),
        (b"max-age=60 public", 0),
        ("max-age=٣٦٠٠".encode(), 0),
        (b'x="max-age=3600', 0),
        (b'x="a, max-age=3600', 0),
        (b'x="a"b, max-age=3600', 0),
        (b"s-max-age=3600", None),
        (b"", None),
    ],
)
def test_max_age_is_read_as_the_grammar_says_and_is_0_where_it_breaks_it(
    line: bytes, max_age_s: float | None
) -> None:
    assert answered(line).max_age_s == max_age_s


@pytest.mark.parametrize(
    "line",
    [
        b"no-store",
        b"No-StOrE",
        b"no-store=x",
        b'no-store="x"',
        b"no-store x",
        b"=no-store",
        b"max-age=60 no-store",
        b"private= no-store",
        b'x="a" no-store',
        b'x="a, no-store',
        b'x="\\", no-store',
    ],
)
def test_no_store_holds_however_it_is_written(line: bytes) -> None:
    assert answered(line).no_store


def test_no_store_inside_a_string_is_none() -> None:
    assert not answered(b'x="no-store, a"').no_store
    assert not answered(b'x="a\\", no-store"').no_store


def test_an_open_string_hides_nothing_on_the_next_line() -> None:
    directives = answered(b'x="a', b'no-store, y="b"')
    assert directives.no_store


@pytest.mark.parametrize(
    "line",
    [
        b"public=x",
        b"public x",
        b'public="x"',
        b"immutable=1",
        b"must-revalidate=0",
        b"s-maxage",
        b"s-maxage=x",
        b's-maxage="x"',
        b"s-maxage=-1",
        b'x="a, public, s-maxage=60, must-revalidate, immutable',
        b'public, s-maxage=60, immutable, x="',
        b'x="public, s-maxage=60", y',
    ],
)
def test_what_permits_holds_only_where_it_is_well_formed(line: bytes) -> None:
    directives = answered(line)
    assert not directives.is_public
    assert not directives.immutable
    assert not directives.is_for_all


@pytest.mark.parametrize("line", [b"public", b"s-maxage=0", b's-maxage="60"', b"Must-Revalidate"])
def test_an_answer_is_for_all_where_it_says_so(line: bytes) -> None:
    assert answered(line).is_for_all


def test_private_and_no_cache_are_limited_to_the_fields_that_they_name() -> None:
    directives = answered(b'private="X-User, x-plan", no-cache=Set-Cookie')
    assert not directives.is_private
    assert not directives.no_cache
    assert directives.private_fields == {b"x-user", b"x-plan"}
    assert directives.no_cache_fields == {b"set-cookie"}


@pytest.mark.parametrize(
    "value", [b"", b'=""', b'=" , "', b'="a b"', b'="a', b"=", b'="a", private', b"=(a)"]
)
def test_private_that_names_no_fields_is_of_the_whole_answer(value: bytes) -> None:
    assert answered(b"private" + value).is_private


# --- of targeted fields


def targeted(
    value: bytes, cache_control: bytes = b"max-age=7", *, name: bytes = b"CDN-Cache-Control"
) -> ResponseDirectives:
    return response_directives(
        lines_by_name([(name, value), (b"Cache-Control", cache_control)]), TARGETED
    )


def test_a_targeted_field_takes_the_place_of_cache_control() -> None:
    directives = targeted(b"max-age=60, must-revalidate", b"no-store, private")
    assert directives == ResponseDirectives(
        max_age_s=60.0, must_revalidate=True, is_targeted=True, is_for_all=True
    )


def test_a_targeted_field_that_nobody_asked_for_is_none() -> None:
    fields = [(b"CDN-Cache-Control", b"max-age=60"), (b"Cache-Control", b"no-store")]
    assert response_directives(lines_by_name(fields), ()) == ResponseDirectives(no_store=True)


def test_the_first_targeted_field_that_says_something_counts() -> None:
    fields = [(b"Surrogate-Control", b"max-age=1"), (b"CDN-Cache-Control", b"max-age=2")]
    assert response_directives(lines_by_name(fields), TARGETED).max_age_s == 2
    assert response_directives(lines_by_name(fields), TARGETED[::-1]).max_age_s == 1


@pytest.mark.parametrize("value", [b"no-store", b"no-store;x=1", b"max-age=60, no-store"])
def test_no_store_for_cdns_keeps_nothing(value: bytes) -> None:
    assert targeted(value, b"max-age=100").no_store


def test_no_cache_for_cdns_is_validated_each_time() -> None:
    assert targeted(b"no-cache, max-age=60", b"max-age=100").no_cache


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"max-age=60, &&&&&",
        b"max-age=60,",
        b"max-age=60 ,, private",
        b"Max-Age=60",
        b"max-age=9223372036854775808",
        b"max-age= 60",
        b'max-age=60, x="open',
        b"max-age=60.",
        b"max-age=60;",
    ],
)
def test_a_targeted_field_that_is_no_dictionary_is_ignored(value: bytes) -> None:
    assert targeted(value) == ResponseDirectives(max_age_s=7.0)


@pytest.mark.parametrize(
    "value", [b'"60"', b"60.0", b"x", b"?1", b"(60)", b"-1", b":AAA=:", b"@60", b'%"x"']
)
def test_a_targeted_time_of_another_type_is_0(value: bytes) -> None:
    assert targeted(b"max-age=" + value).max_age_s == 0


def test_a_targeted_directive_that_is_false_says_nothing() -> None:
    directives = targeted(b"no-store=?0, max-age=60")
    assert not directives.no_store
    assert directives.max_age_s == 60


def test_lines_of_a_targeted_field_are_one_dictionary_whose_last_member_counts() -> None:
    fields = [
        (b"CDN-Cache-Control", b"max-age=60"),
        (b"cdn-cache-control", b"max-age=30;p=1, private"),
    ]
    directives = response_directives(lines_by_name(fields), TARGETED)
    assert directives.max_age_s == 30
    assert directives.is_private


@pytest.mark.parametrize(
    "value", [b'"x-user, x-plan"', b'("x-user" "x-plan")', b"(x-user x-plan);p"]
)
def test_a_targeted_private_names_fields_by_a_string_or_a_list(value: bytes) -> None:
    directives = targeted(b"private=" + value)
    assert not directives.is_private
    assert directives.private_fields == {b"x-user", b"x-plan"}


def test_surrogate_control_may_be_for_another_surrogate() -> None:
    name = b"Surrogate-Control"
    assert targeted(b"max-age=60;other", name=name) == ResponseDirectives(max_age_s=7.0)
    assert targeted(b"max-age=60;lockgate", name=name).max_age_s == 60
    assert targeted(b'max-age=60, content="ESI/1.0"', name=name).max_age_s == 60
    assert targeted(b"no-store", name=name).no_store
    assert targeted(b"max-age=60, no-store;other", name=name).max_age_s == 60
    assert not targeted(b"max-age=60, No-Store; other", name=name).no_store
    assert targeted(b"max-age=60, no-store;lockgate", name=name).no_store


def test_surrogate_control_adds_a_time_to_use_it_stale() -> None:
    directives = targeted(b"max-age=60+30", name=b"Surrogate-Control")
    assert directives.max_age_s == 60
    assert directives.stale_while_revalidate_s == 30


# --- hostile ones

WORDS = st.sampled_from(
    [
        b"max-age",
        b"=",
        b"60",
        b",",
        b'"',
        b"\\",
        b" ",
        b";",
        b"no-store",
        b"private",
        b"public",
        b"\xff",
        b"(",
        b")",
    ]
)


@given(st.lists(WORDS, max_size=30).map(b"".join), st.sampled_from([b"Cache-Control", *TARGETED]))
def test_no_bytes_break_the_reader_and_every_time_is_bounded(value: bytes, name: bytes) -> None:
    directives = response_directives(lines_by_name([(name, value)]), TARGETED)
    assert directives.max_age_s is None or 0 <= directives.max_age_s <= 2.0**31
    asked(value)


@given(st.lists(WORDS, max_size=30).map(b"".join))
def test_no_store_after_whatever_came_on_other_lines_holds(value: bytes) -> None:
    assert answered(value, b"no-store").no_store
    assert answered(b"no-store", value).no_store


@pytest.mark.parametrize(
    "value",
    [
        b'a="' * 20_000,
        b'a="\\' * 20_000,
        b"a=" + b" " * 60_000 + b'"',
        b"," * 60_000 + b"x",
        b"a b" * 20_000,
        b'a="x"y,' * 10_000,
        b"a=((((" * 10_000,
        b"a;b;" * 10_000,
        b"a," * 30_000,
        b"a=" + b"9" * 60_000,
    ],
)
def test_long_values_are_read_in_a_time_that_grows_with_their_length(value: bytes) -> None:
    """A reader that takes the square of the length needs minutes for these, and the test's time-out ends it."""
    assert not answered(value).is_public
    assert not targeted(value).is_public
    assert asked(value).no_cache  # it is not read at all
