"""Conditions are evaluated as RFC 9110 §13.2.2 and RFC 9111 §4.3.2 say."""

import pytest

from middlewares.cache.deciding.conditions import (
    NO_CONDITIONS,
    Conditions,
    Validators,
    is_not_modified,
    range_holds,
)

BEFORE = b"Wed, 01 Jan 2020 00:00:00 GMT"
MODIFIED = b"Wed, 01 Jan 2020 00:00:05 GMT"
MODIFIED_850 = b"Wednesday, 01-Jan-20 00:00:05 GMT"
MODIFIED_ASCTIME = b"Wed Jan  1 00:00:05 2020"
AFTER = b"Wed, 01 Jan 2020 00:00:10 GMT"
BOTH = Validators(b'"a"', MODIFIED, ((b"Date", AFTER),))
ONLY_DATE = Validators(None, None, ((b"date", MODIFIED),))
NOTHING = Validators(None, None)


def test_without_conditions_all_is_sent() -> None:
    assert not is_not_modified(NO_CONDITIONS, 200, BOTH)
    assert range_holds(NO_CONDITIONS, BOTH)


@pytest.mark.parametrize("value", [b'"a"', b'W/"a"', b'"x", "a"', b"*", b" * ", b' "a" '])
def test_if_none_match_with_the_tag_is_304(value: bytes) -> None:
    assert is_not_modified(Conditions(if_none_match=value), 200, BOTH)


@pytest.mark.parametrize("value", [b'"b"', b"", b'"A"', b"a", b'"a"x', b"*, *"])
def test_if_none_match_without_the_tag_is_not_304_whatever_the_date(value: bytes) -> None:
    both = Conditions(if_none_match=value, if_modified_since=AFTER)
    assert not is_not_modified(both, 200, BOTH)


def test_if_none_match_holds_though_the_date_says_otherwise() -> None:
    both = Conditions(if_none_match=b'"a"', if_modified_since=BEFORE)
    assert is_not_modified(both, 200, BOTH)


def test_any_representation_matches_a_star_even_without_a_tag() -> None:
    assert is_not_modified(Conditions(if_none_match=b"*"), 200, NOTHING)


@pytest.mark.parametrize("since", [MODIFIED, MODIFIED_850, MODIFIED_ASCTIME, AFTER])
@pytest.mark.parametrize("of", [BOTH, ONLY_DATE])
def test_what_was_not_modified_since_is_304(since: bytes, of: Validators) -> None:
    assert is_not_modified(Conditions(if_modified_since=since), 200, of)


@pytest.mark.parametrize("since", [BEFORE, b"", b"yesterday", b"0", MODIFIED + b", " + MODIFIED])
@pytest.mark.parametrize("of", [BOTH, ONLY_DATE, NOTHING])
def test_what_was_modified_since_or_since_no_valid_date_is_sent(
    since: bytes, of: Validators
) -> None:
    assert not is_not_modified(Conditions(if_modified_since=since), 200, of)


def test_last_modified_that_is_no_date_is_never_304() -> None:
    of = Validators(None, b"tomorrow", ((b"Date", BEFORE),))
    assert not is_not_modified(Conditions(if_modified_since=b"tomorrow"), 200, of)
    assert not is_not_modified(Conditions(if_modified_since=AFTER), 200, of)


@pytest.mark.parametrize("status", [300, 301, 404, 410, 500, 599, 999])
def test_an_answer_that_is_no_success_is_sent_whatever_the_condition(status: int) -> None:
    assert not is_not_modified(Conditions(if_none_match=b"*"), status, BOTH)
    assert not is_not_modified(Conditions(if_modified_since=AFTER), status, BOTH)


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (b'"a"', True),
        (b' "a" ', True),
        (b'W/"a"', False),
        (b'"b"', False),
        (b'"a", "b"', False),
        (b"*", False),
        (b"", False),
        (MODIFIED, True),
        (MODIFIED_850, False),
        (AFTER, False),
        (BEFORE, False),
    ],
)
def test_a_range_is_sent_only_of_the_very_representation_that_the_client_has(
    value: bytes, holds: bool
) -> None:
    assert range_holds(Conditions(range=b"bytes=0-", if_range=value), BOTH) is holds


def test_a_weak_tag_never_lets_a_range_be_sent() -> None:
    of = Validators(b'W/"a"', None)
    assert not range_holds(Conditions(if_range=b'W/"a"'), of)
    assert not range_holds(Conditions(if_range=b'"a"'), of)


@pytest.mark.parametrize("date", [MODIFIED, BEFORE, b"now", None])
def test_a_date_that_may_name_two_representations_lets_no_range_be_sent(date: bytes | None) -> None:
    fields = () if date is None else ((b"Date", date),)
    assert not range_holds(Conditions(if_range=MODIFIED), Validators(None, MODIFIED, fields))
