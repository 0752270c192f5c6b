"""The parser, the front, the layers and the line sent on all agree about where a body ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser
from aiohttp.streams import EMPTY_PAYLOAD

from discovery.model.instance import Instance
from gateway.forwarding.requests import Inbound, request_head
from gateway.front.reading import RequestReader
from gateway.upstream.messages import RequestHead
from middlewares.failures import BadRequest, Failure
from middlewares.header_section import HeaderSection
from tests.support.byte_connections import ANY, ByteConnection, at_once
from tests.support.eventually import eventually
from tests.support.lengths import NO_NUMBERS, NUMBERS
from tests.support.response_bytes import outcome_of

INSTANCE = Instance(name="price", id="p1", host="10.0.0.9", port=8002)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def read(head: bytes) -> tuple[Any, Any, RequestReader]:
    """The one message that the reader makes from a head."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    parser = HttpRequestParser(
        protocol, loop, 2**16, payload_exception=web.RequestPayloadError, max_field_size=2**16
    )
    protocol._parser = parser
    reader = RequestReader(parser, 2**16)
    ((message, payload),) = [
        one for piece in reader.pieces(head) for one in reader.feed_data(piece)[0]
    ]
    return message, payload, reader


def post(*fields: bytes) -> bytes:
    return b"POST /a HTTP/1.1\r\nHost: h\r\n%b\r\n" % b"".join(f + b"\r\n" for f in fields)


def forwarded(section: HeaderSection) -> RequestHead:
    inbound = Inbound(
        *("POST", section, (1, 1), "192.0.2.1", False, "http", None, "/a", "/api/price", "id")
    )
    return request_head(inbound, INSTANCE)


@pytest.mark.parametrize("more", [(), (b"Via: 1.1 x",)], ids=["quick", "careful"])
@pytest.mark.parametrize(("spelling", "number"), NUMBERS.items(), ids=repr)
async def test_all_readers_of_a_length_read_the_same(
    spelling: bytes, number: int, more: tuple[bytes, ...]
) -> None:
    message, payload, reader = await read(post(b"Content-Length:" + spelling, *more))
    section = HeaderSection(message.raw_headers)
    section.check(message.version)
    head = forwarded(section)
    sent = [line for line in head.data.split(b"\r\n") if line.lower().startswith(b"content-length")]

    assert reader._body_left == number
    assert (payload is EMPTY_PAYLOAD) == (number == 0)
    assert (section.body_length, section.has_body) == (number, number != 0)
    assert (head.length, head.chunked) == (number, False)
    assert [int(line.partition(b":")[2]) for line in sent] == [number]


@pytest.mark.parametrize("spelling", NO_NUMBERS, ids=lambda value: repr(value[:40]))
async def test_a_length_that_is_no_number_is_refused_before_any_reader_takes_it(
    spelling: bytes,
) -> None:
    with pytest.raises(HttpProcessingError):
        await read(post(b"Content-Length:" + spelling))


@pytest.mark.parametrize("second", [b"5", b"6", b"0", b"%d" % (2**64 - 1)])
@pytest.mark.parametrize("first", [b"5", b"0", b"%d" % (2**64 - 1)])
async def test_two_lengths_are_refused_even_when_they_are_the_same(
    first: bytes, second: bytes
) -> None:
    with pytest.raises(HttpProcessingError):
        await read(post(b"Content-Length: " + first, b"content-length: " + second))


@pytest.mark.parametrize("length", [b"0", b"5", b"%d" % (2**64 - 1)])
@pytest.mark.parametrize("coding", [b"chunked", b"identity", b"", b"gzip, chunked"])
@pytest.mark.parametrize("turned", [False, True])
async def test_a_length_beside_a_coding_is_refused(
    length: bytes, coding: bytes, turned: bool
) -> None:
    fields = [b"Content-Length: " + length, b"Transfer-Encoding: " + coding]

    async def read_and_checked() -> None:
        message, _, _ = await read(post(*(reversed(fields) if turned else fields)))
        HeaderSection(message.raw_headers).check(message.version)

    with pytest.raises((HttpProcessingError, BadRequest)):
        await read_and_checked()


async def test_a_parser_that_sees_no_body_where_the_field_says_one_is_not_followed() -> None:
    """aiohttp 3.14 reads 2^64 - 1 as "no length"; another parser may have other numbers for that."""

    class Blind:
        parser: Any

        def feed_data(self, data: bytes) -> Any:
            messages, upgraded, tail = self.parser.feed_data(data)
            return [(message, EMPTY_PAYLOAD) for message, _ in messages], upgraded, tail

    loop = asyncio.get_running_loop()
    blind = Blind()
    blind.parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16)
    reader = RequestReader(blind, 2**16)

    (head,) = reader.pieces(post(b"Content-Length: 5"))
    with pytest.raises(HttpProcessingError):
        reader.feed_data(head)


# The hop: no request on a connection is read as the rest of another one's body.


async def pieces(*there: bytes) -> AsyncIterator[bytes]:
    for piece in there:
        yield piece


def asked(length: int) -> RequestHead:
    return RequestHead("POST", b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length, length)


async def test_a_length_is_never_sent_without_its_body() -> None:
    there = ByteConnection()
    there.connection.request(asked(5), deadlines=ANY)

    with pytest.raises(BadRequest):
        at_once(there.connection.head())
    assert there.transport.written == b""
    assert not there.connection.is_reusable()
    there.close()


@pytest.mark.parametrize(
    ("length", "body"),
    [(5, []), (5, [b"hell"]), (5, [b"hell", b"o!"]), (0, [b"GET /admin"])],
    ids=["none", "short", "long", "unsaid"],
)
async def test_a_body_of_another_length_than_was_said_ends_the_connection(
    length: int, body: list[bytes]
) -> None:
    there = ByteConnection()
    there.connection.request(asked(length), pieces(*body), deadlines=ANY)
    await eventually(lambda: there.transport.aborted)

    with pytest.raises(BadRequest):
        at_once(there.connection.head())
    assert len(there.transport.written.partition(b"\r\n\r\n")[2]) <= length
    assert not there.connection.is_reusable()
    there.close()


async def test_an_answer_before_the_whole_body_leaves_the_connection_to_nobody_else() -> None:
    there = ByteConnection()
    goes_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"he"
        await goes_on.wait()
        yield b"llo"

    there.connection.request(asked(5), slow(), deadlines=ANY)
    there.connection.data_received(OK)
    assert there.connection.rest() == b"ok"
    assert not there.connection.is_reusable()

    goes_on.set()
    await eventually(lambda: there.connection.is_reusable())
    assert there.transport.written.endswith(b"\r\n\r\nhello")
    there.close()


# Answers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("spelling", NO_NUMBERS, ids=lambda value: repr(value[:40]))
def test_an_answer_with_a_length_that_is_no_number_is_refused(spelling: bytes, method: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length:%b\r\n\r\n" % spelling

    outcome = outcome_of([answer], method=method, end=True)

    assert (outcome.status, outcome.failure) == (None, "invalid")


@pytest.mark.parametrize(("spelling", "number"), NUMBERS.items(), ids=repr)
def test_the_parser_of_answers_ends_a_body_where_the_field_says(
    spelling: bytes, number: int
) -> None:
    body = b"x" * min(number, 20)
    outcome = outcome_of([b"HTTP/1.1 200 OK\r\nContent-Length:%b\r\n\r\n" % spelling, body])

    assert (outcome.body, outcome.complete, outcome.reusable) == (body, number <= 20, number <= 20)


def test_the_failure_is_the_clients() -> None:
    assert issubclass(BadRequest, Failure)
    assert not BadRequest("").retryable
