"""Many clients, one request to the service."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.raw_clients import RawAnswer, RawClient, exchange
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {stale_if_error: 1h, object: 100KiB}
"""
ONE = b"GET /one HTTP/1.1\r\nHost: a.example\r\n%b\r\n"


@dataclass
class Gate:
    """An upstream that sends `head`, then each of `pieces` when it is let."""

    head: bytes
    pieces: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self.asked.set()
        await self.go.acquire()
        try:
            writer.write(self.head)
            for piece in self.pieces:
                await self.go.acquire()
                writer.write(piece)
                await writer.drain()
        finally:
            self.left.set()


def fresh(length: int, more: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def value(answer: RawAnswer, name: bytes) -> bytes:
    return answer.values(name)[0]


Clients = Callable[..., Awaitable[list[RawClient]]]


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    """`await clients(configured, number, fields)`: so many clients that have asked for /one."""
    made: list[RawClient] = []

    async def ask(configured: Configured, number: int, fields: bytes = b"") -> list[RawClient]:
        new = [await RawClient.connect(configured.gateway.port) for _ in range(number)]
        made.extend(new)
        for one in new:
            await one.send(ONE % fields)
        return new

    yield ask
    for one in made:
        one.writer.transport.abort()


async def test_all_who_wait_get_the_one_answer_of_the_service(
    start_configured: StartConfigured, clients: Clients
) -> None:
    gate = Gate(fresh(4), [b"ab", b"cd"])
    configured = await start_configured(FILE, gate)
    first, *others = await clients(configured, 30)
    await gate.asked.wait()
    for _ in range(3):
        gate.go.release()
    answers = [await one.answer() for one in (first, *others)]
    assert {answer.body for answer in answers} == {b"abcd"}
    assert len(configured.upstream.requests) == 1
    statuses = [value(answer, b"cache-status") for answer in answers]
    assert sum(b"collapsed" in one for one in statuses) == 29
    assert statuses.count(b"lockgate; fwd=uri-miss; fwd-status=200; ttl=60; stored") in (0, 1)
    again = await configured.ask("/one")
    assert value(again, b"cache-status").startswith(b"lockgate; hit; ttl=")


async def test_a_client_that_comes_while_the_answer_streams_gets_all_of_it(
    start_configured: StartConfigured, clients: Clients
) -> None:
    gate = Gate(fresh(4), [b"ab", b"cd"])
    configured = await start_configured(FILE, gate)
    (first,) = await clients(configured, 1)
    gate.go.release()
    gate.go.release()
    head = await first.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    (late,) = await clients(configured, 1)
    assert (await late.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    gate.go.release()
    assert await first.reader.readexactly(4) == b"abcd"
    assert await late.reader.readexactly(4) == b"abcd"
    assert len(configured.upstream.requests) == 1


async def test_the_client_that_began_it_may_leave(
    start_configured: StartConfigured, clients: Clients
) -> None:
    gate = Gate(fresh(2), [b"ok"])
    configured = await start_configured(FILE, gate)
    (first,) = await clients(configured, 1)
    await gate.asked.wait()
    (second,) = await clients(configured, 1)
    first.writer.transport.abort()
    gate.go.release()
    gate.go.release()
    assert (await second.answer()).body == b"ok"
    assert len(configured.upstream.requests) == 1


async def test_what_nobody_waits_for_any_more_is_kept(
    start_configured: StartConfigured, clients: Clients
) -> None:
    gate = Gate(fresh(2), [b"ok"])
    configured = await start_configured(FILE, gate)
    (first,) = await clients(configured, 1)
    await gate.asked.wait()
    first.writer.transport.abort()
    gate.go.release()
    gate.go.release()
    await gate.left.wait()
    answer = await configured.ask("/one")
    assert answer.body == b"ok"
    assert len(configured.upstream.requests) == 1


async def test_an_answer_that_can_not_be_kept_lets_the_others_go_at_once(
    start_configured: StartConfigured, clients: Clients
) -> None:
    """And nobody waits for anybody there from then on."""
    asked: list[asyncio.Event] = []
    hold = asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        event = asyncio.Event()
        asked.append(event)
        writer.write(
            b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await hold.wait()  # the first answer goes on and on
        writer.write(b"2\r\nok\r\n0\r\n\r\n")

    configured = await start_configured(FILE, answer)
    many = await clients(configured, 10)
    heads = [await one.reader.readuntil(b"\r\n\r\n") for one in many]
    assert len(asked) == 10
    assert all(b"detail=private" in head for head in heads)
    more = await clients(configured, 5)
    assert all([b"detail=private" in await one.reader.readuntil(b"\r\n\r\n") for one in more])
    hold.set()


async def test_a_vary_that_comes_late_sends_the_others_on_by_themselves(
    start_configured: StartConfigured, clients: Clients
) -> None:
    hold = asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        await hold.wait()
        language = received.values(b"accept-language")[0]
        writer.write(fresh(len(language), "Vary: Accept-Language\r\n") + language)

    configured = await start_configured(FILE, answer)
    german = await clients(configured, 3, b"Accept-Language: de\r\n")
    french = await clients(configured, 3, b"Accept-Language: fr\r\n")
    hold.set()
    assert [(await one.answer()).body for one in german] == [b"de"] * 3
    assert [(await one.answer()).body for one in french] == [b"fr"] * 3
    assert len(configured.upstream.requests) == 2


async def test_a_body_over_the_cap_reaches_all_who_wait_and_is_not_kept(
    start_configured: StartConfigured, clients: Clients
) -> None:
    body = b"x" * 300 * 1024

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\n")
        for begin in range(0, len(body), 10_000):
            writer.write(body[begin : begin + 10_000])
            await writer.drain()

    configured = await start_configured(FILE, answer)
    many = await clients(configured, 5)
    assert [(await one.answer()).body == body for one in many] == [True] * 5
    assert b"hit;" not in value(await configured.ask("/one"), b"cache-status")


@pytest.mark.parametrize("breaks", [b"HTTP/1.1 200 OK\r\nContent-Len", b""])
async def test_all_who_wait_hear_that_there_is_no_answer(
    start_configured: StartConfigured, clients: Clients, breaks: bytes
) -> None:
    configured = await start_configured(FILE, breaks)
    many = await clients(configured, 5)
    assert {(await one.answer()).status for one in many} == {502}


async def test_a_body_that_breaks_off_is_broken_off_for_all_and_not_kept(
    start_configured: StartConfigured, clients: Clients
) -> None:
    gate = Gate(fresh(10), [b"half"])
    configured = await start_configured(FILE, gate)
    many = await clients(configured, 4)
    await gate.asked.wait()
    gate.go.release()
    for one in many:
        assert b"Content-Length: 10" in await one.reader.readuntil(b"\r\n\r\n")
    gate.go.release()
    for one in many:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await one.reader.readexactly(10)
    gate.asked.clear()
    (again,) = await clients(configured, 1)
    await gate.asked.wait()
    again.writer.close()


async def test_who_waits_goes_by_its_own_time_limit(
    start_configured: StartConfigured, clients: Clients
) -> None:
    gate = Gate(fresh(2), [b"ok"])
    configured = await start_configured(FILE, gate)
    (patient,) = await clients(configured, 1)
    await gate.asked.wait()
    (hasty,) = await clients(configured, 1, b"X-Request-Timeout: 0.05\r\n")
    assert (await hasty.answer()).status == 504
    gate.go.release()
    gate.go.release()
    assert (await patient.answer()).body == b"ok"


async def test_interim_answers_reach_the_client_that_began_it(
    start_configured: StartConfigured, clients: Clients
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    configured = await start_configured(FILE, early + fresh(2) + b"ok")
    (client,) = await clients(configured, 1)
    assert (await client.answer()).status == 103
    assert (await client.answer()).body == b"ok"


async def test_a_client_of_http_1_0_that_names_no_host_is_answered(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, fresh(2) + b"ok")
    for _ in range(2):
        answer = await exchange(configured.gateway.port, b"GET /one HTTP/1.0\r\n\r\n")
        assert answer.status == 200
        assert answer.body == b"ok"
    assert len(configured.upstream.requests) == 1
