"""How long a request's head may be, what is kept of it, and that nothing is kept once the client is gone."""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import pytest
from aiohttp._http_parser import HttpRequestParser
from structlog.testing import capture_logs

from gateway.front.connection import GatewayRequestHandler
from gateway.front.reading import RequestReader
from tests.http.conftest import StartHop
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import Received

pytestmark = pytest.mark.both_loops

LIMIT = 64 * 1024


def head_of(size: int, *, name: bytes = b"Cookie", method: bytes = b"GET") -> bytes:
    """A head of exactly `size` bytes, nearly all of them in one field."""
    begin = b"%b /api/orders/x?token=secret HTTP/1.1\r\nHost: h\r\n%b: a=" % (method, name)
    return begin + b"c" * (size - len(begin) - 4) + b"\r\n\r\n"


@pytest.mark.parametrize("size", [16 * 1024, 20_000, LIMIT - 1, LIMIT])
async def test_a_cookie_as_long_as_the_head_may_be_passes(start_hop: StartHop, size: int) -> None:
    """Split sessions and Kerberos tickets are longer than 16 KiB."""
    gateway, upstream = await start_hop()

    answer = await exchange(gateway.port, head_of(size))

    assert answer.status == 200
    (cookie,) = upstream.requests[0].values(b"cookie")
    assert cookie.strip(b"ac=") == b""
    assert len(cookie) > size - 100


async def test_one_byte_more_is_too_large(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()

    assert (await exchange(gateway.port, head_of(LIMIT + 1))).status == 431
    assert upstream.requests == []


@pytest.mark.parametrize("size", [2**20, 4 * 2**20])
async def test_a_client_that_sends_all_of_its_head_first_reads_the_refusal(
    start_hop: StartHop, size: int
) -> None:
    gateway, upstream = await start_hop()
    client = await RawClient.connect(gateway.port)

    await client.send(head_of(size))

    assert (await client.answer()).status == 431
    assert await client.closed()
    assert upstream.requests == []
    await client.close()


async def test_who_never_stops_sending_after_a_refusal_is_cut_off(
    start_hop: StartHop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, _ = await start_hop()
    client = await RawClient.connect(gateway.port)
    await eventually(lambda: gateway.connections)
    for connection in gateway.connections:
        monkeypatch.setattr(connection, "_lingering_time", 0.2)

    async def sends_on() -> None:
        while True:
            await client.send(b"x" * 65536)

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(sends_on(), 10)
    await client.close()


async def test_the_setting_holds_for_the_whole_head(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop(MAX_REQUEST_HEAD_BYTES="2000")
    fields = b"".join(b"X-%d: %b\r\n" % (number, b"x" * 100) for number in range(20))
    many = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n%b\r\n" % fields

    assert (await exchange(gateway.port, head_of(2000))).status == 200
    assert (await exchange(gateway.port, head_of(2001))).status == 431
    assert (await exchange(gateway.port, many)).status == 431
    assert len(upstream.requests) == 1


async def test_a_refused_head_is_logged_with_what_was_read_of_it(start_hop: StartHop) -> None:
    gateway, _ = await start_hop()
    with capture_logs() as logs:
        await exchange(gateway.port, head_of(LIMIT + 1, method=b"PATCH"))
        await exchange(gateway.port, b"DELETE /api/orders/y?z HTTP/1.1\r\nHost: h\r\nX : 1\r\n\r\n")
        lines = await eventually(
            lambda: found if len(found := [e for e in logs if e["event"] == "request"]) == 2 else []
        )

    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("PATCH", "/api/orders/x", 431),
        ("DELETE", "/api/orders/y", 400),
    ]
    assert "secret" not in str(logs)


async def test_large_requests_that_are_sent_at_once_are_read_one_by_one(
    start_hop: StartHop,
) -> None:
    gateway, upstream = await start_hop()
    client = await RawClient.connect(gateway.port)
    sending = asyncio.create_task(client.send(head_of(40_000) * 12))

    answers = [await client.answer() for _ in range(12)]

    await sending
    assert [answer.status for answer in answers] == [200] * 12
    assert len(upstream.requests) == 12
    await client.close()


@pytest.mark.parametrize("name", [b"Connection", b"Via", b"Upgrade", b"TE"])
async def test_a_list_of_thousands_is_refused_before_it_is_taken_apart(
    start_hop: StartHop, name: bytes
) -> None:
    gateway, upstream = await start_hop()
    head = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n%b: %b\r\n\r\n" % (name, b"a," * 30_000)

    assert (await exchange(gateway.port, head)).status == 400
    assert upstream.requests == []


# What is left of a connection


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Switch the garbage collector off, so that reference cycles stay."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> Counter[str]:
    kinds = (GatewayRequestHandler, RequestReader, HttpRequestParser)
    return Counter(type(one).__name__ for one in gc.get_objects() if type(one) in kinds)


async def idle(_client: RawClient) -> None:
    pass


async def in_a_head(client: RawClient) -> None:
    await client.send(b"GET /api/orders HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 30_000)


async def in_a_body(client: RawClient) -> None:
    await client.send(b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf")


async def with_requests_read_ahead(client: RawClient) -> None:
    await client.send(b"GET /api/orders/wait HTTP/1.1\r\nHost: h\r\n\r\n" * 5)


async def kept_alive(client: RawClient) -> None:
    for path in (b"/api/orders", b"/health", b"/nothing"):
        await client.send(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path)
        await client.answer()


async def with_a_body(client: RawClient) -> None:
    await client.send(b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
    await client.answer()


async def refused(client: RawClient) -> None:
    await client.send(head_of(LIMIT + 1))
    await client.answer()


async def not_http(client: RawClient) -> None:
    await client.send(b"GET / HTTP/1.1\r\nHost : h\r\n\r\n")
    await client.answer()


async def answers_unless_told_to_wait(received: Received, writer: asyncio.StreamWriter) -> None:
    if received.target == b"/wait":
        await received.reader.read()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize(
    "what",
    [
        *(idle, in_a_head, in_a_body, with_requests_read_ahead, kept_alive, with_a_body),
        *(refused, not_http),
    ],
)
async def test_a_closed_connection_leaves_nothing_to_the_collector(
    start_hop: StartHop, what: Callable[[RawClient], Awaitable[None]]
) -> None:
    gateway, _ = await start_hop(answers_unless_told_to_wait)
    before, others = alive(), connected(gateway)
    client = await RawClient.connect(gateway.port)
    await eventually(lambda: connected(gateway) > others)
    assert alive() != before

    await what(client)
    await client.close()

    await eventually(lambda: connected(gateway) == others)
    await eventually(lambda: alive() == before)


@pytest.mark.usefixtures("without_collector")
async def test_an_instances_idle_connection_holds_no_client(start_hop: StartHop) -> None:
    async def keeps_its_connection(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await received.reader.read()
        ended.set()

    ended = asyncio.Event()
    gateway, _ = await start_hop(keeps_its_connection)
    before, others = alive(), connected(gateway)
    client = await RawClient.connect(gateway.port)
    await client.send(b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n")
    await client.answer()
    await client.close()

    await eventually(lambda: connected(gateway) == others)
    await eventually(lambda: alive() == before)
    assert not ended.is_set()


def connected(gateway: RunningGateway) -> int:
    return len(gateway.connections)
