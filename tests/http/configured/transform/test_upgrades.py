"""Rules hold for the heads of upgrades, and the bytes behind them pass as they are."""

import asyncio

from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

FILE = """
    defaults: {limits: null, rewrite_location: true}
    routes:
      - name: chat
        match: {prefix: /chat}
        service: order_service
        rewrite: {strip: /chat}
        request: {headers: {set: {X-Client: "{client_ip}"}, remove: [X-Debug]}, query: {set: {v: "2"}}}
        response: {headers: {set: {X-Frame-Options: DENY}, rename: {X-Old: X-New}, remove: [X-Secret]}}
"""
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Frame-Options\r\nUpgrade: chat\r\n"
    b"X-Old: 1\r\nX-Secret: 1\r\nSet-Cookie: a=1; Path=/\r\n\r\n"
)


async def echo(received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(SWITCH)
    writer.write(await received.reader.readexactly(4))
    await writer.drain()


async def test_a_101_and_its_request_are_changed(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, echo)
    client = await RawClient.connect(configured.gateway.port)
    await client.send(
        b"GET /chat/room HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, X-Client\r\nUpgrade: chat\r\n"
        b"X-Debug: 1\r\nX-Client: me\r\n\r\n"
    )
    answer = await client.answer()
    await client.send(b"\r\n\r\n")
    assert await client.reader.readexactly(4) == b"\r\n\r\n"
    await client.close()

    head = configured.upstream.requests[-1]
    assert head.target == b"/room?v=2"
    assert head.values(b"X-Client") == [b"127.0.0.1"]
    assert head.values(b"X-Debug") == []
    assert head.values(b"Upgrade") == [b"chat"]
    assert answer.status == 101
    assert answer.values(b"X-Frame-Options") == [b"DENY"]
    assert answer.values(b"X-New") == [b"1"]
    assert answer.values(b"X-Secret") == answer.values(b"X-Old") == []
    assert answer.values(b"Upgrade") == [b"chat"]
    assert answer.values(b"Connection") == [b"Upgrade"]
    assert answer.values(b"Set-Cookie") == [b"a=1; Path=/chat"]
