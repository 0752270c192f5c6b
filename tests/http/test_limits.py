"""The limits of an exchange: each ends it in its own way and disturbs no other."""

import asyncio

import pytest

from gateway.front import request_body
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN
from tests.support.raw_clients import RawClient, exchange
from tests.support.transports import transport_of
from tests.support.upstreams import Received

pytestmark = pytest.mark.both_loops

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"


async def stalls_in_mid_body(received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await received.reader.read()  # until the gateway ends the connection


async def drips(_received: Received, writer: asyncio.StreamWriter) -> None:
    """Send one byte now and then: never silent for long, and never finished."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def never_answers(received: Received, _writer: asyncio.StreamWriter) -> None:
    await received.reader.read()


async def test_an_answer_that_pauses_too_long_is_broken_off(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(UPSTREAM_IDLE_TIMEOUT="0.2")
    upstream = await start_upstream(stalls_in_mid_body)
    await gateway.register("orders", upstream.port)

    answer = await exchange(gateway.port, GET)

    assert (answer.status, answer.complete) == (200, False)
    await eventually(lambda: upstream.open_connections == 0)


async def test_an_answer_that_drips_is_broken_off_when_the_whole_takes_too_long(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(UPSTREAM_IDLE_TIMEOUT="0.2", UPSTREAM_TOTAL_TIMEOUT="0.5")
    upstream = await start_upstream(drips)
    await gateway.register("orders", upstream.port)

    answer = await exchange(gateway.port, GET)

    assert (answer.status, answer.complete) == (200, False)


async def test_an_exchange_without_a_head_ends_when_the_whole_takes_too_long(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(UPSTREAM_TOTAL_TIMEOUT="0.2")
    upstream = await start_upstream(never_answers)
    await gateway.register("orders", upstream.port)

    answer = await gateway.get("/api/orders")

    assert (answer.status, answer.reason) == (504, "upstream_timeout")


async def test_a_connection_too_many_is_waited_for_and_then_refused(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(UPSTREAM_CONNECTIONS="1", UPSTREAM_CONNECTION_WAIT="0.2")
    upstream = await start_upstream(never_answers)
    await gateway.register("orders", upstream.port)
    first = asyncio.create_task(gateway.get("/api/orders"))
    await eventually(lambda: upstream.requests)

    answer = await gateway.get("/api/orders")

    assert (answer.status, answer.reason) == (503, "overloaded")
    assert len(upstream.requests) == 1
    first.cancel()
    await asyncio.wait([first])


async def test_who_waits_for_a_connection_gets_the_next_one(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(UPSTREAM_CONNECTIONS="1", UPSTREAM_CONNECTION_WAIT="5")
    upstream = await start_upstream()
    await gateway.register("orders", upstream.port)

    answers = await asyncio.gather(*(gateway.get("/api/orders") for _ in range(10)))

    assert [answer.status for answer in answers] == [200] * 10


async def test_a_head_that_is_larger_than_allowed_is_no_answer(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    head = b"HTTP/1.1 200 OK\r\nX-Large: %b\r\nContent-Length: 0\r\n\r\n" % (b"x" * 3000)
    gateway, roomy = (
        await start_gateway(MAX_RESPONSE_HEAD_BYTES="2000"),
        await start_gateway(MAX_RESPONSE_HEAD_BYTES="4000"),
    )
    upstream = await start_upstream(head)
    await gateway.register("orders", upstream.port)
    await eventually(lambda: roomy.member.health.status("orders/i1") == "healthy")

    assert (await gateway.get("/api/orders")).reason == "upstream_invalid"
    assert (await roomy.get("/api/orders")).status == 200


@pytest.mark.parametrize(
    "limit", [{"CLIENT_BODY_TIMEOUT": "0.2"}, {"CLIENT_BODY_MIN_RATE": "1000000"}, {}]
)
async def test_a_client_that_does_not_send_its_body_is_told_so(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    limit: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client may pause or send too slowly; each has a limit, even without a setting."""
    monkeypatch.setattr(request_body, "RATE_GRACE_S", 0.3)
    gateway = await start_gateway(**limit)

    async def reads(received: Received, _writer: asyncio.StreamWriter) -> None:
        await received.reader.read()

    upstream = await start_upstream(reads, read_body=False)
    await gateway.register("orders", upstream.port)
    client = await RawClient.connect(gateway.port)
    await client.send(b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
    answer = asyncio.create_task(client.answer())
    while "CLIENT_BODY_TIMEOUT" not in limit and not answer.done():
        await client.send(b"x")
        await asyncio.wait([answer], timeout=0.1)

    assert (await answer).status == 408
    await client.close()


async def test_a_registration_that_does_not_come_is_given_up_too(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(CLIENT_BODY_TIMEOUT="0.2")
    async with await RawClient.connect(gateway.port) as client:
        await client.send(
            b"PUT /services/orders/instances/i1 HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n"
            b"Authorization: Bearer %b\r\n\r\n{" % ADMIN_TOKEN.encode()
        )

        assert (await client.answer()).status == 408


async def test_a_client_that_reads_nothing_is_given_up(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    async def floods(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    gateway = await start_gateway(CLIENT_SEND_TIMEOUT="0.3")
    upstream = await start_upstream(floods)
    await gateway.register("orders", upstream.port)
    client = await RawClient.connect(gateway.port)
    transport = transport_of(client.writer)
    transport.pause_reading()

    await client.send(GET)

    await eventually(lambda: len(upstream.requests) == 1 and upstream.open_connections == 0)
    await client.close()
