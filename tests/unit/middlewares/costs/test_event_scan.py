"""A number is found in the last event that has it, however the stream is cut and its lines end."""

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.costs.deciding import ABSENT, Reading, Why
from middlewares.costs.event_scan import EVENT_BYTES, EventScan

USAGE = ("usage", "total_tokens")


def scanned(pieces: Sequence[bytes]) -> Reading:
    scan = EventScan(USAGE)
    for piece in pieces:
        scan.take(piece)
    return scan.end()


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({place % (len(body) + 1) for place in places} | {0, len(body)})
    pieces = [body[begin:end] for begin, end in pairwise(at)]
    return [piece for piece in pieces if piece]


def event(units: int, *, lines: bool = False, end: str = "\n") -> str:
    text = json.dumps({"usage": {"total_tokens": units}}, indent=1 if lines else None)
    return "".join(f"data: {line}{end}" for line in text.split("\n")) + end


_EVENTS = st.lists(
    st.sampled_from(
        [
            ": comment",
            "event: usage",
            "id: 7\ndata: text",
            'data: {"choices": [{"delta": "total_tokens \\" usage"}]}',
            'data:{"usage":null}',
            "data",
            "data: [DONE]",
            "retry: 10",
            'data: {"usage":{"total_tokens"',
            'data: {"usage": {"total_tokens": 5}}',
            'data: {"usage":\ndata: {"total_tokens":\ndata: 6}}',
            'data: {"usage": {"total_t\\u006fkens": 8}}',
            'data: {"usage": {"total_tokens": -1}}',
        ]
    ),
    max_size=6,
)
_COSTS = {5: "5}}", 6: "6}}", 8: "8}}"}


@given(_EVENTS, st.sampled_from(["\n", "\r", "\r\n"]), st.lists(st.integers(0, 10_000), max_size=8))
def test_the_last_event_with_the_cost_counts_in_any_pieces_and_with_any_line_ends(
    events: list[str], end: str, places: list[int]
) -> None:
    body = "".join(f"{one}\n\n" for one in events).replace("\n", end).encode()
    last = ABSENT
    for one in events:
        if one.endswith("-1}}"):
            last = Reading(Why.NEGATIVE)
        elif found := [units for units, tail in _COSTS.items() if one.endswith(tail)]:
            last = Reading(Why.READ, found[0])
    assert scanned(cut(body, places)) == last


@given(
    st.text("data:{}[]\r\n \ufeff0u\\", max_size=60).map(str.encode) | st.binary(max_size=60),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_bytes_that_are_no_events_never_raise_and_read_the_same_in_any_pieces(
    body: bytes, places: list[int]
) -> None:
    assert scanned(cut(body, places)) == scanned([body] if body else [])


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_data_may_stand_on_several_lines_after_a_byte_order_mark(end: str) -> None:
    body = "\ufeff" + event(7, lines=True, end=end)
    assert scanned([body.encode()]) == Reading(Why.READ, 7)
    assert scanned([bytes([byte]) for byte in body.encode()]) == Reading(Why.READ, 7)


def test_an_event_that_the_end_of_the_stream_completes_counts_too() -> None:
    assert scanned([event(7).strip().encode()]) == Reading(Why.READ, 7)


@pytest.mark.parametrize(
    "data",
    [
        "NaN",
        "[" * 5000,
        '{"usage":{"total_tokens":NaN}}',
        '{"usage":{"total_tokens":1e999}}',
        "\\u",
    ],
)
def test_data_that_is_no_json_is_another_kind_of_event(data: str) -> None:
    assert scanned([event(7).encode(), f"data: {data}\n\n".encode()]).units == 7


def test_an_event_that_is_too_large_may_have_had_the_cost() -> None:
    large = b'data: {"a":"' + b"x" * EVENT_BYTES + b'","usage":{"total_tokens":9}}\n\n'
    assert scanned([event(7).encode(), large]) == Reading(Why.EVENT_TOO_LARGE, 7)
    assert scanned([large, event(7).encode()]) == Reading(Why.READ, 7)
    lines = b"data: 0\n" * (EVENT_BYTES // 2) + b"\n"
    assert scanned([lines]).why is Why.EVENT_TOO_LARGE
    in_pieces = [b"data: ", *[b"x" * 1000] * (EVENT_BYTES // 500), b"\n\n"]
    assert scanned(in_pieces).why is Why.EVENT_TOO_LARGE
    assert scanned([*in_pieces, event(7).encode()]).units == 7


def test_a_stream_can_say_that_it_is_done() -> None:
    scan = EventScan(USAGE)
    scan.take(event(7).encode())
    before = scan.is_done
    scan.take(b"data: [DONE]\n\n")
    assert (before, scan.is_done, scan.so_far.units) == (False, True, 7)
