"""What /metrics counts for requests that end in an odd way, and for clients that come and go."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import Received

EVENTS = b"HTTP/1.1 %b\r\nContent-Type: text/event-stream\r\n%b\r\n"


def value(gateway: RunningGateway, name: str, **labels: str) -> float:
    return gateway.gateway.metrics.registry.get_sample_value(f"gateway_{name}", labels) or 0.0


def counted(gateway: RunningGateway, service: str, method: str, status: int) -> float:
    return value(gateway, "requests_total", service=service, method=method, status=str(status))


@pytest.mark.parametrize(
    "request_line", [b"POST / HTTP/1.1", b"PUT /services/a/instances/i HTTP/1.1"]
)
async def test_a_body_that_a_client_only_announces_is_not_counted_as_bytes_that_came(
    start_gateway: StartGateway, request_line: bytes
) -> None:
    """One request that was refused at once showed as 10¹⁵ bytes of traffic."""
    gateway = await start_gateway()
    announced = b"Host: h\r\nContent-Length: 1000000000000000\r\n\r\nhello"

    answer = await exchange(gateway.port, request_line + b"\r\n" + announced)

    assert answer.status in (401, 405)
    assert value(gateway, "request_bytes_total", service="api_gateway") <= len(b"hello")


async def test_a_chunked_body_of_a_call_of_the_gateways_own_is_counted(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"host": "127.0.0.1",'
        yield b' "port": 1}'

    before = value(gateway, "request_bytes_total", service="api_gateway")
    answer = await gateway.admin("PUT", "/services/a/instances/i", data=pieces())

    assert answer.status == 201
    after = value(gateway, "request_bytes_total", service="api_gateway")
    assert after - before == len(b'{"host": "127.0.0.1", "port": 1}')


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", EVENTS % (b"200 OK", b"")),
        ("GET", EVENTS % (b"304 Not Modified", b"")),
        ("GET", EVENTS % (b"200 OK", b"Content-Length: 2\r\n") + b"ok"),
    ],
)
async def test_what_has_the_type_of_a_stream_and_is_over_at_once_is_a_request(
    start_gateway: StartGateway, start_upstream: StartUpstream, method: str, answer: bytes
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream(answer)
    await gateway.register("chat", upstream.port)

    await gateway.request(method, "/api/chat/events")

    stream = "stream_duration_seconds_count"
    assert value(gateway, stream, service="chat", kind="event_stream") == 0
    assert value(gateway, "request_duration_seconds_count", service="chat") == 1


async def test_a_refused_upgrade_is_a_request(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway()
    upstream = await start_upstream(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    await gateway.register("chat", upstream.port)
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    answer = await exchange(gateway.port, b"GET /api/chat HTTP/1.1\r\nHost: h\r\n" + upgrade)

    assert answer.status == 403
    assert value(gateway, "stream_duration_seconds_count", service="chat", kind="tunnel") == 0
    assert value(gateway, "request_duration_seconds_count", service="chat") == 1
    assert value(gateway, "tunnels", service="chat") == 0


async def test_a_client_that_leaves_early_is_counted_once_and_nothing_stays_open(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    async def begin(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target.startswith(b"/events"):
            writer.write(EVENTS % (b"200 OK", b"") + b"data: 1\n\n")
        await received.reader.read()  # until the gateway leaves

    gateway, upstream = await start_gateway(), await start_upstream(begin)
    await gateway.register("chat", upstream.port)
    for path in (b"/api/chat/events", b"/api/chat/slow"):
        client = await RawClient.connect(gateway.port)
        await client.send(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path)
        await eventually(lambda: value(gateway, "requests_in_flight", service="chat") == 1)
        if path.endswith(b"events"):
            await client.reader.readuntil(b"data: 1\n\n")
        await client.close()
        await eventually(lambda: value(gateway, "requests_in_flight", service="chat") == 0)

    await eventually(lambda: counted(gateway, "chat", "GET", 499) == 2)
    stream = "stream_duration_seconds_count"
    assert value(gateway, stream, service="chat", kind="event_stream") == 1
    assert value(gateway, "request_duration_seconds_count", service="chat") == 1
    assert value(gateway, "response_bytes_total", service="chat") == len(b"data: 1\n\n")


async def test_an_upload_that_breaks_off_counts_what_came(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream(read_body=False)
    await gateway.register("files", upstream.port)
    client = await RawClient.connect(gateway.port)

    await client.send(b"POST /api/files HTTP/1.1\r\nHost: h\r\nContent-Length: 999\r\n\r\nhalf")
    await eventually(lambda: upstream.requests)
    await client.close()

    await eventually(lambda: value(gateway, "request_duration_seconds_count", service="files"))
    assert value(gateway, "request_bytes_total", service="files") <= len(b"half")
    assert value(gateway, "requests_in_flight", service="files") == 0


async def test_what_is_not_http_is_counted_without_its_method(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()

    assert (await exchange(gateway.port, b"NOT HTTP\r\n\r\n")).status == 400

    assert counted(gateway, "api_gateway", "other", 400) == 1


async def test_a_thousand_clients_that_come_and_go_leave_no_connection_in_the_count(
    start_gateway: StartGateway,
) -> None:
    """Some send a request, some leave in the middle of a head, some send nothing."""
    gateway = await start_gateway()
    sent = [b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /hea", b""]

    def open_now() -> float:
        states = ("idle", "active", "stream")
        each = [value(gateway, "client_connections", state=state) for state in states]
        assert min(each) >= 0
        return sum(each)

    for _ in range(10):
        clients = [await RawClient.connect(gateway.port) for _ in range(100)]
        for number, client in enumerate(clients):
            await client.send(sent[number % 3])
        await clients[0].answer()
        await eventually(lambda: open_now() == 100)
        for client in clients:
            await client.close()
        await eventually(lambda: open_now() == 0)


async def test_what_comes_again_is_a_hit_in_each_memory_of_the_gateway_that_met_it(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """The memories belonged to the process, so gateways shared them."""
    upstream = await start_upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok")
    gateways = [await start_gateway() for _ in range(2)]
    names = ["added_fields", "peers"]

    for gateway in gateways:
        await gateway.register("orders", upstream.port)
        async with await RawClient.connect(gateway.port) as client:
            hits = []
            for _ in range(2):
                await client.send(b"GET /api/orders/1 HTTP/1.1\r\nHost: h\r\nX-B: 2\r\n\r\n")
                assert (await client.answer()).status == 200
                hits.append(lookups(gateway, "hit"))
        first, second = hits
        assert {name: second[name] - first[name] for name in names} == dict.fromkeys(names, 1)
        assert first["added_fields"] == 0
        assert second["request_fields"] - first["request_fields"] == 2


def lookups(gateway: RunningGateway, result: str) -> dict[str, float]:
    """How often each memory was asked with this result."""
    return {
        memory.name: value(gateway, "memory_lookups_total", memory=memory.name, result=result)
        for memory in gateway.gateway.metrics.memories()
    }
