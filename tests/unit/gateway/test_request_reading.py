"""However the client's bytes are split, the same requests are read."""

import asyncio
from itertools import pairwise
from typing import Any

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser
from hypothesis import given
from hypothesis import strategies as st

from gateway.request_reading import MOST_QUEUED, RequestReader

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


def read(*writes: bytes) -> list[tuple[str, bytes, bool]]:
    """What the reader makes of the writes: path, body, whether it is the last."""
    loop = asyncio.new_event_loop()
    try:
        protocol = BaseProtocol(loop)
        parser = HttpRequestParser(
            protocol,
            loop,
            2**16,
            payload_exception=web.RequestPayloadError,
            max_msg_queue_size=32,
        )
        protocol._parser = parser
        reader = RequestReader(parser)
        found: list[Any] = []
        for write in (*writes, *[b""] * 4):  # what was held is asked for
            queued: list[Any] = []
            for piece in reader.pieces(write):
                queued += reader.feed_data(piece)[0]
            assert len(queued) <= MOST_QUEUED
            for _ in queued:
                reader.message_consumed()
            found += queued
        return [(m.path, b"".join(getattr(p, "_buffer", ())), m.should_close) for m, p in found]
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
