"""Ends of connections and of tunnels over TLS: what a client has asked is answered, and a forged end is seen."""

import asyncio
import ssl

import aiohttp
import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.tls_by_hand import TlsByHand
from tests.support.upstreams import OK, Received

NAME = "shop.example"
GET = b"GET /api/orders HTTP/1.1\r\nHost: shop.example\r\n\r\n"
ASK = b"GET /api/chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"

pytestmark = [
    pytest.mark.usefixtures("nothing_fails_behind_the_scenes"),
    pytest.mark.both_loops,
]


@pytest.mark.parametrize("says_it", [True, False])
async def test_request_before_the_end_is_answered(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
    says_it: bool,
) -> None:
    upstream = await start_upstream(OK)
    gateway = await start_gateway(**variables)
    await gateway.register("orders_service", upstream.port)
    client = await TlsByHand.connect(gateway.port, trusting, NAME)

    await client.send(GET)
    if says_it:
        await client.say_the_end()
    client.fin()

    assert b"200 OK" in await client.read_until(OK[-2:])
    await client.close()


async def test_bytes_behind_the_end_fill_no_memory(
    start_gateway: StartGateway, variables: dict[str, str], trusting: ssl.SSLContext
) -> None:
    gateway = await start_gateway(**variables)
    client = await TlsByHand.connect(gateway.port, trusting, NAME)
    (served,) = await eventually(lambda: gateway.connections)
    layer = served.transport
    assert layer is not None

    await client.say_the_end()
    await client.client.send(b"x" * 1_000_000)

    await eventually(lambda: not gateway.connections)
    assert layer._received.pending <= 64 * 1024  # type: ignore[attr-defined]  # one read
    await client.close()


async def chat(received: Received, writer: asyncio.StreamWriter) -> None:
    """Send everything back until the client has finished."""
    writer.write(SWITCH + b"welcome")
    while data := await received.reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b" bye")


@pytest.mark.parametrize("says_it", [True, False])
async def test_tunnel_is_finished_by_close_notify_and_over_without(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
    says_it: bool,
) -> None:
    upstream = await start_upstream(chat)
    gateway = await start_gateway(**variables)
    await gateway.register("chat", upstream.port)
    client = await TlsByHand.connect(gateway.port, trusting, NAME)
    await client.send(ASK)
    await client.read_until(b"welcome")
    await client.send(b"half of it")
    await client.read_until(b"half of it")

    if says_it:
        await client.say_the_end()
        await client.read_until(b" bye")
    else:
        client.fin()
        with pytest.raises(ConnectionError):
            await client.read_until(b" bye")
    await eventually(lambda: all(one.state != "stream" for one in gateway.connections))
    await client.close()


async def test_websocket_passes(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
) -> None:
    from aiohttp import web
    from aiohttp.test_utils import TestServer

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", echo)
    async with TestServer(app) as server:
        assert server.port is not None
        gateway = await start_gateway(**variables)
        await gateway.register("chat", server.port, routable=False)
        url = f"wss://127.0.0.1:{gateway.port}/api/chat/"

        async def talk() -> bytes:
            async with gateway.session.ws_connect(url, server_hostname=NAME) as socket:
                await socket.send_bytes(b"x" * 300_000)
                return bytes((await socket.receive()).data)

        async def works() -> bytes:
            try:
                return await talk()
            except aiohttp.WSServerHandshakeError:
                return b""

        assert len(await eventually(works)) == 300_000


async def test_handshake_under_way_is_finished_while_the_gateway_stops(
    start_gateway: StartGateway, variables: dict[str, str], trusting: ssl.SSLContext
) -> None:
    gateway = await start_gateway(**variables)
    tls = gateway.gateway.tls
    assert tls is not None
    client = await RawClient.connect(gateway.port)
    await eventually(lambda: tls.handshakes.under_way == 1)

    stopping = asyncio.create_task(gateway.drain())
    await eventually(lambda: gateway.gateway.lifecycle.stopping)
    await client.writer.start_tls(trusting, server_hostname=NAME)
    await client.send(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
    answer = await client.answer()

    assert (answer.status, answer.values(b"connection")) == (200, [b"close"])
    await client.close()
    await stopping
