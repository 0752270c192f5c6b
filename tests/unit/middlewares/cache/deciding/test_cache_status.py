"""Cache-Status is a structured field whatever is put into it (RFC 9211)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.cache_status import forwarded, hit, neither


def test_a_hit_says_how_long_it_will_be_fresh() -> None:
    assert hit(30) == b"lockgate; hit; ttl=30"
    assert hit(-5, "stale-while-revalidate") == (
        b"lockgate; hit; ttl=-5; detail=stale-while-revalidate"
    )


def test_a_forwarded_request_says_why_and_what_became_of_it() -> None:
    assert forwarded("uri-miss") == b"lockgate; fwd=uri-miss"
    assert forwarded("stale", status=304, ttl_s=60, stored=True, collapsed=True) == (
        b"lockgate; fwd=stale; fwd-status=304; ttl=60; stored; collapsed"
    )
    assert forwarded("vary-miss", detail="no-store") == (
        b"lockgate; fwd=vary-miss; detail=no-store"
    )


def test_what_is_neither_hit_nor_forwarded_says_why() -> None:
    assert neither("only-if-cached") == b"lockgate; detail=only-if-cached"


@pytest.mark.parametrize("ttl_s", [2**63, -(2**63), 10**15])
def test_a_number_is_one_that_a_structured_field_can_have(ttl_s: int) -> None:
    assert re.fullmatch(rb"lockgate; hit; ttl=-?[0-9]{1,15}", hit(ttl_s))


@given(st.text(max_size=300))
def test_a_detail_is_a_token_or_a_string(detail: str) -> None:
    value = neither(detail)
    token, string = rb"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*", rb'"(?:[ !#-\[\]-~]|\\["\\])*"'
    assert re.fullmatch(rb"lockgate(?:; detail=(?:%b|%b))?" % (token, string), value)
