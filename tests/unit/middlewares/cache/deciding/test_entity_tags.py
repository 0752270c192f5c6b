"""Tags are compared as RFC 9110 §8.8.3.2 says, and long lists are read once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.entity_tags import (
    is_sendable,
    lists_weakly,
    match_strongly,
    match_weakly,
)

OPAQUE = st.binary(max_size=8).map(
    lambda some: (
        b'"%b"' % bytes(one for one in some if one == 0x21 or 0x23 <= one < 0x7F or one > 0x7F)
    )
)
TAGS = st.builds(lambda weak, opaque: weak + opaque, st.sampled_from([b"", b"W/"]), OPAQUE)
SEPARATORS = st.sampled_from([b",", b", ", b" ,\t", b",, ,"])


# The table of RFC 9110 §8.8.3.2.
@pytest.mark.parametrize(
    ("one", "other", "strongly", "weakly"),
    [
        (b'W/"1"', b'W/"1"', False, True),
        (b'W/"1"', b'W/"2"', False, False),
        (b'W/"1"', b'"1"', False, True),
        (b'"1"', b'"1"', True, True),
    ],
)
def test_the_two_comparisons_are_those_of_the_table(
    one: bytes, other: bytes, strongly: bool, weakly: bool
) -> None:
    assert match_strongly(one, other) is strongly
    assert match_weakly(one, other) is weakly


@given(st.lists(TAGS, min_size=1, max_size=6), SEPARATORS, TAGS)
def test_a_list_has_a_tag_if_one_of_its_elements_matches(
    listed: list[bytes], separator: bytes, tag: bytes
) -> None:
    value = separator.join(listed)
    assert lists_weakly(value, tag) is any(match_weakly(one, tag) for one in listed)


@pytest.mark.parametrize(
    "value",
    [b'"a,b', b'a"b"', b'"a" "b"', b"", b",", b'"x"b"', b'w/"b"', b'"a", W/ "b"', b"**", b'"a*"'],
)
def test_a_list_that_is_not_valid_has_no_tag_after_the_mistake(value: bytes) -> None:
    assert not lists_weakly(value, b'"b"')


def test_a_comma_inside_a_tag_ends_nothing() -> None:
    assert lists_weakly(b'"a,b", "c"', b'"a,b"')
    assert not lists_weakly(b'"a,b", "c"', b'"b"')


def test_a_tag_without_quotes_matches_itself_alone() -> None:
    assert lists_weakly(b"abc", b"abc")
    assert not lists_weakly(b"abc, abc", b"abc")
    assert not lists_weakly(b"abc", b'"abc"')


@pytest.mark.parametrize("tag", [b'"a"', b'W/"a"', b'""', b"abc", b'"a,b"', b'"\xfc"'])
def test_a_tag_is_sent_if_it_can_be_read_as_one(tag: bytes) -> None:
    assert is_sendable(tag)


@pytest.mark.parametrize(
    "tag", [b"*", b"", b'"a", "b"', b'"a"b"', b"a b", b"a,b", b'"a\x00"', b'W/"a" ']
)
def test_a_tag_that_would_be_read_as_something_else_is_not_sent(tag: bytes) -> None:
    assert not is_sendable(tag)


@pytest.mark.parametrize(
    "bomb",
    [
        b'"a",' * 250_000,
        b"," * 1_000_000,
        b'"' * 1_000_000,
        b'W/"' * 300_000,
        b" \t" * 500_000 + b'"b"x',
        b'"a" ' * 250_000,
    ],
)
def test_a_list_of_a_megabyte_is_read_once(bomb: bytes) -> None:
    # Reading any part of it again for each element would take minutes, and the test's own limit ends it.
    assert lists_weakly(bomb + b',"b', b'"b"') is False
