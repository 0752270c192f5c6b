"""Answers that are kept only to be validated, and those that take the place of others."""

import asyncio

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {stale_while_revalidate: 1h, stale_if_error: 1h}
"""
NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n%b\r\n'


def ok(fields: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%b\r\nok" % fields


class Held:
    """An upstream that answers nobody before so many have asked; with 304 to who sends an ETag."""

    def __init__(self, fields: bytes) -> None:
        self.fields = fields
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target == b"/other":
            writer.write(ok(b""))
            return
        self.asked += 1
        await self.go.wait()
        is_known = received.values(b"if-none-match") == [b'"a"']
        writer.write(NOT_MODIFIED % self.fields if is_known else ok(self.fields))


async def asked_at_once(
    configured: Configured, number: int, held: Held, needed: int
) -> list[RawAnswer]:
    """Send so many requests, and let the service answer when it has `needed` of them and all have come."""
    held.asked = 0
    held.go.clear()
    clients = [await RawClient.connect(configured.gateway.port) for _ in range(number)]
    try:
        for one in clients:
            await one.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        await eventually(lambda: held.asked >= needed)
        # A later connection's request was answered, so those before it were read.
        assert (await configured.ask("/other")).status == 200
        held.go.set()
        return [await one.answer() for one in clients]
    finally:
        for one in clients:
            one.writer.transport.abort()


NEVER_FRESH = [
    b'Cache-Control: no-cache, max-age=60\r\nETag: "a"\r\n',
    b'Cache-Control: max-age=0\r\nETag: "a"\r\n',
    b'ETag: "a"\r\n',
]


@pytest.mark.parametrize("fields", NEVER_FRESH)
async def test_an_answer_that_is_never_fresh_serves_one_request(
    start_configured: StartConfigured, fields: bytes
) -> None:
    held = Held(fields)
    configured = await start_configured(FILE, held)
    answers = await asked_at_once(configured, 4, held, needed=1)
    assert [answer.body for answer in answers] == [b"ok"] * 4
    assert held.asked == 4


@pytest.mark.parametrize("fields", NEVER_FRESH)
async def test_each_request_validates_an_answer_that_is_never_fresh_without_waiting_for_others(
    start_configured: StartConfigured, fields: bytes
) -> None:
    held = Held(fields)
    configured = await start_configured(FILE, held)
    await asked_at_once(configured, 1, held, needed=1)
    answers = await asked_at_once(configured, 3, held, needed=3)
    assert [answer.body for answer in answers] == [b"ok"] * 3
    received = [request.values(b"if-none-match") for request in configured.upstream.requests]
    assert received.count([b'"a"']) == 3


async def test_an_answer_that_comes_stale_from_a_slow_service_serves_all_who_waited(
    start_configured: StartConfigured,
) -> None:
    held = Held(b"Cache-Control: max-age=1\r\nAge: 5\r\n")
    configured = await start_configured(FILE, held)
    answers = await asked_at_once(configured, 6, held, needed=1)
    assert [answer.body for answer in answers] == [b"ok"] * 6
    assert held.asked == 1


@pytest.mark.parametrize(
    "next_one",
    [
        ok(b"Cache-Control: private\r\n"),
        ok(b"Cache-Control: no-store\r\n"),
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_an_answer_is_gone_when_another_one_comes_that_can_not_be_kept(
    start_configured: StartConfigured, next_one: bytes
) -> None:
    """It was served stale else for as long as the route allows, though the service says something else."""
    answers = [ok(b"Cache-Control: max-age=1\r\nAge: 5\r\n"), next_one]

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[min(len(configured.upstream.requests), len(answers)) - 1])

    configured = await start_configured(FILE, answer)
    await configured.ask("/")
    assert b"hit" in (await configured.ask("/")).values(b"cache-status")[0]

    async def is_new() -> bool:
        return b"hit;" not in (await configured.ask("/")).values(b"cache-status")[0]

    await eventually(is_new)


@pytest.mark.parametrize(
    "status",
    [b"406 Not Acceptable", b"429 Too Many Requests", b"500 Internal Server Error"],
)
async def test_an_answer_stays_when_the_service_can_not_give_another_one(
    start_configured: StartConfigured, status: bytes
) -> None:
    answers = [
        ok(b"Cache-Control: max-age=1\r\nAge: 5\r\n"),
        b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status,
    ]

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[min(len(configured.upstream.requests), len(answers)) - 1])

    configured = await start_configured(FILE, answer)
    await configured.ask("/")
    for asked in range(2, 5):
        assert (await configured.ask("/")).body == b"ok"
        await eventually(lambda asked=asked: len(configured.upstream.requests) >= asked)


@pytest.mark.parametrize("status", [b"400 Bad Request", b"403 Forbidden", b"406 Not Acceptable"])
async def test_a_refusal_of_one_client_takes_a_fresh_answer_from_nobody(
    start_configured: StartConfigured, status: bytes
) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        refused = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status
        evil = b"evil" in received.head
        writer.write(refused if evil else ok(b"Cache-Control: max-age=60\r\n"))

    configured = await start_configured(FILE, answer)
    await configured.ask("/")
    evil = await configured.ask("/", "User-Agent: evil", "Cache-Control: no-cache")
    assert evil.status == int(status[:3])
    plain = await configured.ask("/")
    assert (plain.status, plain.body) == (200, b"ok")
    assert b"; hit" in plain.values(b"cache-status")[0]
