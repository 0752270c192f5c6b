"""What an answer's fields say about compressing it, and what they are then."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from middlewares.compress.deciding.fields import (
    Seen,
    compressed,
    holds_compressed,
    seen,
    strengthened,
    varied,
    weakened,
    without_digests,
)

FieldLine = tuple[bytes, bytes]


def test_what_counts_is_seen_in_any_case_and_line() -> None:
    found = seen(
        [
            (b"content-TYPE", b"text/html"),
            (b"Cache-Control", b"max-age=1"),
            (b"cache-control", b"No-Transform"),
            (b"ETag", b'"a"'),
            (b"Vary", b"Origin"),
            (b"vary", b"x, accept-ENCODING"),
            (b"Content-Range", b"bytes 0-1/2"),
            (b"Content-Encoding", b"identity"),
        ]
    )
    assert found == Seen(b"text/html", b'"a"', True, True, True, True)
    assert seen([(b"X", b"y")]) == Seen()


def test_of_two_content_types_neither_counts() -> None:
    assert seen([(b"Content-Type", b"a/b"), (b"Content-Type", b"a/c")]).media_type == b""
    assert seen([(b"Content-Type", b"a/b"), (b"Content-Type", b"a/b")]).media_type == b"a/b"


def test_vary_is_added_unless_it_says_so() -> None:
    for value, is_added in ((b"*", False), (b"Accept-Encoding", False), (b"Accept", True)):
        fields = [(b"Vary", value)]
        added = [(b"Vary", b"Accept-Encoding")] if is_added else []
        assert [*varied(fields, seen(fields))] == [*fields, *added]


def test_a_compressed_answer_says_nothing_that_is_no_longer_true() -> None:
    fields = [
        (b"ETag", b'"a"'),
        (b"Content-Length", b"3000"),
        (b"Accept-Ranges", b"bytes"),
        (b"Content-Digest", b"sha-256=:x:"),
        (b"Repr-Digest", b"sha-256=:x:"),
        (b"Digest", b"sha-256=x"),
        (b"Content-MD5", b"x"),
        (b"Content-Type", b"text/html"),
    ]
    assert [*compressed(fields, seen(fields), b"gzip")] == [
        (b"ETag", b'W/"a"'),
        (b"Content-Type", b"text/html"),
        (b"Content-Encoding", b"gzip"),
        (b"Vary", b"Accept-Encoding"),
    ]


@pytest.mark.parametrize(
    ("tag", "weak"),
    [
        (b'"a"', b'W/"a"'),
        (b'""', b'W/""'),
        (b'W/"a"', b'W/"a"'),
        (b"a", b"a"),  # no tag: what it is, only the service knows
        (b'"a" "b"', b'"a" "b"'),
    ],
)
def test_strong_tags_are_weakened(tag: bytes, weak: bytes) -> None:
    assert weakened([(b"etag", tag), (b"X", b'"a"')]) == [(b"etag", weak), (b"X", b'"a"')]


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (b'W/"a"', b'"a"'),
        (b'"a"', b'"a"'),
        (b'W/"a", "b",W/"c"', b'"a", "b","c"'),
        (b'"W/", W/"b"', b'"W/", "b"'),
        (b'",W/","b"', b'",W/","b"'),
        (b"*", b"*"),
        (b"W/a", b"W/a"),
        (b'W/"a', b'W/"a'),
    ],
)
def test_a_precondition_has_the_tags_that_the_service_gave(sent: bytes, passed: bytes) -> None:
    assert strengthened(sent) == passed


@given(st.lists(st.from_regex(rb'"[!#-~]{0,5}"', fullmatch=True), min_size=1))
def test_what_is_weakened_is_strengthened_again(tags: list[bytes]) -> None:
    weak = b", ".join(value for _, value in weakened([(b"ETag", tag) for tag in tags]))
    assert strengthened(weak) == b", ".join(tags)


@pytest.mark.parametrize(
    ("if_none_match", "etag", "holds"),
    [
        (b'W/"a"', b'"a"', True),
        (b'"x", W/"a"', b'"a"', True),
        (b'"a"', b'"a"', False),
        (b'"a", W/"a"', b'"a"', True),
        (b"*", b'"a"', None),
        (None, b'"a"', None),
        (b'"a"', None, None),
        (b'W/"a"', b'W/"a"', None),
    ],
)
def test_a_client_shows_by_its_tag_what_it_holds(
    if_none_match: bytes | None, etag: bytes | None, holds: bool | None
) -> None:
    assert holds_compressed(if_none_match, etag) is holds


def test_trailers_stay_without_digests() -> None:
    trailers = [(b"X-A", b"1"), (b"Content-Digest", b"x"), (b"repr-digest", b"x")]
    assert [*without_digests(trailers)] == [(b"X-A", b"1")]
