"""A 304 brings a kept answer up to date, but never what tells how its bytes are to be read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.merging import (
    conditional_fields,
    contradicts,
    freshened,
)
from middlewares.cache.entry import Entry, FieldLine, Freshness, Head

MODIFIED = b"Wed, 01 Jan 2020 00:00:00 GMT"
LATER = b"Thu, 02 Jan 2020 00:00:00 GMT"
ENTRY = Entry(
    200,
    b"Fine",
    (
        (b"Date", MODIFIED),
        (b"Content-Type", b"text/plain"),
        (b"Content-Encoding", b"br"),
        (b"ETag", b'"a"'),
        (b"Last-Modified", MODIFIED),
        (b"Link", b"<1>"),
        (b"Link", b"<2>"),
        (b"X-Old", b"1"),
    ),
    (b"body",),
    4,
    Freshness(0, 60),
    stored_s=1.0,
    url=b"http://a.test/",
    etag=b'"a"',
    last_modified=MODIFIED,
    tags=frozenset([b"old"]),
    is_stale=True,
)
UNTAGGED = replace(ENTRY, etag=None)
DATED = (b"Date", LATER)


def of_304(*fields: FieldLine) -> Head:
    return Head(304, b"Not Modified", fields, None)


def of_head(*fields: FieldLine, status: int = 200) -> Head:
    return Head(status, b"OK", fields, None)


def test_an_entry_is_asked_about_by_both_of_its_validators() -> None:
    assert conditional_fields(ENTRY) == (
        (b"If-None-Match", b'"a"'),
        (b"If-Modified-Since", MODIFIED),
    )


@pytest.mark.parametrize("etag", [None, b"*", b'"a", "b"', b""])
def test_a_tag_that_would_say_something_else_is_not_sent(etag: bytes | None) -> None:
    assert conditional_fields(replace(ENTRY, etag=etag, last_modified=None)) == ()


def test_each_new_field_takes_the_place_of_all_old_lines_of_its_name() -> None:
    head = freshened(ENTRY, of_304(DATED, (b"link", b"<3>"), (b"X-New", b"2")))
    assert head is not None
    assert (head.status, head.phrase, head.length) == (200, b"Fine", 4)
    assert list(head.fields) == [
        (b"Content-Type", b"text/plain"),
        (b"Content-Encoding", b"br"),
        (b"ETag", b'"a"'),
        (b"Last-Modified", MODIFIED),
        (b"X-Old", b"1"),
        DATED,
        (b"link", b"<3>"),
        (b"X-New", b"2"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        b"Content-Length",
        b"content-encoding",
        b"Content-Range",
        b"Content-MD5",
        b"Content-Digest",
        b"Repr-Digest",
        b"Digest",
        b"Transfer-Encoding",
    ],
)
def test_what_tells_how_the_bytes_are_to_be_read_stays(name: bytes) -> None:
    before = freshened(ENTRY, of_304())
    assert freshened(ENTRY, of_304((name, b"9"))) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"Content-Type", b"text/plain;charset=utf-8"),
        (b"Content-Location", b"/b"),
        (b"Expires", LATER),
        (b"Cache-Control", b"max-age=3600"),
        (b"Set-Cookie2", b"a=c"),
        (b"Vary", b"Accept"),
    ],
)
def test_any_other_field_is_taken(name: bytes, value: bytes) -> None:
    head = freshened(ENTRY, of_304((name, value)))
    assert head is not None
    assert [line for line in head.fields if line[0].lower() == name.lower()] == [(name, value)]


def test_the_age_counts_anew_even_if_the_304_has_no_date() -> None:
    head = freshened(ENTRY, of_304())
    assert head is not None
    assert b"Date" not in dict(head.fields)


@pytest.mark.parametrize(
    ("entry", "fields"),
    [
        (ENTRY, []),
        (ENTRY, [(b"ETag", b'"a"')]),
        (ENTRY, [(b"etag", b'W/"a"')]),
        (ENTRY, [(b"ETag", b'"a"'), (b"Last-Modified", LATER)]),
        (ENTRY, [(b"Last-Modified", MODIFIED)]),
        (UNTAGGED, []),
        (UNTAGGED, [(b"Last-Modified", MODIFIED)]),
        (UNTAGGED, [(b"ETag", b'"b"'), (b"Last-Modified", MODIFIED)]),
        (replace(ENTRY, etag=b'W/"a"'), [(b"ETag", b'W/"a"')]),
        (replace(ENTRY, last_modified=None), [(b"Last-Modified", LATER)]),
    ],
)
def test_a_304_with_the_validators_of_the_entry_is_of_it(
    entry: Entry, fields: list[FieldLine]
) -> None:
    assert freshened(entry, of_304(*fields)) is not None


@pytest.mark.parametrize(
    ("entry", "fields"),
    [
        (ENTRY, [(b"ETag", b'"b"')]),
        (ENTRY, [(b"ETag", b'W/"b"')]),
        (ENTRY, [(b"Last-Modified", LATER)]),
        (UNTAGGED, [(b"Last-Modified", LATER)]),
        (UNTAGGED, [(b"ETag", b'"b"')]),
        (replace(ENTRY, etag=b'W/"a"'), [(b"ETag", b'"a"')]),
    ],
)
def test_a_304_with_other_validators_changes_nothing(entry: Entry, fields: list[FieldLine]) -> None:
    assert freshened(entry, of_304(*fields)) is None


def test_an_entry_without_a_tag_takes_that_of_the_304() -> None:
    untagged = replace(UNTAGGED, fields=tuple(line for line in ENTRY.fields if line[0] != b"ETag"))
    head = freshened(untagged, of_304((b"ETag", b'"b"'), (b"Last-Modified", MODIFIED)))
    assert head is not None
    assert dict(head.fields)[b"ETag"] == b'"b"'


SAME = ((b"ETag", b'"a"'), (b"Last-Modified", MODIFIED))


@pytest.mark.parametrize("fields", [SAME, (), SAME[:1], (*SAME, (b"Content-Length", b"4"))])
def test_the_answer_to_head_for_the_same_representation_contradicts_nothing(
    fields: tuple[FieldLine, ...],
) -> None:
    assert not contradicts(ENTRY, of_head(*fields))


@pytest.mark.parametrize(
    "line", [(b"content-length", b"5"), (b"etag", b'"b"'), (b"last-modified", LATER)]
)
def test_the_answer_to_head_for_another_representation_contradicts_what_is_kept(
    line: FieldLine,
) -> None:
    assert contradicts(ENTRY, of_head(line))


@pytest.mark.parametrize("status", [304, 401, 404, 500])
def test_the_answer_to_head_with_another_status_tells_nothing(status: int) -> None:
    assert not contradicts(ENTRY, of_head((b"ETag", b'"b"'), status=status))


NAMES = st.sampled_from(
    [b"Link", b"X-Old", b"Date", b"Content-Length", b"content-encoding", b"Content-Range", b"Via"]
)
UPDATES = st.lists(st.tuples(NAMES, st.sampled_from([b"", b"1", b"gzip"])), max_size=8)


@given(UPDATES)
def test_updating_twice_by_the_same_304_is_updating_once(fields: list[FieldLine]) -> None:
    once = freshened(ENTRY, of_304(*fields))
    assert once is not None
    twice = freshened(replace(ENTRY, fields=tuple(once.fields)), of_304(*fields))
    assert twice == once


@given(UPDATES)
def test_no_304_changes_how_the_bytes_are_read(fields: list[FieldLine]) -> None:
    head = freshened(ENTRY, of_304(*fields))
    assert head is not None
    assert [line for line in head.fields if line[0].lower() == b"content-encoding"] == [
        (b"Content-Encoding", b"br")
    ]
    assert not {b"content-length", b"content-range"} & {name.lower() for name, _ in head.fields}
