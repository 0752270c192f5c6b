"""Upgrades become byte tunnels, with sockets on both sides."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawClient, exchange
from tests.support.transports import reset, transport_of
from tests.support.upstreams import Received

pytestmark = pytest.mark.both_loops

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
#: Bytes that are no request.
EARLY = b"\x00early\r\n\r\n"
ASK = b"GET /api/chat/room HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"


async def echo(received: Received, writer: asyncio.StreamWriter) -> None:
    """Switch protocols, greet, then send everything back until the client has finished."""
    writer.write(SWITCH + b"welcome ")
    while data := await received.reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b" bye")


async def test_bytes_pass_both_ways_and_each_end_finishes_by_itself(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream(echo)
    await gateway.register("chat", upstream.port)
    client = await RawClient.connect(gateway.port)

    await client.send(ASK % b"chat")
    answer = await client.answer()
    await client.send(b"\x00\xff raw")
    client.writer.write_eof()
    rest = await client.reader.read()

    assert answer.status == 101
    assert answer.values(b"upgrade") == [b"chat"]
    assert answer.values(b"x-correlation-id")
    assert rest == b"welcome \x00\xff raw bye"
    assert upstream.requests[0].values(b"connection") == [b"Upgrade"]
    await client.close()


async def test_a_client_that_finishes_before_the_switch_still_hears_the_instance(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream(echo)
    await gateway.register("chat", upstream.port)
    client = await RawClient.connect(gateway.port)

    await client.send(ASK % b"chat")
    client.writer.write_eof()

    assert (await client.answer()).status == 101
    assert await client.reader.read() == b"welcome  bye"
    await client.close()


async def test_an_instance_that_finishes_first_still_hears_the_client(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    heard = b""

    async def finish_and_listen(received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        writer.write(SWITCH + b"bye")
        writer.write_eof()
        heard = await received.reader.read()

    gateway, upstream = await start_gateway(), await start_upstream(finish_and_listen)
    await gateway.register("chat", upstream.port)
    client = await RawClient.connect(gateway.port)
    await client.send(ASK % b"chat")
    await client.answer()
    assert await asyncio.wait_for(client.reader.read(), 5) == b"bye"

    await client.send(b"still here")
    client.writer.write_eof()

    await eventually(lambda: heard == b"still here")
    await client.close()


@pytest.mark.parametrize("ends", ["the client", "the instance"])
async def test_a_tunnel_that_has_ended_is_logged_as_a_101(
    start_gateway: StartGateway, start_upstream: StartUpstream, ends: str
) -> None:
    """Its answer was the 101, however it ends."""

    async def switch(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH)
        if ends == "the client":
            await received.reader.read()

    gateway, upstream = await start_gateway(), await start_upstream(switch)
    await gateway.register("chat", upstream.port)
    with capture_logs() as logs:
        client = await RawClient.connect(gateway.port)
        await client.send(ASK % b"chat")
        await client.answer()
        if ends == "the client":
            reset(client.writer)  # which cancels the tunnel's task
        else:
            assert await asyncio.wait_for(client.reader.read(), 5) == b""
        await client.close()
        (line,) = await eventually(
            lambda: [e for e in logs if e["event"] == "request" and e["path"].startswith("/api")]
        )

    assert line["status"] == 101
    assert "reason" not in line


@pytest.mark.parametrize("apart", [False, True], ids=["with the request", "behind it"])
async def test_bytes_before_the_101_belong_to_the_tunnel(
    start_gateway: StartGateway, start_upstream: StartUpstream, apart: bool
) -> None:
    """They wait for the 101: if the instance declines, they are a request (RFC 9110 §7.8)."""
    asked, sent = asyncio.Event(), asyncio.Event()

    async def switch(received: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await sent.wait()
        writer.write(SWITCH + b"welcome ")
        writer.write(await received.reader.readexactly(len(EARLY)))
        await received.reader.read()

    gateway, upstream = await start_gateway(), await start_upstream(switch)
    await gateway.register("chat", upstream.port, metadata={"health.probe": "heartbeat"})
    async with await RawClient.connect(gateway.port) as client:
        if apart:
            await client.send(ASK % b"chat")
            await asyncio.wait_for(asked.wait(), 5)
            await client.send(EARLY)
        else:
            await client.send(ASK % b"chat" + EARLY)
            await asyncio.wait_for(asked.wait(), 5)
        sent.set()
        answer = await client.answer()
        told = await asyncio.wait_for(client.reader.readexactly(8 + len(EARLY)), 5)

    assert answer.status == 101
    assert told == b"welcome " + EARLY


async def test_bytes_and_a_fin_before_the_101_reach_the_instance_in_this_order(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """The FIN went first, and the bytes behind it failed after the 101."""
    asked, sent = asyncio.Event(), asyncio.Event()

    async def switch(received: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await sent.wait()
        writer.write(SWITCH)
        writer.write(await received.reader.read() + b" bye")

    gateway, upstream = await start_gateway(), await start_upstream(switch)
    await gateway.register("chat", upstream.port, metadata={"health.probe": "heartbeat"})
    async with await RawClient.connect(gateway.port) as client:
        await client.send(ASK % b"chat" + EARLY)
        await asyncio.wait_for(asked.wait(), 5)
        client.writer.write_eof()
        (here,) = [one for one in gateway.connections if one._current_request is not None]
        await eventually(lambda: here.is_half_closed)
        sent.set()
        status = (await client.answer()).status
        told = await asyncio.wait_for(client.reader.read(), 5)

    assert status == 101
    assert told == EARLY + b" bye"


async def test_a_request_behind_a_declined_upgrade_is_answered(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    gateway, upstream = await start_gateway(), await start_upstream(refusal)
    await gateway.register("chat", upstream.port)

    async with await RawClient.connect(gateway.port) as client:
        await client.send(
            ASK % b"chat" + ASK % b"h2c" + ASK % b"chat" + b"GET /health HTTP/1.1\r\n"
        )
        await client.send(b"Host: h\r\n\r\n")
        statuses = [(await client.answer()).status for _ in range(4)]

    assert statuses == [403, 403, 403, 200]


async def test_a_refused_upgrade_passes_the_upstreams_answer(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!"
    gateway, upstream = await start_gateway(), await start_upstream(refusal)
    await gateway.register("chat", upstream.port)

    answer = await exchange(gateway.port, ASK % b"websocket")

    assert (answer.status, answer.body) == (403, b"no!")


async def test_h2c_is_never_upgraded_to(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("chat", upstream.port)

    await exchange(gateway.port, ASK % b"h2c")

    assert upstream.requests[0].values(b"upgrade") == []
    assert upstream.requests[0].values(b"connection") == []


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"], ids=["none", "0"])
@pytest.mark.parametrize("method", [b"POST", b"PUT", b"OPTIONS"])
async def test_any_method_without_a_body_upgrades(
    start_gateway: StartGateway, start_upstream: StartUpstream, method: bytes, length: bytes
) -> None:
    """`kubectl exec` asks for SPDY with an empty POST."""
    gateway, upstream = await start_gateway(), await start_upstream(echo)
    await gateway.register("chat", upstream.port)
    client = await RawClient.connect(gateway.port)

    ask = (ASK % b"SPDY/3.1").replace(b"GET", method)
    await client.send(ask.removesuffix(b"\r\n") + length + b"\r\n")
    assert (await client.answer()).status == 101
    await client.send(b"hello")
    client.writer.write_eof()

    assert await client.reader.read() == b"welcome hello bye"
    assert upstream.requests[0].values(b"upgrade") == [b"SPDY/3.1"]
    await client.close()


@pytest.mark.parametrize("protocol", [b"websocket", b"WebSocket", b"h2c"])
async def test_only_a_get_upgrades_to_websocket_and_none_to_h2c(
    start_gateway: StartGateway, start_upstream: StartUpstream, protocol: bytes
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("chat", upstream.port)

    await exchange(gateway.port, (ASK % protocol).replace(b"GET", b"POST"))

    assert upstream.requests[0].values(b"upgrade") == []


async def test_an_upstream_that_dies_ends_the_tunnel(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    async def switch_and_die(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH)
        await received.reader.readexactly(1)
        writer.transport.abort()

    gateway, upstream = await start_gateway(), await start_upstream(switch_and_die)
    await gateway.register("chat", upstream.port)
    client = await RawClient.connect(gateway.port)
    await client.send(ASK % b"chat")
    await client.answer()

    await client.send(b"x")

    assert await client.closed()
    await client.close()
    await eventually(lambda: _tunnels(gateway) == 0)


async def test_a_client_that_dies_ends_the_tunnel_upstream(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream(echo)
    await gateway.register("chat", upstream.port)
    client = await RawClient.connect(gateway.port)
    await client.send(ASK % b"chat")
    await client.answer()
    await eventually(lambda: _tunnels(gateway) == 1)

    client.writer.transport.abort()

    await eventually(lambda: upstream.open_connections == 0 and _tunnels(gateway) == 0)


async def test_an_end_that_reads_nothing_holds_the_other_back(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """Otherwise the gateway would buffer everything that the upstream sends to a stalled client."""
    sent = 0

    async def flood(received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(SWITCH)
        for _ in range(512):
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    gateway, upstream = await start_gateway(), await start_upstream(flood)
    await gateway.register("chat", upstream.port)
    client = await RawClient.connect(gateway.port)
    transport = transport_of(client.writer)
    transport.pause_reading()
    await client.send(ASK % b"chat")

    before = -1
    while sent != before:  # until the flood stops
        before = sent
        await asyncio.sleep(0.2)
    assert sent < 512 * 65536
    transport.resume_reading()
    received = len(await client.reader.readuntil(b"\r\n\r\n"))
    while data := await client.reader.read(2**20):
        received += len(data)

    assert received > 512 * 65536
    await client.close()


async def test_a_websocket_keeps_its_subprotocol_and_its_close_code(
    start_gateway: StartGateway,
) -> None:
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("v2.chat",))
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
            await socket.close(code=4001, message=b"enough")
        return socket

    app = web.Application()
    app.router.add_get("/ws", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    gateway = await start_gateway()
    await gateway.register("chat_service", runner.addresses[0][1])

    async with gateway.session.ws_connect(
        gateway.url + "/api/chat/ws", protocols=("v1.chat", "v2.chat")
    ) as socket:
        await socket.send_str("hello")
        first = await socket.receive()
        last = await socket.receive()

    assert (first.data, socket.protocol) == ("HELLO", "v2.chat")
    assert (last.type, socket.close_code) == (aiohttp.WSMsgType.CLOSE, 4001)
    await runner.cleanup()


def _tunnels(gateway: RunningGateway) -> float:
    name, labels = "gateway_tunnels", {"service": "chat"}
    return gateway.gateway.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_at_shutdown_a_tunnel_lives_until_its_grace_ends_and_then_ends_by_a_fin(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(SHUTDOWN_GRACE="0.2", TUNNEL_GRACE="1")
    upstream = await start_upstream(echo)
    await gateway.register("chat", upstream.port)
    client = await RawClient.connect(gateway.port)
    await client.send(ASK % b"chat")
    await client.answer()
    await client.reader.readexactly(len(b"welcome "))

    stopping = asyncio.create_task(gateway.drain())
    await eventually(lambda: _refuses(gateway.port))
    await client.send(b"still here")
    alive = await client.reader.readexactly(len(b"still here"))
    rest = await client.reader.read()  # a reset would raise
    await stopping

    assert alive == b"still here"
    assert rest == b""
    await client.close()


async def test_at_shutdown_an_event_stream_outlives_the_grace_of_requests(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    more = asyncio.Event()

    async def events(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await more.wait()
        writer.write(b"data: 2\n\n")

    gateway = await start_gateway(SHUTDOWN_GRACE="0.1", TUNNEL_GRACE="5")
    upstream = await start_upstream(events)
    await gateway.register("chat", upstream.port)
    client = await RawClient.connect(gateway.port)
    await client.send(b"GET /api/chat/events HTTP/1.1\r\nHost: h\r\n\r\n")
    await client.reader.readuntil(b"data: 1\n\n")

    stopping = asyncio.create_task(gateway.drain())
    await eventually(lambda: _refuses(gateway.port))
    more.set()
    last = await client.reader.readuntil(b"0\r\n\r\n")
    await stopping

    assert b"data: 2\n\n" in last
    await client.close()


async def test_a_tunnel_and_an_event_stream_are_timed_apart_from_requests_and_their_bytes_counted(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.values(b"upgrade"):
            await echo(received, writer)
        elif received.target.endswith(b"/events"):
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
            )
            writer.write(head + b"data: 1\n\n")
            await go_on.wait()
            writer.write(b"data: 2\n\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    go_on = asyncio.Event()
    gateway, upstream = await start_gateway(), await start_upstream(answer)
    await gateway.register("chat", upstream.port)
    tunnel = await RawClient.connect(gateway.port)
    await tunnel.send(ASK % b"chat")
    await tunnel.reader.readuntil(b"welcome ")
    await tunnel.send(b"hello")
    await tunnel.reader.readexactly(5)
    events = await RawClient.connect(gateway.port)
    await events.send(b"GET /api/chat/events HTTP/1.1\r\nHost: h\r\n\r\n")
    await events.reader.readuntil(b"data: 1\n\n")

    connections = {state: _value(gateway, "client_connections", state=state) for state in STATES}
    go_on.set()
    await events.reader.readuntil(b"0\r\n\r\n")
    await events.close()
    tunnel.writer.write_eof()
    await tunnel.reader.readuntil(b" bye")
    await tunnel.close()
    await gateway.get("/api/chat/plain")
    streams = "stream_duration_seconds_count"
    await eventually(lambda: _value(gateway, streams, service="chat", kind="tunnel") == 1)

    # The idle connection is the one that registered the service.
    assert connections == {"idle": 1, "active": 0, "stream": 2}
    assert _value(gateway, streams, service="chat", kind="event_stream") == 1
    assert _value(gateway, "request_duration_seconds_count", service="chat") == 1
    assert _value(gateway, "request_bytes_total", service="chat") == len(b"hello")
    sent = len(b"welcome hello bye") + len(b"data: 1\n\n" * 2) + len(b"ok")
    assert _value(gateway, "response_bytes_total", service="chat") == sent


STATES = ("idle", "active", "stream")


def _value(gateway: RunningGateway, name: str, **labels: str) -> float | None:
    return gateway.gateway.metrics.registry.get_sample_value(f"gateway_{name}", labels)


async def _refuses(port: int) -> bool:
    """Whether nobody listens on the port any more."""
    try:
        await (await RawClient.connect(port)).close()
    except OSError:
        return True
    return False
