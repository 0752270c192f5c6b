"""However the client's bytes are split, the same requests are read."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.http_parser import HttpRequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.front.reading import MOST_QUEUED, RequestReader

HEAD_BYTES = 2**16
GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
H2C = b"GET /b HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
H2C_WITH_BODY = (
    b"POST /c HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: 6\r\n\r\n\r\n\r\nhi"
)
POST = b"POST /d HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nhi\r\n\r\nho"
CHUNKED = (
    b"POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nhi\r\n0\r\nHost: evil\r\n\r\n"
)
EVERYTHING = b"\r\n" + GET + H2C + H2C_WITH_BODY + b"\r\n" + POST + H2C + GET + CHUNKED


class CountingParser:
    """aiohttp's parser, which records what it gets."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self.fed: list[bytes] = []

    def feed_data(self, data: bytes) -> Any:
        self.fed.append(data)
        return self._parser.feed_data(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


def read(*writes: bytes, most_in_flight: int = 32) -> list[tuple[str, bytes, bool]]:
    """The requests that the reader finds in the writes: path, body, whether it is the last."""
    return read_and_parsed(*writes, most_in_flight=most_in_flight)[0]


def new_parser(loop: asyncio.AbstractEventLoop, most_in_flight: int = 32) -> Any:
    protocol = BaseProtocol(loop)
    parser = HttpRequestParser(
        protocol,
        loop,
        2**16,
        payload_exception=web.RequestPayloadError,
        max_line_size=HEAD_BYTES,
        max_field_size=HEAD_BYTES,
        max_msg_queue_size=most_in_flight,
    )
    protocol._parser = parser
    return parser


def read_and_parsed(
    *writes: bytes,
    most_in_flight: int = 32,
    taken: list[bytes] | None = None,
) -> tuple[list[tuple[str, bytes, bool]], list[bytes]]:
    """The requests in the writes, and what the parser got for them."""
    loop = asyncio.new_event_loop()
    try:
        counting = CountingParser(new_parser(loop, most_in_flight))
        if taken is not None:
            counting.fed = taken
        reader = RequestReader(counting, HEAD_BYTES)
        found: list[Any] = []
        for write in (*writes, *[b""] * 4):  # ask for what the reader held back
            queued: list[Any] = []
            for piece in reader.pieces(write):
                queued += reader.feed_data(piece)[0]
            assert len(queued) <= MOST_QUEUED
            for _ in queued:
                reader.message_consumed()
            found += queued
        requests = [(m.path, b"".join(getattr(p, "_buffer", ())), m.should_close) for m, p in found]
        return requests, [piece for piece in counting.fed if piece]
    finally:
        loop.close()


EXPECTED = [
    ("/a", b"", False),
    ("/b", b"", False),
    ("/c", b"\r\n\r\nhi", False),
    ("/d", b"hi\r\n\r\nho", False),
    ("/b", b"", False),
    ("/a", b"", False),
    ("/e", b"hi", True),
]


def test_nothing_behind_an_unknown_upgrade_is_lost() -> None:
    assert read(EVERYTHING) == EXPECTED


def test_a_queue_that_is_full_loses_nothing() -> None:
    a, h2c = EXPECTED[:2]

    assert read((GET + H2C) * 31 + EVERYTHING) == [a, h2c] * 31 + EXPECTED


@given(st.lists(st.integers(1, len(EVERYTHING) - 1), max_size=8))
def test_any_split_reads_the_same(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(EVERYTHING)]
    writes = [EVERYTHING[a:b] for a, b in pairwise(bounds) if a != b]

    assert read(*writes) == EXPECTED


def test_byte_by_byte_reads_the_same() -> None:
    assert read(*[EVERYTHING[i : i + 1] for i in range(len(EVERYTHING))]) == EXPECTED


# How much of a request is kept


@settings(max_examples=40)
@given(st.lists(st.integers(100, 20_000), min_size=1, max_size=8))
def test_no_more_of_a_head_is_taken_than_it_may_have_however_it_is_split(sizes: list[int]) -> None:
    """256 fields of 16 KiB are 4 MiB, before any request or limit applies."""
    head = b"GET /a HTTP/1.1\r\nHost: h\r\n" + (b"X: " + b"x" * 16_000 + b"\r\n") * 30
    pieces, at = [], 0
    while at < len(head):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(head[at : at + size])
        at += size
    taken: list[bytes] = []

    with pytest.raises(LineTooLong):
        read_and_parsed(*pieces, taken=taken)

    assert sum(map(len, taken)) <= HEAD_BYTES


def cpu_s_byte_by_byte(length: int) -> float:
    """The reader's least CPU time, over a few tries, for a request line of `length` bytes."""
    begin = b"GET /" + b"a" * length
    taken: list[float] = []
    loop = asyncio.new_event_loop()
    for _ in range(3):
        reader = RequestReader(new_parser(loop), HEAD_BYTES)
        began_s = time.process_time()
        for at in range(len(begin)):
            for piece in reader.pieces(begin[at : at + 1]):
                reader.feed_data(piece)
        taken.append(time.process_time() - began_s)
    loop.close()
    return min(taken)


def test_a_long_line_that_comes_byte_by_byte_is_not_read_again_at_each() -> None:
    """64 KiB took 1.7 s of the loop that all clients share, and four times as much took 13 times as long."""
    assert cpu_s_byte_by_byte(60_000) < 8 * cpu_s_byte_by_byte(15_000)


@pytest.mark.parametrize("piece", [b"X: " + b"x" * 4000 + b"\r\n", b"X: x\r\n" * 200])
def test_trailers_may_not_be_longer_than_a_head(piece: bytes) -> None:
    begun = b"POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
    taken: list[bytes] = []

    with pytest.raises(HttpProcessingError):
        read_and_parsed(begun, *[piece] * 400, taken=taken)

    assert sum(map(len, taken)) <= HEAD_BYTES + 2 * len(piece) + len(begun)


def test_a_chunks_extension_may_not_be_longer_than_a_head() -> None:
    begun = b"POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;a="
    taken: list[bytes] = []

    with pytest.raises(HttpProcessingError):
        read_and_parsed(begun, *[b"a" * 4000] * 400, taken=taken)

    assert sum(map(len, taken)) <= HEAD_BYTES + 8000 + len(begun)


def test_a_long_chunked_body_in_small_chunks_is_none_too_long() -> None:
    begun = b"POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert len(read(begun, *[b"1\r\nx\r\n" * 1000] * 20, b"0\r\n\r\n")) == 1


def test_large_heads_are_not_all_read_ahead() -> None:
    large = b"GET /a HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 40_000 + b"\r\n\r\n"
    loop = asyncio.new_event_loop()
    try:
        reader = RequestReader(new_parser(loop), HEAD_BYTES)
        met = [len(reader.feed_data(piece)[0]) for piece in reader.pieces(large * 10)]
        assert sum(met) == 2
        assert reader.is_full
    finally:
        loop.close()

    assert len(read(large * 10)) == 10
