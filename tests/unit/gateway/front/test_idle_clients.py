"""When a client connection without a request ends, even if its client reads nothing."""

import asyncio
from collections.abc import AsyncIterator
from sys import getsizeof

import pytest
from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD

from gateway.front.answering import in_place_of
from gateway.front.connection import GatewayRequestHandler
from gateway.front.message_queue import MessageQueue
from tests.support.byte_clients import client_over
from tests.support.byte_connections import ByteTransport


class UnreadTransport(ByteTransport):
    """A transport with `unsent` bytes, for which a close waits."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0

    def get_write_buffer_size(self) -> int:
        return self.unsent


@pytest.fixture
async def client() -> AsyncIterator[GatewayRequestHandler]:
    async with client_over(UnreadTransport()) as handler:
        yield handler


def unread(client: GatewayRequestHandler, unsent: int) -> None:
    assert isinstance(client.transport, UnreadTransport)
    client.transport.unsent = unsent


def long_idle(client: GatewayRequestHandler) -> UnreadTransport:
    transport = client.transport
    assert isinstance(transport, UnreadTransport)
    client.end_if_idle_since(client._loop.time() + 1)
    return transport


async def test_an_idle_connection_is_closed(client: GatewayRequestHandler) -> None:
    assert long_idle(client).closed


async def test_one_that_still_reads_its_answer_is_left_to_it(
    client: GatewayRequestHandler,
) -> None:
    for unsent in (3000, 2000, 1000):
        unread(client, unsent)
        transport = long_idle(client)
        assert not transport.closed
        assert not transport.aborted


async def test_one_that_reads_nothing_is_broken_off(client: GatewayRequestHandler) -> None:
    """A close would wait for the client without a limit."""
    unread(client, 3000)
    assert not long_idle(client).aborted
    assert long_idle(client).aborted


async def test_a_new_one_has_no_task_and_hardly_a_queue() -> None:
    """A task would send the first request past the plain reader, and the parser would keep its fields."""
    async with client_over(ByteTransport()) as client:
        assert client._task_handler is None
        assert getsizeof(client._messages) < 100
        assert not client._cache


PLAIN = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
NOT_PLAIN = b"POST /a HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nContent-Length: 4\r\n\r\nbody"


async def answer(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def answered(client: GatewayRequestHandler) -> None:
    while (task := client._task_handler) is not None:
        await task


@pytest.mark.parametrize("writes", [[PLAIN], [NOT_PLAIN], [NOT_PLAIN[:-2], NOT_PLAIN[-2:]]])
async def test_one_that_rests_has_no_parser_and_reads_on(writes: list[bytes]) -> None:
    transport = ByteTransport()
    async with client_over(transport, answer=answer) as client:
        for _ in range(2):
            for data in writes:
                client.data_received(data)
                await asyncio.sleep(0)
            await answered(client)
            assert (client._parser, client._reader) == (None, None)
        assert transport.written.count(b"HTTP/1.1 200 OK") == 2
        assert not transport.closed


@pytest.mark.parametrize("first", [PLAIN, NOT_PLAIN])
async def test_half_a_head_that_comes_with_a_request_is_kept(first: bytes) -> None:
    transport = ByteTransport()
    async with client_over(transport, answer=answer) as client:
        client.data_received(first + NOT_PLAIN[:20])
        await answered(client)
        client.data_received(NOT_PLAIN[20:])
        await answered(client)
        assert transport.written.count(b"HTTP/1.1 200 OK") == 2
        assert (client._parser, client._reader) == (None, None)


def test_read_ahead_requests_are_taken_in_their_order() -> None:
    queue = MessageQueue()
    first, second = (in_place_of(("GET", path)) for path in ("/1", "/2"))
    queue.append((first, EMPTY_PAYLOAD))
    queue.append((second, EMPTY_PAYLOAD))

    assert [queue.popleft()[0], queue.popleft()[0]] == [first, second]
    assert not queue
