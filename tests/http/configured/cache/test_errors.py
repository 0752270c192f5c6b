"""Older answers in place of errors, as each client takes them."""

import asyncio
from collections.abc import Callable

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {stale_if_error: 1h}
"""
STALE = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=1\r\nAge: 5\r\nContent-Length: 2\r\n\r\nok"
TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
PLAIN, NO_CACHE = b"", b"Cache-Control: no-cache\r\n"


class Fails:
    """An upstream that answers well once, and then with `then` when it is let; it ends the connection if empty."""

    def __init__(self, then: Callable[[int], bytes]) -> None:
        self.then = then
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target == b"/other":
            writer.write(STALE)
            return
        self.asked += 1
        if self.asked == 1:
            writer.write(STALE)
            return
        await self.go.wait()
        if answer := self.then(self.asked):
            writer.write(answer)


async def statuses(configured: Configured, fails: Fails, *askers: bytes) -> list[int]:
    """The statuses of clients that ask one after the other, and all wait when the service fails."""
    clients = [await RawClient.connect(configured.gateway.port) for _ in askers]
    try:
        for one, fields in zip(clients, askers, strict=True):
            await one.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n%b\r\n" % fields)
            await eventually(lambda: fails.asked >= 2)
        # A later connection's request was answered, so those before it were read.
        assert (await configured.ask("/other")).status == 200
        fails.go.set()
        return [(await one.answer()).status for one in clients]
    finally:
        for one in clients:
            one.writer.transport.abort()


@pytest.mark.parametrize(("error", "status"), [(b"", 502), (UNAVAILABLE, 503)])
async def test_who_wants_a_validated_answer_gets_the_error_and_the_others_the_older_answer(
    start_configured: StartConfigured, error: bytes, status: int
) -> None:
    fails = Fails(lambda _: error)
    configured = await start_configured(FILE, fails)
    assert (await configured.ask("/")).status == 200
    assert await statuses(configured, fails, PLAIN, NO_CACHE, PLAIN) == [200, status, 200]


async def test_who_only_waits_gets_the_older_answer_though_the_first_client_does_not(
    start_configured: StartConfigured,
) -> None:
    fails = Fails(lambda _: b"")
    configured = await start_configured(FILE, fails)
    await configured.ask("/")
    assert await statuses(configured, fails, NO_CACHE, PLAIN) == [502, 200]


async def test_an_older_answer_serves_though_the_last_one_could_not_be_kept(
    start_configured: StartConfigured,
) -> None:
    fails = Fails(lambda asked: TOO_MANY if asked == 2 else b"")
    fails.go.set()
    configured = await start_configured(FILE, fails)
    answers = [await configured.ask("/") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 429, 200]
    assert b"detail=stale-if-error" in answers[2].values(b"cache-status")[0]
