"""Clients that send no more but still read (`printf … | nc -N`) get their answers."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.http.conftest import StartHop
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.transports import reset
from tests.support.upstreams import Received

pytestmark = pytest.mark.both_loops

GET = b"GET /api/orders/%d HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /api/orders/%d HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
HALVES = [
    b"GET /api/orders/half HTTP/1.1\r\nHost",
    b"POST /api/orders/half HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe",
    b"POST /api/orders/half HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
]


async def says_what_it_got(received: Received, writer: asyncio.StreamWriter) -> None:
    said = received.target + b" " + received.body
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said))


async def ask(port: int, requests: bytes) -> RawClient:
    """Send all requests and then a FIN."""
    client = await RawClient.connect(port)
    await client.send(requests)
    client.writer.write_eof()
    return client


@pytest.mark.parametrize(("asked", "body"), [(GET, b""), (POST, b"hello")], ids=["GET", "POST"])
@pytest.mark.parametrize("count", [1, 20, 50])
async def test_whole_requests_before_a_fin_are_all_answered(
    start_hop: StartHop, asked: bytes, body: bytes, count: int
) -> None:
    gateway, _ = await start_hop(says_what_it_got)

    client = await ask(gateway.port, b"".join(asked % n for n in range(count)))

    bodies = [(await client.answer()).body for _ in range(count)]
    assert bodies == [b"/%d %b" % (n, body) for n in range(count)]
    assert await client.closed()
    await client.close()


@pytest.mark.parametrize("half", HALVES, ids=["head", "body", "chunks"])
async def test_half_a_request_before_a_fin_is_dropped_and_those_before_it_are_answered(
    start_hop: StartHop, half: bytes
) -> None:
    gateway, upstream = await start_hop(says_what_it_got)

    client = await ask(gateway.port, GET % 1 + GET % 2 + half)

    assert [(await client.answer()).body for _ in range(2)] == [b"/1 ", b"/2 "]
    assert await client.closed()
    assert [one.target for one in upstream.requests] == [b"/1", b"/2"]
    await client.close()


@pytest.mark.parametrize("half", [b"", HALVES[0]], ids=["nothing", "half a head"])
async def test_a_fin_before_any_request_ends_the_connection(
    start_hop: StartHop, half: bytes
) -> None:
    gateway, upstream = await start_hop()

    client = await ask(gateway.port, half)

    assert await client.closed()
    assert upstream.requests == []
    await client.close()


async def test_a_slow_answer_is_delivered_whole(start_hop: StartHop) -> None:
    """Before the answer begins, the gateway checks that the client is there by a 100, which clients skip."""
    begins, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(_received: Received, writer: asyncio.StreamWriter) -> None:
        await begins.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        await goes_on.wait()
        writer.write(b"world")

    gateway, _ = await start_hop(slow)
    client = await ask(gateway.port, GET % 1)

    assert (await client.answer()).status == 100
    begins.set()
    assert await client.reader.readuntil(b"\r\n\r\nhello")
    goes_on.set()

    assert await client.reader.read() == b"world"
    await client.close()


async def test_an_answer_in_the_middle_of_which_the_fin_comes_is_delivered_whole(
    start_hop: StartHop,
) -> None:
    goes_on = asyncio.Event()

    async def slow(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        await goes_on.wait()
        writer.write(b"world")

    gateway, _ = await start_hop(slow)
    client = await RawClient.connect(gateway.port)
    await client.send(GET % 1)
    await client.reader.readuntil(b"hello")
    client.writer.write_eof()
    (here,) = [one for one in gateway.connections if one._current_request is not None]
    await eventually(lambda: here.is_half_closed)
    goes_on.set()

    assert await client.reader.read() == b"world"
    await client.close()


@pytest.mark.parametrize("fin_before", [False, True], ids=["at once", "behind a FIN"])
async def test_a_client_that_is_gone_altogether_ends_the_work(
    start_hop: StartHop, fin_before: bool
) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def waits(received: Received, _writer: asyncio.StreamWriter) -> None:
        asked.set()
        await received.reader.read()
        ended.set()

    gateway, _ = await start_hop(waits)
    client = await RawClient.connect(gateway.port)
    with capture_logs() as logs:
        await client.send(GET % 1)
        await asyncio.wait_for(asked.wait(), 5)
        if fin_before:
            client.writer.write_eof()
            (here,) = [one for one in gateway.connections if one._current_request is not None]
            await eventually(lambda: here.is_half_closed)
        reset(client.writer)
        await asyncio.wait_for(ended.wait(), 10)
        (line,) = await eventually(lambda: [e for e in logs if e["event"] == "request"])

    assert line["status"] == 499
    await client.close()


async def test_a_client_that_closes_while_nothing_has_been_answered_is_noticed(
    start_hop: StartHop,
) -> None:
    """Its FIN looks like that of a client that still reads; the gateway's 100 finds out."""
    asked, ended = asyncio.Event(), asyncio.Event()

    async def waits(received: Received, _writer: asyncio.StreamWriter) -> None:
        asked.set()
        await received.reader.read()
        ended.set()

    gateway, _ = await start_hop(waits)
    client = await RawClient.connect(gateway.port)
    await client.send(GET % 1)
    await asyncio.wait_for(asked.wait(), 5)

    await client.close()

    await asyncio.wait_for(ended.wait(), 10)


async def sends_a_chunk_and_waits(received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    await received.reader.read()


async def test_a_client_that_closes_in_the_middle_of_a_silent_stream_is_noticed(
    start_hop: StartHop,
) -> None:
    gateway, upstream = await start_hop(sends_a_chunk_and_waits)
    client = await RawClient.connect(gateway.port)
    await client.send(GET % 1)
    await client.reader.readuntil(b"hello\r\n")

    await client.close()

    await eventually(lambda: upstream.open_connections == 0)


async def test_a_client_that_still_reads_a_stream_gets_it_whole_when_it_was_asked(
    start_hop: StartHop,
) -> None:
    goes_on = asyncio.Event()

    async def pauses(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await goes_on.wait()
        writer.write(b"5\r\nworld\r\n0\r\n\r\n")

    gateway, _ = await start_hop(pauses)
    client = await ask(gateway.port, GET % 1)
    await client.reader.readuntil(b"hello\r\n")
    question = await asyncio.wait_for(client.reader.readexactly(1), 5)
    goes_on.set()

    rest = question + await client.reader.read()
    assert rest.startswith(b"0")
    assert rest.lstrip(b"0") == b"5\r\nworld\r\n0\r\n\r\n"
    await client.close()
