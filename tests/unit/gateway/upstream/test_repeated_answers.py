"""An answer whose head has been met before is the same as if it had been parsed, and nothing else is."""

from collections.abc import Iterator

import httptools
import pytest

from gateway.upstream import connection as upstream_connection
from gateway.upstream import repeated_answers
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.messages import RequestHead
from tests.support.byte_connections import ByteConnection, at_once

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=10\r\n\r\n"
ID, OTHER_ID = b"a" * 32, b"b" * 32


_opened: list[ByteConnection] = []


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    repeated_answers._heads.clear()
    yield
    repeated_answers._heads.clear()
    while _opened:
        _opened.pop().close()


@pytest.fixture
def parsers(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was given to a parser."""
    fed: list[bytes] = []

    class Parser(httptools.HttpResponseParser):
        def feed_data(self, data: bytes) -> None:
            fed.append(data)
            super().feed_data(data)

    monkeypatch.setattr(httptools, "HttpResponseParser", Parser)
    return fed


async def answered(
    *pieces: bytes, method: str = "GET", correlation_id: bytes = b""
) -> UpstreamConnection:
    """A new connection, after these bytes have come for its request."""
    _opened.append(ByteConnection())
    connection = _opened[-1].connection
    connection.request(RequestHead(method, b"", correlation_id))
    for piece in pieces:
        connection.data_received(piece)
    return connection


def told(connection: UpstreamConnection) -> tuple[object, ...]:
    head = at_once(connection.head())
    assert head is not None
    complete, reusable = connection.is_complete, connection.is_reusable
    limit_s, body = connection.idle_limit_s, connection.rest()
    return (
        head.status,
        head.phrase,
        list(head.fields),
        head.length,
        complete,
        limit_s,
        body,
        reusable,
    )


async def test_what_comes_again_is_not_parsed_again_and_tells_the_same(
    parsers: list[bytes],
) -> None:
    first = told(await answered(HEAD + b"hello"))
    again = told(await answered(HEAD + b"world"))

    assert b"".join(parsers) == HEAD + b"hello"
    assert again == (*first[:6], b"world", first[7])
    assert again[5] == 9.0, "the idle limit is learned on every connection"


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
async def test_whatever_else_goes_to_the_parser(
    parsers: list[bytes], pieces: tuple[bytes, ...]
) -> None:
    await answered(HEAD + b"hello")
    del parsers[:]

    connection = await answered(*pieces)

    assert b"".join(parsers) == b"".join(pieces)
    assert connection.is_complete


async def test_bytes_behind_a_repeated_answer_end_the_connection() -> None:
    await answered(HEAD + b"hello")
    connection = await answered(HEAD + b"hello", b"HTTP/1.1 200 OK\r\n\r\n")

    assert not connection.is_reusable


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
async def test_an_answer_whose_head_says_not_all_is_not_remembered(
    method: str, answer: bytes
) -> None:
    assert (await answered(answer, method=method)).is_complete

    assert not repeated_answers._heads


async def test_a_head_of_get_is_no_answer_to_head() -> None:
    await answered(HEAD + b"hello")

    assert (await answered(HEAD + b"hello", method="HEAD")).is_reusable is False


@pytest.mark.parametrize("name", [b"X-Correlation-ID", b"x-correlation-id"])
async def test_the_correlation_id_that_was_sent_makes_no_other_head(
    parsers: list[bytes], name: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%b: %b\r\n\r\nok"
    await answered(head % (name, ID), correlation_id=ID)
    connection = await answered(head % (name, OTHER_ID), correlation_id=OTHER_ID)

    assert connection.is_complete
    assert len([fed for fed in parsers if fed.startswith(b"HTTP")]) == 1


async def test_an_id_elsewhere_is_part_of_the_head(parsers: list[bytes]) -> None:
    head = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nLocation: /%b\r\n\r\n"
    await answered(head % ID, correlation_id=ID)
    connection = await answered(head % OTHER_ID, correlation_id=OTHER_ID)

    assert (b"Location", b"/" + OTHER_ID) in told(connection)[2]  # type: ignore[operator]
    assert len(parsers) == 2


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_answers, "REMEMBERED", 3)
    for number in range(10):
        await answered(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: %d\r\n\r\n" % number)

    assert len(repeated_answers._heads) <= 3


async def test_an_instance_that_never_repeats_itself_is_seldom_looked_up(
    parsers: list[bytes],
) -> None:
    _opened.append(ByteConnection())
    connection = _opened[-1].connection

    async def exchange(number: int) -> None:
        connection.request(RequestHead("GET", b""))
        connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: %d\r\n\r\n" % number)
        assert connection.is_reusable

    for number in range(upstream_connection.PATIENCE + 10 * upstream_connection.LOOKS_EACH):
        await exchange(number)
    assert len(repeated_answers._heads) == upstream_connection.PATIENCE + 10

    del parsers[:]
    for _ in range(2 * upstream_connection.LOOKS_EACH):
        await exchange(0)
    assert len(parsers) < upstream_connection.LOOKS_EACH, "it repeats itself again"
