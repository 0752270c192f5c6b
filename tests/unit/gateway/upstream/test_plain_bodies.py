"""A body behind a plain head needs no parser, and ends where the parser would end it."""

from itertools import pairwise

import pytest

from gateway.forwarding.plain_answers import PlainAnswers
from gateway.upstream.messages import End, Invalid, ResponseHead, Said
from gateway.upstream.response_reader import ResponseReader
from tests.support.response_bytes import bytewise, cut

OK = b"HTTP/1.1 200 OK\r\nDate: Sat, 28 Nov 2026 20:00:00 GMT\r\n"
FIVE = OK + b"Content-Length: 5\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"2\r\nhe\r\n00A\r\nllo, world\r\n0\r\n\r\n"


def new_reader(method: str = "GET") -> ResponseReader:
    reader = ResponseReader(64 * 1024, PlainAnswers().read)
    reader.begin(method)
    return reader


def said(*pieces: bytes, method: str = "GET") -> list[Said]:
    """What a reader says after the head."""
    reader = new_reader(method)
    head, *more = [said for piece in pieces for said in reader.feed(memoryview(piece))]
    assert isinstance(head, ResponseHead)
    return more


def body_of(more: list[Said]) -> bytes:
    return b"".join(piece for piece in more if isinstance(piece, bytes))


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", FIVE),
        ("HEAD", CHUNKED),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: 1\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n"),
    ],
)
def test_an_answer_without_a_body_ends_with_its_head(
    parsed: list[bytes], method: str, head: bytes
) -> None:
    assert said(head, method=method) == [b"", End(True)]
    assert said(head + b"\r\n", method=method) == [b"", End(False)], "something follows"
    assert not parsed


@pytest.mark.parametrize("at", range(5))
def test_a_body_with_a_length_is_counted(parsed: list[bytes], at: int) -> None:
    pieces = [piece for piece in (FIVE + b"hello"[:at], b"hello"[at:]) if piece]

    *body, end = said(*pieces)

    assert (body_of(body), end) == (b"hello", End(True))
    assert b"" not in body
    assert said(*pieces[:-1], pieces[-1] + b"\n")[-1] == End(False), "something follows"
    assert not parsed


def test_a_body_with_a_length_is_not_whole_before_its_last_byte() -> None:
    reader = new_reader()

    assert [*reader.feed(FIVE)][1:] == []
    assert [*reader.feed(b"hell")] == [b"hell"]
    assert reader.finish() is None


def test_chunks_that_come_together_are_one_piece(parsed: list[bytes]) -> None:
    assert said(CHUNKED + CHUNKS) == [b"hello, world", End(True)]
    assert said(CHUNKED, CHUNKS) == [b"hello, world", End(True)]
    assert said(CHUNKED + CHUNKS + b"\r\n")[-1] == End(False), "something follows"
    assert said(CHUNKED, CHUNKS + b"\r\n")[-1] == End(False), "something follows"
    assert not parsed


@pytest.mark.parametrize("at", list(pairwise(range(len(CHUNKS) + 1))))
def test_chunks_read_the_same_however_they_are_cut(
    parsed: list[bytes], at: tuple[int, int]
) -> None:
    *body, end = said(*filter(None, [CHUNKED, *cut(CHUNKS, at)]))

    assert (body_of(body), end) == (b"hello, world", End(True))
    assert b"" not in body
    assert not parsed


def test_chunks_may_come_byte_by_byte(parsed: list[bytes]) -> None:
    *body, end = said(CHUNKED, *bytewise(CHUNKS))

    assert (body_of(body), end) == (b"hello, world", End(True))
    assert not parsed


@pytest.mark.parametrize(
    "ending",
    [b"1;a=b\r\n!\r\n0\r\n\r\n", b"1 \r\n!\r\n0\r\n\r\n", b"000000001\r\n!\r\n0\r\n\r\n"],
    ids=["extension", "space", "long size"],
)
def test_the_parser_goes_on_where_a_chunk_is_not_plain(parsed: list[bytes], ending: bytes) -> None:
    for pieces in ([CHUNKED + b"2\r\nhi\r\n" + ending], [CHUNKED + b"2\r\nh", b"i\r\n" + ending]):
        *body, end = said(*pieces)

        assert (body_of(body), end) == (b"hi!", End(True))
        assert parsed


def test_the_parser_reads_trailers() -> None:
    reader = new_reader()

    *body, end = [*reader.feed(CHUNKED + b"2\r\nhi\r\n0\r\nDigest: x\r\n\r\n")][1:]

    assert (body, end) == ([b"hi"], End(True))
    assert reader.trailers == [(b"Digest", b"x")]


def test_a_fault_between_chunks_is_told_with_its_place_in_the_answer() -> None:
    begun = CHUNKED + b"2\r\nhi"

    *body, fault = said(begun, b"LF\n0\r\n\r\n")

    assert body == [b"hi"]
    assert isinstance(fault, Invalid)
    assert f"from byte {len(begun)} to {len(begun) + 8} " in fault.evidence


@pytest.mark.parametrize("at", range(1, 12))
def test_chunks_that_come_one_by_one_are_read_like_others(parsed: list[bytes], at: int) -> None:
    event = b"7\r\ndata: 1\r\n"
    pieces = [CHUNKED, event, event[:at], event[at:], event, event + event, event, b"0\r\n\r\n"]

    *body, end = said(*pieces)

    assert (body_of(body), end) == (b"data: 1" * 6, End(True))
    assert not parsed


@pytest.mark.parametrize("wrong", [b"6\r\ndata: 1\r\n", b"7\r\ndata: 1\n\n", b"7\ndata: 1\r\n"])
def test_a_chunk_that_is_not_as_long_as_it_says_is_refused(wrong: bytes) -> None:
    more = said(CHUNKED, b"7\r\ndata: 1\r\n", wrong, b"0\r\n\r\n")

    assert isinstance(more[-1], Invalid)
