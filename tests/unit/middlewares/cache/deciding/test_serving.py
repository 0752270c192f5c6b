"""A client gets what its conditions and ranges ask for of a kept answer, and nothing else."""

from dataclasses import replace
from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.conditions import NO_CONDITIONS, Conditions
from middlewares.cache.deciding.serving import Served, new_boundary, serve, serve_head
from middlewares.cache.entry import Entry, Freshness, Head

MODIFIED = b"Wed, 01 Jan 2020 00:00:00 GMT"
DATE = b"Wed, 01 Jan 2020 00:10:00 GMT"
FIELDS = (
    (b"Date", DATE),
    (b"content-type", b"text/plain"),
    (b"Content-Encoding", b"br"),
    (b"ETag", b'"a"'),
    (b"Last-Modified", MODIFIED),
    (b"Cache-Control", b"max-age=60"),
    (b"Vary", b"Accept"),
    (b"Content-Location", b"/a.txt"),
    (b"Content-Digest", b"sha-256=:AA==:"),
    (b"Repr-Digest", b"sha-256=:AA==:"),
    (b"Access-Control-Allow-Origin", b"*"),
)
BODY = bytes(range(256)) * 8


def entry(*pieces: bytes, status: int = 200) -> Entry:
    return Entry(
        status,
        b"Fine",
        FIELDS,
        pieces,
        sum(map(len, pieces)),
        Freshness(0, 60),
        stored_s=0.0,
        url=b"http://a.test/",
        etag=b'"a"',
        last_modified=MODIFIED,
    )


WHOLE = entry(BODY[:100], BODY[100:101], BODY[101:1000], BODY[1000:])


def names(served: Served) -> set[bytes]:
    return {name.lower() for name, _ in served.fields}


def value(served: Served, name: bytes) -> bytes:
    (only,) = [value for other, value in served.fields if other.lower() == name.lower()]
    return only


def body(served: Served) -> bytes:
    whole = b"".join(served.pieces)
    assert served.length == len(whole)
    return whole


def test_without_conditions_the_very_pieces_are_served() -> None:
    served = serve("GET", NO_CONDITIONS, WHOLE)
    assert served.status == 200
    assert served.phrase == b"Fine"
    assert served.fields is WHOLE.fields
    assert served.pieces is WHOLE.pieces
    assert served.length == len(BODY)
    assert served.is_whole


def test_head_has_the_length_and_no_body_and_ignores_range() -> None:
    served = serve("HEAD", Conditions(range=b"bytes=0-1"), WHOLE)
    assert served == Served(200, b"Fine", WHOLE.fields, (), len(BODY), False)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_no_length(status: int) -> None:
    assert serve("GET", NO_CONDITIONS, entry(status=status)).length is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "QUERY"])
def test_304_has_what_rfc_9110_demands_and_does_not_describe_the_body(method: str) -> None:
    served = serve(method, Conditions(if_none_match=b'"a"', range=b"bytes=0-1"), WHOLE)
    assert (served.status, served.pieces, served.length, served.is_whole) == (304, (), None, False)
    assert names(served) == {
        b"date",
        b"etag",
        b"cache-control",
        b"vary",
        b"content-location",
        b"repr-digest",
        b"access-control-allow-origin",
    }


def test_304_has_last_modified_where_there_is_no_tag() -> None:
    untagged = replace(
        WHOLE, etag=None, fields=tuple(line for line in FIELDS if line[0] != b"ETag")
    )
    served = serve("GET", Conditions(if_modified_since=MODIFIED), untagged)
    assert served.status == 304
    assert value(served, b"last-modified") == MODIFIED


def test_one_range_is_206_with_all_the_fields_of_the_representation() -> None:
    served = serve("GET", Conditions(range=b"bytes=99-101"), WHOLE)
    assert (served.status, served.phrase, served.is_whole) == (206, b"Partial Content", False)
    assert body(served) == BODY[99:102]
    assert value(served, b"content-range") == b"bytes 99-101/2048"
    assert names(served) == names(serve("GET", NO_CONDITIONS, WHOLE)) - {b"content-digest"} | {
        b"content-range"
    }


def test_pieces_inside_a_range_are_not_copied() -> None:
    served = serve("GET", Conditions(range=b"bytes=50-1500"), WHOLE)
    assert served.pieces[1] is WHOLE.pieces[1]
    assert served.pieces[2] is WHOLE.pieces[2]


def test_several_ranges_are_parts_that_a_mail_parser_reads() -> None:
    served = serve("GET", Conditions(range=b"bytes=1500-1503, 0-99,-2"), WHOLE)
    assert served.status == 206
    assert b"content-range" not in names(served)
    assert value(served, b"Content-Encoding") == b"br"
    parsed = message_from_bytes(
        b"Content-Type: " + value(served, b"content-type") + b"\r\n\r\n" + body(served)
    )
    parts = parsed.get_payload()
    assert isinstance(parts, list)
    assert [part["Content-Range"] for part in parts] == [
        "bytes 1500-1503/2048",
        "bytes 0-99/2048",
        "bytes 2046-2047/2048",
    ]
    assert {part["Content-Type"] for part in parts} == {"text/plain"}


def test_several_ranges_of_a_body_without_a_type_are_parts_without_one() -> None:
    untyped = replace(WHOLE, fields=FIELDS[:1])
    served = serve("GET", Conditions(range=b"bytes=0-0,5-5"), untyped, boundary=lambda: b"B")
    assert body(served) == (
        b"\r\n--B\r\nContent-Range: bytes 0-0/2048\r\n\r\n\x00"
        b"\r\n--B\r\nContent-Range: bytes 5-5/2048\r\n\r\n\x05\r\n--B--\r\n"
    )


def test_each_answer_has_another_boundary() -> None:
    assert new_boundary() != new_boundary()


def test_parts_that_are_longer_than_the_body_are_not_sent() -> None:
    small = entry(b"0123456789")
    served = serve("GET", Conditions(range=b"bytes=0-0,2-2,4-4"), small)
    assert served.status == 200
    assert served.pieces is small.pieces


def test_ranges_behind_the_end_are_416_that_no_cache_keeps() -> None:
    served = serve("GET", Conditions(range=b"bytes=2048-"), WHOLE)
    assert (served.status, served.pieces, served.length, served.is_whole) == (416, (), 0, False)
    assert value(served, b"content-range") == b"bytes */2048"
    assert value(served, b"cache-control") == b"no-store"
    assert names(served) == {
        b"content-range",
        b"cache-control",
        b"date",
        b"vary",
        b"access-control-allow-origin",
    }


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(range=b"bytes=9-5"),
        Conditions(range=b"bytes=0-1", if_range=b'"b"'),
        Conditions(range=b"bytes=0-1", if_range=b'W/"a"'),
        Conditions(range=b"bytes=9999-", if_range=b'"b"'),
        Conditions(if_range=b'"a"'),
        Conditions(if_none_match=b'"b"'),
    ],
)
def test_where_no_range_may_be_sent_all_is(conditions: Conditions) -> None:
    assert serve("GET", conditions, WHOLE) == serve("GET", NO_CONDITIONS, WHOLE)


def test_if_range_with_the_tag_lets_the_range_be_sent() -> None:
    served = serve("GET", Conditions(range=b"bytes=0-1", if_range=b'"a"'), WHOLE)
    assert body(served) == BODY[:2]


@pytest.mark.parametrize("status", [203, 204, 206, 301, 404, 500])
def test_only_200_is_cut(status: int) -> None:
    served = serve("GET", Conditions(range=b"bytes=0-1"), entry(BODY, status=status))
    assert served.status == status
    assert served.pieces == (BODY,)


@given(
    st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=9),
    st.integers(0, 80),
    st.integers(0, 80),
)
def test_a_range_over_any_pieces_is_the_slice_of_their_sum(
    pieces: list[bytes], first: int, more: int
) -> None:
    whole = b"".join(pieces)
    served = serve("GET", Conditions(range=b"bytes=%d-%d" % (first, first + more)), entry(*pieces))
    if first >= len(whole):
        assert served.status == 416
    else:
        assert served.status == 206
        assert body(served) == whole[first : first + more + 1]
        assert all(served.pieces)


@given(st.lists(st.tuples(st.integers(0, 2100), st.integers(0, 200)), min_size=1, max_size=16))
def test_no_ranges_make_an_answer_longer_than_the_body(asked: list[tuple[int, int]]) -> None:
    specs = b",".join(b"%d-%d" % (first, first + more) for first, more in asked)
    served = serve("GET", Conditions(range=b"bytes=" + specs), WHOLE)
    assert len(body(served)) <= len(BODY)


HEAD = Head(200, b"OK", FIELDS, None)


def test_a_body_that_still_arrives_is_served_from_its_head_and_range_is_ignored() -> None:
    served = serve_head(
        "GET", Conditions(range=b"bytes=0-1"), HEAD, etag=b'"a"', last_modified=MODIFIED
    )
    assert served == Served(200, b"OK", FIELDS, (), None, True)


def test_conditions_hold_while_the_body_still_arrives() -> None:
    served = serve_head(
        "GET", Conditions(if_none_match=b'"a"'), HEAD, etag=b'"a"', last_modified=MODIFIED
    )
    assert served == serve("GET", Conditions(if_none_match=b'"a"'), WHOLE)


def test_head_gets_no_body_that_still_arrives() -> None:
    served = serve_head("HEAD", NO_CONDITIONS, replace(HEAD, length=7))
    assert (served.length, served.is_whole) == (7, False)
