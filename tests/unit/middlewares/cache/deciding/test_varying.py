"""The names in Vary, and the secondary key."""

import pytest

from middlewares.cache.deciding.varying import MOST_NAMES, secondary, vary_names


def names(*lines: bytes, is_keyed_by_subject: bool = False) -> tuple[bytes, ...] | None:
    fields = [(b"Vary", line) for line in lines]
    return vary_names(fields, is_keyed_by_subject=is_keyed_by_subject)


def test_names_are_without_case_and_in_order() -> None:
    assert names() == ()
    assert names(b"") == names(b" , ,") == ()
    assert names(b"Foo, BAR", b"foo") == (b"bar", b"foo")


@pytest.mark.parametrize("value", [b"*", b"Foo, *", b"*, Foo", b", *", b"*,*", b"foo bar", b'"a"'])
def test_a_star_and_what_is_no_name_match_no_later_request(value: bytes) -> None:
    assert names(value) is None
    assert names(b"foo", value) is None


def test_too_many_names_match_no_later_request() -> None:
    every = [b"a%d" % number for number in range(MOST_NAMES + 1)]
    assert names(b",".join(every)) is None
    assert names(b",".join(every[1:] * 40)) == tuple(sorted(every[1:]))


@pytest.mark.parametrize(
    "name", [b"X-Auth-Subject", b"X-Forwarded-For", b"Via", b"X-Correlation-ID", b"Client-Cert"]
)
def test_what_the_gateway_writes_for_each_client_matches_no_later_request(name: bytes) -> None:
    assert names(name) is None
    assert names(b"Foo, " + name) is None


def test_what_the_primary_key_has_tells_nothing_more() -> None:
    assert names(b"Host, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Prefix") == ()
    assert names(b"X-Auth-Subject, Foo", is_keyed_by_subject=True) == (b"foo",)


def key(*values: bytes, name: bytes = b"Foo") -> bytes:
    return secondary((name.lower(),), [(name, value) for value in values])


def test_an_absent_field_is_not_an_empty_one() -> None:
    assert key() != key(b"")
    assert key(b"") != key(b"a")


def test_the_spelling_of_a_list_does_not_matter() -> None:
    assert len({key(b"1,2"), key(b" 1, 2 "), key(b"1", b"2"), key(b"1,\t2,"), key(b"1,,2")}) == 1
    assert key(b"1,2") != key(b"2,1")
    assert key(b"a b") != key(b"ab")


def test_text_in_quotes_stays_as_it_is() -> None:
    assert key(b'"a, b"') != key(b'"a,b"')


def test_languages_and_codings_are_without_case_and_order() -> None:
    for name in (b"Accept-Language", b"Accept-Encoding"):
        same = [(b"en, de",), (b"DE,eN",), (b"de", b"en"), (b" en ,   de",), (b"en,de,en",)]
        assert len({key(*values, name=name) for values in same}) == 1
        weights = {
            key(value, name=name) for value in (b"en;q=0.5, de", b"en , de; q=0.5", b"en, de")
        }
        assert len(weights) == 3
    assert key(b"a; q=0.5", name=b"Accept-Language") == key(b"a;q=0.5", name=b"Accept-Language")


@pytest.mark.parametrize("value", [b"e n", b"e\tn", b"en;q=0. 5", b"en; q = 0.5"])
def test_blanks_within_a_name_make_another_value(value: bytes) -> None:
    name = b"Accept-Language"
    assert key(value, name=name) != key(value.translate(None, b" \t"), name=name)


def test_fields_are_not_mixed_up() -> None:
    pair = (b"a", b"b")
    keys = {
        secondary(pair, fields)
        for fields in (
            [(b"A", b"1"), (b"B", b"2")],
            [(b"A", b"2"), (b"B", b"1")],
            [(b"A", b"12")],
            [(b"B", b"12")],
            [(b"A", b"1"), (b"B", b"")],
            [(b"A", b"1")],
        )
    }
    assert len(keys) == 6
    assert secondary(pair, [(b"B", b"2"), (b"A", b"1")]) in keys


def test_long_values_are_hashed() -> None:
    one, other = key(b"a" * 10_000), key(b"a" * 9_999 + b"b")
    assert one != other
    assert len(one) == len(other) == 33


def test_blanks_without_end_are_read_in_a_moment() -> None:
    assert key(b"a" + b" " * 60_000 + b"b") != key(b"ab")
    assert key(b"a" + b" ," * 30_000 + b"b") == key(b"a,b")
