"""A plain head says the same as the parser, and whatever two readers could read differently is not plain."""

from contextlib import closing
from itertools import islice
from random import Random

import pytest

from bench.fuzz.answer_readers import Comparison
from bench.fuzz.answers import answers
from gateway.forwarding.memories import NAME_BYTES, NAMES
from gateway.forwarding.plain_answers import PlainAnswers
from gateway.forwarding.responses import response_head
from gateway.upstream.messages import End, ResponseHead, Said
from gateway.upstream.response_reader import ResponseReader

OK = b"HTTP/1.1 200 OK\r\n"
DATE = b"Date: Sat, 28 Nov 2026 20:00:00 GMT\r\n"
LENGTH = b"Content-Length: 5\r\n"
PLAIN = OK + DATE + LENGTH + b"\r\n"


def said(*pieces: bytes, method: str = "GET", head_bytes: int = 64 * 1024) -> list[Said]:
    reader = ResponseReader(head_bytes, PlainAnswers().read)
    reader.begin(method)
    return [said for piece in pieces for said in reader.feed(piece)]


def lines_for_the_client(answer: bytes) -> list[bytes]:
    head, *_ = said(answer)
    assert isinstance(head, ResponseHead)
    data = response_head(head, (1, 1), b"")
    return data.removesuffix(b"\r\n\r\n").split(b"\r\n")


# The same as the parser

SEEDS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_readers_say_the_same(seed: int) -> None:
    """`make bench ARGS=fuzz` compares millions."""
    with closing(Comparison(Random(seed))) as comparison:
        for data in islice(answers(Random(seed)), 1000):
            assert comparison.difference(data) == ""
    assert comparison.plain > 250


# What is plain


def test_a_plain_answer_needs_no_parser(parsed: list[bytes]) -> None:
    head, *more = said(PLAIN + b"hello")

    assert isinstance(head, ResponseHead)
    assert (head.status, head.phrase, head.length, head.chunked) == (200, b"OK", 5, False)
    assert head.fields == [(b"Date", DATE[6:-2]), (b"Content-Length", b"5")]
    assert more == [b"hello", End(True)]
    assert not parsed


@pytest.mark.parametrize(
    ("field", "end"),
    [
        (b"Connection: Keep-Alive", End(True)),
        (b"Connection: close", End(False)),
        (b"Keep-Alive: timeout=10, max=100", End(True, 9.0)),
        (b"Connection: keep-alive\r\nKeep-Alive: timeout=10", End(True, 9.0)),
        (b"Keep-Alive: timeout=10\r\nConnection: close", End(False, 9.0)),
    ],
)
def test_a_plain_head_may_say_how_the_connection_goes_on(
    parsed: list[bytes], field: bytes, end: End
) -> None:
    assert said(OK + field + b"\r\n" + LENGTH + b"\r\nhello")[-1] == end
    assert not parsed


NOT_PLAIN = {
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n" + LENGTH,
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n",
    "no phrase": b"HTTP/1.1 200\r\n" + LENGTH,
    "no field": OK,
    "not framed": OK + DATE,
    "two lengths": OK + LENGTH + LENGTH,
    "no number": OK + b"Content-Length: 5, 5\r\n",
    "a sign": OK + b"Content-Length: +5\r\n",
    "a digit of another script": OK + b"Content-Length: \xd9\xa5\r\n",
    "a number that overflows": OK + b"Content-Length: 18446744073709551621\r\n",
    "length and chunks": OK + LENGTH + b"Transfer-Encoding: chunked\r\n",
    "another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n",
    "two codings": OK + b"Transfer-Encoding: chunked\r\n" * 2,
    "options": OK + LENGTH + b"Connection: keep-alive, X-A\r\n",
    "a proxy's connection": OK + LENGTH + b"Proxy-Connection: close\r\n",
    "an upgrade": OK + LENGTH + b"Upgrade: h2c\r\n",
    "trailers": OK + LENGTH + b"Trailer: Digest\r\n",
    "a folded line": OK + LENGTH + b"A: b\r\n c\r\n",
    "a space before the colon": OK + LENGTH + b"A : b\r\n",
    "no name": OK + LENGTH + b": b\r\n",
    "no colon": OK + LENGTH + b"A\r\n",
    "LF alone": OK + LENGTH + b"A: b\nB: c\r\n",
    "CR alone": OK + LENGTH + b"A: b\rB: c\r\n",
    "a control character": OK + LENGTH + b"A: \x00\r\n",
    "DEL in the phrase": b"HTTP/1.1 200 \x7f\r\n" + LENGTH,
    "chunks without a body": b"HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n",
}


@pytest.mark.parametrize("head", NOT_PLAIN.values(), ids=NOT_PLAIN.keys())
def test_any_other_head_goes_to_the_parser(parsed: list[bytes], head: bytes) -> None:
    said(head + b"\r\nhello")

    assert parsed


@pytest.mark.parametrize(
    "pieces", [(PLAIN[:-1], b"\nhello"), (b"\r\n" + PLAIN + b"hello",)], ids=["cut", "CRLF before"]
)
def test_a_head_that_does_not_begin_and_end_in_the_first_read_goes_to_the_parser(
    parsed: list[bytes], pieces: tuple[bytes, ...]
) -> None:
    assert said(*pieces)[1:] == [b"hello", End(True)]
    assert b"".join(parsed) == b"".join(pieces)


def test_a_head_over_the_limit_is_refused_as_ever(parsed: list[bytes]) -> None:
    answer = PLAIN + b"hello"

    assert len(said(answer, head_bytes=len(PLAIN))) == 3
    assert not parsed
    said(answer, head_bytes=len(PLAIN) - 1)
    assert parsed


# What goes to the client


def test_lines_go_on_as_they_came_without_those_of_the_connection() -> None:
    kept = [
        OK[:-2],
        DATE[:-2],
        b"X_a:\t 1 ",
        b"Content-Length: 2",
        b"Access-Control-Allow-Origin: *",
    ]
    dropped = [
        b"Connection: keep-alive",
        b"X-Correlation-ID: a",
        b"Keep-Alive: timeout=5",
        b"TE: x",
    ]

    sent = lines_for_the_client(b"\r\n".join([*kept, *dropped, b"", b"ok"]))

    assert sent == kept


def test_a_date_is_added_to_a_plain_head_without_one() -> None:
    *kept, date = lines_for_the_client(OK + b"Content-Length: 2\r\nETag: 1\r\n\r\nok")

    assert kept == [OK[:-2], b"Content-Length: 2", b"ETag: 1"]
    assert date.startswith(b"Date: ")


@pytest.mark.parametrize(
    ("fields", "is_stream"),
    [
        (b"Transfer-Encoding: chunked\r\ncontent-type:TEXT/Event-Stream; charset=utf-8\r\n", True),
        (b"Transfer-Encoding: chunked\r\nContent-Type: text/html\r\n", False),
        (b"Transfer-Encoding: chunked\r\nAccept: text/event-stream\r\n", False),
        (b"Content-Length: 0\r\nContent-Type: text/event-stream\r\n", False),
    ],
)
def test_an_event_stream_is_one_whose_length_is_not_known(fields: bytes, is_stream: bool) -> None:
    head, *_ = said(OK + fields + b"\r\n")

    assert isinstance(head, ResponseHead)
    assert head.is_event_stream is is_stream


def test_names_are_remembered_up_to_a_bound() -> None:
    plain_answers = PlainAnswers()
    for number in range(2 * NAMES):
        assert plain_answers.read(OK + LENGTH + b"X-%d: 1\r\n\r\n" % number)
    assert len(plain_answers.fields) <= NAMES

    long = b"x" * (NAME_BYTES + 1)
    assert plain_answers.read(OK + LENGTH + long + b": 1\r\n\r\n")
    assert long not in plain_answers.fields
