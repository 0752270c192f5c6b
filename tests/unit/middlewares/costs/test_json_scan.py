"""A number is found in a JSON document that comes in pieces, as if the document were read whole."""

import json
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from middlewares.costs.deciding import Reading, Why, tokens_of, value_at
from middlewares.costs.json_scan import JsonScan

USAGE = ("usage", "total_tokens")
_NAMES = st.sampled_from(["usage", "total_tokens", "a", "é", '"', "\\", "", "0", "1", "\U0001f600"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.text('ab"\\{}[],:é\n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=12,
)


def scanned(pieces: Sequence[bytes], pointer: Sequence[str] = USAGE) -> Reading:
    scan = JsonScan(pointer)
    for piece in pieces:
        scan.take(piece)
    return scan.end()


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({place % (len(body) + 1) for place in places} | {0, len(body)})
    pieces = [body[begin:end] for begin, end in pairwise(at)]
    return [piece for piece in pieces if piece]


@given(
    _VALUES,
    st.lists(_NAMES, max_size=3),
    st.booleans(),
    st.sampled_from([None, 1]),
    st.lists(st.integers(0, 10_000), max_size=8),
)
@example({"usage": {"total_tokens": 7}}, list(USAGE), True, None, [17])
def test_any_document_in_any_pieces_is_read_as_a_whole_one_is(
    document: Any, pointer: list[str], ascii_only: bool, indent: int | None, places: list[int]
) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    assert scanned(cut(body, places), pointer) == value_at(document, pointer)


@given(_VALUES, st.integers(0, 10**6), st.lists(st.integers(0, 10_000), max_size=8))
def test_the_cost_is_found_beside_anything(document: Any, units: int, places: list[int]) -> None:
    body = json.dumps([document, {"a": document, "usage": {"b": document, "total_tokens": units}}])
    pieces = cut(body.encode(), places)
    assert scanned(pieces, ("1", *USAGE)) == Reading(Why.READ, units)


@given(
    st.binary(max_size=60) | st.text('{}[]",:\\0u1eE.-+ ntf', max_size=60).map(str.encode),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_bytes_that_are_no_document_never_raise_and_read_the_same_in_any_pieces(
    body: bytes, places: list[int]
) -> None:
    for pointer in ((), ("",), ("0",), USAGE):
        assert scanned(cut(body, places), pointer) == scanned([body] if body else [], pointer)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", Why.NOT_JSON),
        (b'{"usage":{"total_tokens":7}', Why.NOT_JSON),
        (b'{"usage":{"total_tokens":7}}}', Why.NOT_JSON),
        (b'{"usage":{"total_tokens":7]}', Why.NOT_JSON),
        (b'{"usage" {"total_tokens":7}}', Why.NOT_JSON),
        (b"data: {}\n\n", Why.NOT_JSON),
        (b'{"usage":{"total_tokens":NaN}}', Why.NO_NUMBER),
        (b'{"usage":{"total_tokens":"7"}}', Why.NO_NUMBER),
        (b'{"usage":{"total_tokens":{}}}', Why.NO_NUMBER),
        (b'{"usage":{"total_tokens":null}}', Why.NO_NUMBER),
        (b'{"usage":{"total_tokens":-7}}', Why.NEGATIVE),
        (b'{"usage":{"total_tokens":1e99}}', Why.TOO_LARGE),
        (b'{"usage":{"total_tokens":' + b"1" * 100_000 + b"}}", Why.TOO_LARGE),
        (b'{"usage":[{"total_tokens":7}]}', Why.ABSENT),
        (b'{"usage.total_tokens":7}', Why.ABSENT),
        (b'{"x":{"usage":{"total_tokens":7}}}', Why.ABSENT),
    ],
)
def test_a_body_without_the_cost_says_why(body: bytes, why: Why) -> None:
    assert scanned([body] if body else []).why is why


def test_of_members_with_the_same_name_the_last_one_counts() -> None:
    body = b'{"usage":{"total_tokens":7,"total_tokens":8},"usage":{"total_tokens":9}}'
    assert scanned([body]).units == 9
    assert scanned([b'{"usage":{"total_tokens":7},"usage":{}}']).why is Why.ABSENT


def test_a_name_may_be_written_with_escapes() -> None:
    body = rb'{"\u0075sage":{"total\u005ftokens":7}}'
    assert scanned([body[i : i + 1] for i in range(len(body))]).units == 7
    assert scanned([b'{"a/b":7}'], tokens_of("/a~1b")).units == 7


def test_deep_nesting_and_long_texts_are_passed_over_in_little_memory() -> None:
    scan = JsonScan(USAGE)
    tracemalloc.start()
    try:
        scan.take(b'{"deep":')
        for _ in range(10):
            scan.take(b'[{"a":' * 10_000)
        for _ in range(10):
            scan.take(b"1}]" * 10_000)
        scan.take(b',"long":"')
        for _ in range(10):
            scan.take(b'text \\" with \\\\ escapes' * 3_000)
        scan.take(b'","' + b"key" * 100_000 + b'":0,"usage":{"total_tokens":7}}')
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scan.end() == Reading(Why.READ, 7)
    assert peak < 1_000_000
