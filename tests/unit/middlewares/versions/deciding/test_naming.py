"""Which segment names a version, and what is left of a path without it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.failures import BadRequest
from middlewares.versions.deciding.naming import named, read, segment_in, without_segment
from middlewares.versions.policy import Place, VersionsPolicy


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("/v1/a", "v1"),
        ("/V1", "V1"),
        ("/1", "1"),
        ("/1.2/", "1.2"),
        ("/v1.2.3-rc.1/a", "v1.2.3-rc.1"),
        ("/%76%31/a", "%76%31"),
        ("/a/v1", None),
        ("/v1a", None),
        ("/v", None),
        ("/v01", None),
        ("/007", None),
        ("/1.2.3.4", None),
        ("/1.2-rc", None),
        ("/1.2.3-01", None),
        ("/1.2.3-a..b", None),
        ("/^1", None),
        ("/", None),
        ("", None),
        ("/" + "1" * 65, None),
    ],
)
def test_which_segment_names_a_version(rest: str, expected: str | None) -> None:
    assert segment_in(rest) == expected


@pytest.mark.parametrize(
    ("target", "rest", "expected"),
    [
        ("/shop/v1/a?x", "/v1/a", "/shop/a?x"),
        ("/v1", "/v1", "/"),
        ("/v1/", "/v1/", "/"),
        ("/new/v1?v1", "/v1", "/new?v1"),
        ("/shop/a", "/a", "/shop/a"),
        ("/rewritten", "/v1/a", "/rewritten"),
        ("/p/v1//a", "/v1//a", "/p//a"),
    ],
)
def test_what_is_left_of_a_target(target: str, rest: str, expected: str) -> None:
    assert without_segment(target, rest) == expected


@given(
    prefix=st.sampled_from(["", "/p", "/p/q"]),
    segment=st.sampled_from(["v1", "2", "1.2"]),
    behind=st.text(st.sampled_from("/a%2F.")),
    query=st.text(st.sampled_from("?a=/")),
)
def test_only_the_segment_is_taken_out(prefix: str, segment: str, behind: str, query: str) -> None:
    rest = f"/{segment}/{behind}"
    assert without_segment(f"{prefix}{rest}?{query}", rest) == f"{prefix}/{behind}?{query}"


POLICY = VersionsPolicy(
    places=(
        Place("path"),
        Place("header", "accept-version"),
        Place("media_type", "v"),
        Place("query", "version"),
    )
)


def ranges_of(
    rest: str = "", fields: list[tuple[bytes, bytes]] | None = None, query: str = ""
) -> list[list[str]]:
    found = named(read(POLICY, rest, fields or [], query))
    return [[one.text for one in each.ranges] for each in found]


def test_the_places_are_read_in_their_order() -> None:
    fields = [(b"Accept", b"a/b;v=3"), (b"ACCEPT-VERSION", b"v2"), (b"Content-Type", b"a/b;v=4")]
    assert ranges_of("/v1", fields, "version=5") == [["1"], ["2"], ["3"], ["4"], ["5"]]


def test_accept_names_several_by_their_weights() -> None:
    fields = [(b"Accept", b"a/b;v=1;q=0.1, a/b;v=2"), (b"Accept", b"a/b;v=3;q=0.5")]
    assert ranges_of(fields=fields) == [["2", "3", "1"]]


def test_a_star_names_none() -> None:
    assert ranges_of(fields=[(b"Accept-Version", b"*")]) == []
    assert ranges_of(fields=[(b"Accept-Version", b"*, 1")]) == [["1"]]
    assert ranges_of(fields=[(b"Accept-Version", b"2 || *")]) == []


def test_a_plus_in_a_query_is_a_plus() -> None:
    assert ranges_of(query="version=1.2+") == [["1.2+"]]
    assert ranges_of(query="version=%3E%3D1%20%3C3") == [[">=1 <3"]]
    assert ranges_of(query="%76ersion=1&Version=2") == [["1"]]


def test_the_value_of_a_longer_or_encoded_name_is_not_that_of_the_member() -> None:
    assert ranges_of(query="versions=1&xversion=1&version2=1&%76=1") == []
    assert ranges_of(query="a%20b=1&versio%6E=2") == [["2"]]


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        # Each is within what one place may name.
        ([(b"Accept-Version", b"1, " * 9)], "&version=1" * 9),
        ([(b"Accept", b"a/b;v=1, " * 9), (b"Content-Type", b"a/b;v=1, " * 9)], ""),
        ([(b"Accept-Version", b"1||2||3||4||5||6||7||8||9||10||11, " * 3)], ""),
        ([(b"Accept", b'a/b;v="1||2||3||4||5||6||7||8||9||10||11"')], "&version=1||2||3||4" * 6),
        ([(b"Accept", b"a/b;v=1, " + b"," * 8192)], ""),
    ],
)
def test_a_request_names_no_more_than_can_be_compared_at_once(
    fields: list[tuple[bytes, bytes]], query: str
) -> None:
    with pytest.raises(BadRequest, match="at most"):
        ranges_of(fields=fields, query=query)


@given(value=st.binary(max_size=300))
def test_no_bytes_of_a_header_do_more_than_be_refused(value: bytes) -> None:
    try:
        ranges_of(
            fields=[(b"accept-version", value), (b"accept", value)], query=value.decode("latin-1")
        )
    except BadRequest as failure:
        told = failure.detail
        assert told.replace("…", "").isascii()
        assert len(told) < 600
