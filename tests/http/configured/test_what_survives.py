"""What a reload leaves alone: limits, health, connections, and whatever is under way."""

import asyncio
from textwrap import dedent

import pytest

from tests.conftest import StartKeepAlive, StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

#: The file in which neither the route nor the service is.
EMPTY = "discover: false\n"
#: The same path for others.
TAKEN = "routes: [{name: other, match: {}, respond: {status: 418}}]\n"
FILE = """
    services: {kept: {urls: ["http://127.0.0.1:PORT"], health: {path: /health}}}
    routes: [{name: a, match: {prefix: /a}, service: kept}]
"""


async def reload(configured: Configured, text: str) -> None:
    configured.write(text)
    assert (await configured.gateway.admin("POST", "/config/reload")).status == 200


async def switch(received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    while data := await received.reader.read(65536):
        writer.write(data)
        await writer.drain()


@pytest.mark.parametrize("after", [EMPTY, TAKEN])
async def test_a_tunnel_is_not_cut(start_configured: StartConfigured, after: str) -> None:
    configured = await start_configured(FILE, switch)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(
            b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert (await client.answer()).status == 101
        for text in (after, FILE.replace("PORT", str(configured.upstream.port)), after):
            await reload(configured, text)
            await client.send(b"still there?")
            assert await client.reader.readexactly(12) == b"still there?"
    assert (await configured.ask("/a")).status in (404, 418)


@pytest.mark.parametrize("after", [EMPTY, TAKEN])
async def test_an_event_stream_is_not_cut(start_configured: StartConfigured, after: str) -> None:
    events: asyncio.Queue[bytes] = asyncio.Queue()

    async def stream(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while event := await events.get():
            writer.write(b"data: %b\n\n" % event)

    configured = await start_configured(FILE, stream)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        for number in (b"1", b"2", b"3"):
            await reload(configured, after if number != b"2" else after + "# changed\n")
            events.put_nowait(number)
            assert b"data: %b\n\n" % number in await client.reader.readuntil(b"\n\n")
        events.put_nowait(b"")


async def test_a_request_whose_body_is_still_coming_keeps_its_route_and_time_outs(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
        await eventually(lambda: configured.upstream.open_connections)
        await reload(configured, TAKEN)
        await client.send(b"world")
        assert (await client.answer()).status == 200
    assert configured.upstream.requests[-1].body == b"helloworld"


async def test_a_connection_of_a_client_goes_on_with_the_new_table(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    async with await RawClient.connect(configured.gateway.port) as client:
        for text, status in ((None, 200), (TAKEN, 418), (EMPTY, 404)):
            if text is not None:
                await reload(configured, text)
            await client.send(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            assert (await client.answer()).status == status


LIMITS = """
    limits:
      two: {{requests: {requests}, window: 60s}}
      of_a_route: {{requests: 1, window: 60s, by: route}}
    routes:
      - {{name: a, match: {{prefix: /a}}, respond: {{}}, limits: [two]}}
      - {{name: {name}, match: {{prefix: /b}}, respond: {{}}, limits: [of_a_route]}}
"""


async def test_limits_count_on_by_their_names(start_configured: StartConfigured) -> None:
    first = LIMITS.format(requests=2, name="b")
    configured = await start_configured(first)
    assert await configured.statuses(1, "/a") == [200]
    assert await configured.statuses(2, "/b") == [200, 429]
    await reload(configured, first + "      - {name: new, match: {prefix: /new}, respond: {}}\n")
    assert await configured.statuses(2, "/a") == [200, 429]
    assert await configured.statuses(1, "/b") == [429]
    # A larger limit counts what was there.
    await reload(configured, LIMITS.format(requests=4, name="b"))
    assert await configured.statuses(3, "/a") == [200, 200, 429]
    # Another route has a count of its own.
    await reload(configured, LIMITS.format(requests=4, name="other"))
    assert await configured.statuses(2, "/b") == [200, 429]
    await reload(configured, first)
    assert await configured.statuses(1, "/b") == [429]


async def test_an_instance_stays_unhealthy_while_its_service_is_renamed(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    sick = await start_upstream(healthy=False)
    text = dedent(FILE).replace('PORT"', f'PORT", "http://127.0.0.1:{sick.port}"')
    configured = await start_configured(text)
    member = configured.gateway.member

    def statuses(service: str) -> list[str]:
        entries = member.overlay.view.services.get(service, {})
        return sorted(member.health.status(key) for key in entries)

    await eventually(lambda: statuses("kept") == ["healthy", "unhealthy"])
    text = text.replace("PORT", str(configured.upstream.port))
    for name in ("renamed", "kept", "renamed", "kept"):
        await reload(configured, text.replace("kept", name))
        assert statuses(name) == ["healthy", "unhealthy"]
        assert await configured.statuses(4, "/a") == [200] * 4
    assert sick.requests == []


async def test_connections_to_instances_are_used_again(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    upstream = await start_keep_alive()
    text = dedent(FILE).replace("PORT", str(upstream.port))
    configured = await start_configured(text)
    for name in ("kept", "renamed", "kept"):
        await reload(configured, text.replace("kept", name))
        assert await configured.statuses(2, "/a") == [200] * 2
    assert len(upstream.connections) == 1
