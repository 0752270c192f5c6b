"""The reader of an answer's cost: kinds of bodies, their codings, and bodies that break off."""

import gzip
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.bodies import Abandoned, Sink
from middlewares.costs.deciding import Cost, Reading, Why
from middlewares.costs.reader import CostReader

POINTER = ("usage", "total_tokens")
JSON, EVENTS = Cost("json", pointer=POINTER), Cost("event_stream", pointer=POINTER)
DOCUMENT = b'{"usage":{"total_tokens":7}}'
STREAM = b"data: %b\n\n" % DOCUMENT


def reads(
    pieces: Sequence[bytes],
    cost: Cost = JSON,
    *,
    is_event_stream: bool = False,
    coding: bytes = b"",
    broke: bool = False,
) -> Reading:
    told: list[Reading] = []
    reader: Sink = CostReader(cost, told.append, is_event_stream=is_event_stream, coding=coding)
    for piece in pieces:
        assert reader.take(piece)
    if broke:
        reader.broke(Abandoned())
    reader.end()
    reader.broke(Abandoned())
    (reading,) = told
    return reading


def test_a_service_that_can_stream_may_answer_with_a_document() -> None:
    assert reads([DOCUMENT]) == Reading(Why.READ, 7)
    assert reads([STREAM], EVENTS, is_event_stream=True) == Reading(Why.READ, 7)
    assert reads([DOCUMENT], EVENTS) == Reading(Why.READ, 7)
    assert reads([STREAM], is_event_stream=True).why is Why.NOT_JSON


@given(
    st.lists(st.integers(1, 40), max_size=5),
    st.sampled_from([b"gzip", b"x-gzip", b" GZIP ", b"deflate"]),
)
def test_gzip_and_deflate_are_read_in_any_pieces(sizes: list[int], coding: bytes) -> None:
    body = zlib.compress(DOCUMENT) if coding == b"deflate" else gzip.compress(DOCUMENT)
    if coding == b"x-gzip":
        body = gzip.compress(DOCUMENT[:9]) + gzip.compress(DOCUMENT[9:])
    pieces = []
    for size in (*sizes, len(body)):
        pieces.append(body[:size])
        body = body[size:]
    assert reads([one for one in pieces if one], coding=coding) == Reading(Why.READ, 7)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        pytest.param(DOCUMENT, b"br", id="unknown"),
        pytest.param(DOCUMENT, b"gzip", id="not what it says"),
        pytest.param(gzip.compress(DOCUMENT), b"gzip, gzip", id="twice"),
        pytest.param(gzip.compress(b'"' + b"x" * 10_000_000 + b'"'), b"gzip", id="bomb"),
    ],
)
def test_a_body_that_is_not_inflated_has_no_cost(body: bytes, coding: bytes) -> None:
    assert reads([body], coding=coding).why is Why.ENCODED


def test_a_body_that_breaks_off_may_have_cost_more() -> None:
    assert reads([DOCUMENT[:-1]], broke=True) == Reading(Why.BROKE_OFF, 7)
    broken = reads([STREAM], EVENTS, is_event_stream=True, broke=True)
    assert broken == Reading(Why.BROKE_OFF, 7)


def test_a_client_that_leaves_after_the_last_event_has_spent_what_that_says() -> None:
    done = [STREAM, b"data: [DONE]\n\n"]
    assert reads(done, EVENTS, is_event_stream=True, broke=True) == Reading(Why.READ, 7)
