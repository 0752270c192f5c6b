"""aiohttp's request around a plain head: what was read here and what aiohttp makes are the same."""

import asyncio

import pytest
from aiohttp import web

from gateway.front.plain_heads import PlainRequests
from gateway.front.plain_request import PlainRequest
from tests.support.byte_clients import client_over
from tests.support.byte_connections import ByteTransport

POST = (
    b"POST /services/a%20b?c=d&c=e HTTP/1.1\r\nHost: shop.example\r\nX-A: 1\r\nx-a: 2\r\n"
    b"Content-Type: application/json; charset=utf-8\r\nCookie: one=1\r\nContent-Length: 9\r\n\r\n"
    b'{"a": 12}'
)

SEEN = web.RequestKey("seen", bool)


def request_by(client: web.RequestHandler, data: bytes) -> PlainRequest:
    head = PlainRequests(2**16, lambda _peer: False).read(data, trusted=False)
    assert head is not None
    return PlainRequest(head, client, asyncio.get_running_loop(), "192.0.2.7", "http")


async def request_of(data: bytes) -> PlainRequest:
    async with client_over(ByteTransport()) as client:
        return request_by(client, data)


async def test_what_aiohttp_makes_is_there_when_it_is_asked_for() -> None:
    request = await request_of(POST)

    assert not request.is_complete
    assert (request.method, request.raw_path, request.remote) == (
        *("POST", "/services/a%20b?c=d&c=e", "192.0.2.7"),
    )
    assert not request.is_complete
    assert request.path == "/services/a b"
    assert request.query.getall("c") == ["d", "e"]
    assert request.headers.getall("X-A") == ["1", "2"]
    assert (request.content_type, request.charset, request.cookies["one"]) == (
        *("application/json", "utf-8", "1"),
    )
    assert await request.json() == {"a": 12}
    assert request.raw_headers == request.head.fields


async def test_what_a_layer_has_put_there_stays() -> None:
    async with client_over(ByteTransport()) as client:
        request = request_by(client, POST)
        request[SEEN] = True
        request.send(b"HTTP/")

    assert request.path
    assert request[SEEN]
    assert request.writer.output_size == 5


async def test_a_long_body_is_there_whole() -> None:
    body = b"x" * 200_000
    head = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)

    assert await (await request_of(head + body)).read() == body


async def test_an_unknown_attribute_is_unknown() -> None:
    with pytest.raises(AttributeError):
        _ = (await request_of(POST)).nothing_of_the_kind  # type: ignore[attr-defined]


async def test_each_part_that_aiohttp_makes_is_made_when_it_is_asked_for() -> None:
    before = set(vars(await request_of(POST)))
    complete = await request_of(POST)
    complete.complete()

    for name in (set(vars(complete)) - before) & web.Request.ATTRS:
        request = await request_of(POST)
        assert hasattr(request, name), name
        assert request.is_complete


async def test_it_sets_nothing_that_aiohttp_warns_of_in_development_mode() -> None:
    request = await request_of(POST)
    assert request.path
    assert not request.writer.output_size

    assert set(vars(request)) <= PlainRequest.ATTRS
