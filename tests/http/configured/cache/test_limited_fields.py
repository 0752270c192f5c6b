"""Fields that an answer keeps from others by `no-cache="…"` and `private="…"` (RFC 9111 §5.2.2)."""

import asyncio

import pytest

from tests.http.configured.cache.test_never_fresh import Held, asked_at_once
from tests.http.configured.conftest import StartConfigured
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {}
"""
ANSWER = (
    b'HTTP/1.1 200 OK\r\nCache-Control: max-age=60, %b="x-own, Set-Cookie"\r\n'
    b"X-Own: mine\r\nSet-Cookie: a=b\r\nX-All: ours\r\nContent-Length: 2\r\n\r\nok"
)


@pytest.mark.parametrize("directive", [b"no-cache", b"private"])
async def test_a_field_that_is_for_one_client_goes_to_whose_request_it_was(
    start_configured: StartConfigured, directive: bytes
) -> None:
    configured = await start_configured(FILE, ANSWER % directive)
    first, second = await configured.ask("/"), await configured.ask("/")
    assert len(configured.upstream.requests) == 1
    assert [first.values(name) for name in (b"x-own", b"set-cookie", b"x-all")] == [
        [b"mine"],
        [b"a=b"],
        [b"ours"],
    ]
    assert [second.values(name) for name in (b"x-own", b"set-cookie", b"x-all")] == [
        [],
        [],
        [b"ours"],
    ]


@pytest.mark.parametrize("limits", [b'no-cache="set-cookie"', b'private="set-cookie"'])
async def test_of_all_who_wait_the_first_client_alone_gets_its_cookie(
    start_configured: StartConfigured, limits: bytes
) -> None:
    held = Held(b"Cache-Control: max-age=60, %b\r\nSet-Cookie: id=1\r\nX-All: 2\r\n" % limits)
    configured = await start_configured(FILE, held)
    answers = await asked_at_once(configured, 4, held, needed=1)
    cookies = [answer.values(b"set-cookie") for answer in answers]
    assert sorted(cookies) == [[], [], [], [b"id=1"]]
    assert [answer.values(b"x-all") for answer in answers] == [[b"2"]] * 4
    later = await configured.ask("/")
    assert later.values(b"set-cookie") == []
    assert later.values(b"x-all") == [b"2"]


async def test_who_validates_gets_the_cookie_that_comes_with_the_304(
    start_configured: StartConfigured,
) -> None:
    fields = (
        b'Cache-Control: max-age=0, no-cache="set-cookie"\r\nETag: "a"\r\nSet-Cookie: id=%d\r\n'
    )

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        number = len(configured.upstream.requests)
        known = b"HTTP/1.1 304 Not Modified\r\n" if number > 1 else b"HTTP/1.1 200 OK\r\n"
        writer.write(
            known + fields % number + (b"\r\n" if number > 1 else b"Content-Length: 2\r\n\r\nok")
        )

    configured = await start_configured(FILE, answer)
    for number in (1, 2, 3):
        got = await configured.ask("/")
        assert (got.body, got.values(b"set-cookie")) == (b"ok", [b"id=%d" % number])
