"""An answer with a remembered head equals the parsed one, and no other answer is taken for it."""

import httptools
import pytest

from gateway.upstream.messages import End, ResponseHead
from gateway.upstream.repeated_answers import AnswerMemory, answer_memory
from gateway.upstream.response_reader import (
    LOOKS_EACH,
    PATIENCE,
    ResponseReader,
    Said,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=10\r\n\r\n"
ID, OTHER_ID = b"a" * 32, b"b" * 32


@pytest.fixture
def met() -> AnswerMemory:
    return answer_memory()


@pytest.fixture
def parsers(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bytes that parsers got."""
    fed: list[bytes] = []

    class Parser(httptools.HttpResponseParser):
        def feed_data(self, data: bytes) -> None:
            fed.append(data)
            super().feed_data(data)

    monkeypatch.setattr(httptools, "HttpResponseParser", Parser)
    return fed


def answered(
    met: AnswerMemory, *pieces: bytes, method: str = "GET", correlation_id: bytes = b""
) -> list[Said]:
    """What a new reader makes of these bytes."""
    reader = ResponseReader(64 * 1024, met)
    reader.begin(method, correlation_id=correlation_id)
    return [said for piece in pieces for said in reader.feed(piece)]


def test_what_comes_again_is_not_parsed_again_and_tells_the_same(
    met: AnswerMemory, parsers: list[bytes]
) -> None:
    head, *first = answered(met, HEAD + b"hello")
    again = answered(met, HEAD + b"world")

    assert b"".join(parsers) == HEAD + b"hello"
    assert first == [b"hello", End(True, 9.0)]
    assert again == [head, b"world", End(True, 9.0)], "the idle limit is learned again"


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD, b"hello"),
        (HEAD + b"hel", b"lo"),
        (HEAD + b"hello, and more",),
        (HEAD[:-2] + b"X-A: 1\r\n\r\nhello",),
        (b"\r\n" + HEAD + b"hello",),
    ],
    ids=["head alone", "part of the body", "too much", "another line", "empty line before"],
)
def test_whatever_else_goes_to_the_parser(
    met: AnswerMemory, parsers: list[bytes], pieces: tuple[bytes, ...]
) -> None:
    answered(met, HEAD + b"hello")
    del parsers[:]

    said = answered(met, *pieces)

    assert b"".join(parsers) == b"".join(pieces)
    assert isinstance(said[-1], End)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", HEAD),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"x" * 3000 + b"\r\n\r\n"),
    ],
    ids=["HEAD", "304", "close", "chunked", "long"],
)
def test_an_answer_whose_head_says_not_all_is_not_remembered(
    met: AnswerMemory, method: str, answer: bytes
) -> None:
    assert isinstance(answered(met, answer, method=method)[-1], End)

    assert not met


def test_a_head_of_get_is_no_answer_to_head(met: AnswerMemory) -> None:
    answered(met, HEAD + b"hello")

    assert answered(met, HEAD + b"hello", method="HEAD")[-1] == End(False, 9.0)


@pytest.mark.parametrize("name", [b"X-Correlation-ID", b"x-correlation-id"])
def test_the_correlation_id_that_was_sent_makes_no_other_head(
    met: AnswerMemory, parsers: list[bytes], name: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%b: %b\r\n\r\nok"
    answered(met, head % (name, ID), correlation_id=ID)
    said = answered(met, head % (name, OTHER_ID), correlation_id=OTHER_ID)

    assert said[1:] == [b"ok", End(True)]
    assert len([fed for fed in parsers if fed.startswith(b"HTTP")]) == 1


def test_an_id_elsewhere_is_part_of_the_head(met: AnswerMemory, parsers: list[bytes]) -> None:
    head = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nLocation: /%b\r\n\r\n"
    answered(met, head % ID, correlation_id=ID)
    answer, _ = answered(met, head % OTHER_ID, correlation_id=OTHER_ID)

    assert isinstance(answer, ResponseHead)
    assert (b"Location", b"/" + OTHER_ID) in answer.fields
    assert len(parsers) == 2


def test_an_instance_that_never_repeats_itself_is_seldom_looked_up(
    met: AnswerMemory, parsers: list[bytes]
) -> None:
    reader = ResponseReader(64 * 1024, met)

    def exchange(number: int) -> None:
        reader.begin("GET")
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: %d\r\n\r\n"
        assert reader.feed(head % number)[-1] == End(True)

    for number in range(PATIENCE + 10 * LOOKS_EACH):
        exchange(number)
    assert len(met) == PATIENCE + 10

    del parsers[:]
    for _ in range(2 * LOOKS_EACH):
        exchange(0)
    assert len(parsers) < LOOKS_EACH, "it repeats itself again"
