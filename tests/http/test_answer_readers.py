"""Additional readers of an answer: a layer adds them, and the client gets every byte whatever they do."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from structlog.testing import capture_logs

from gateway.front.answer import Answer
from middlewares.bodies import (
    Abandoned,
    OverCap,
    Pieces,
    Reader,
    Sink,
    TooSlow,
    Trailers,
    WhenSlow,
)
from middlewares.failures import UpstreamReset
from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import Received, ServedConnection

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"
MIB = 2**20
PIECE = bytes(range(256)) * 256
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Mirror(Sink):
    """Keeps a hash of the body and how it ended; raises an exception after `raises_at` bytes."""

    def __init__(self, raises_at: int | None = None) -> None:
        self.hash = hashlib.sha256()
        self.size = 0
        self.last: list[object] = []
        self._raises_at = raises_at

    def take(self, piece: bytes) -> bool:
        assert not self.last
        self.size += len(piece)
        if self._raises_at is not None and self.size > self._raises_at:
            raise RuntimeError("the mirror is broken")
        self.hash.update(piece)
        return True

    def end(self, trailers: Trailers = ()) -> None:
        self.last.append(list(trailers))

    def broke(self, why: Exception) -> None:
        self.last.append(why)


class Mirroring:
    """A layer that adds a sink to each instance's answer, with the given cap and policy."""

    def __init__(self, make: Callable[[], Sink], **terms: Any) -> None:
        self.sinks: list[Sink] = []
        self.readers: list[Reader] = []

        @web.middleware
        async def mirror(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await handler(request)
            if isinstance(response, Answer):
                sink = make()
                self.sinks.append(sink)
                self.readers.append(response.add_reader(sink, **terms))
            return response

        self.layer: Middleware = mirror


def sends(size: int) -> Callable[[Received, asyncio.StreamWriter], Any]:
    """Send `size` bytes with a Content-Length, in pieces, as fast as they are read."""

    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        await writer.drain()
        for _ in range(size // len(PIECE)):
            writer.write(PIECE)
            await writer.drain()

    return answer


def hash_of(size: int) -> str:
    whole = hashlib.sha256()
    for _ in range(size // len(PIECE)):
        whole.update(PIECE)
    return whole.hexdigest()


async def read_body(client: RawClient, size: int) -> str:
    """The hash of the `size` bytes after an answer's head."""
    assert b" 200 " in await client.reader.readuntil(b"\r\n\r\n")
    seen = hashlib.sha256()
    while size:
        data = await client.reader.read(min(size, 2**16))
        assert data
        seen.update(data)
        size -= len(data)
    return seen.hexdigest()


@pytest.mark.parametrize(
    ("make", "terms", "why"),
    [
        pytest.param(Mirror, {}, None, id="quick"),
        pytest.param(Mirror, {"when_slow": WhenSlow.HOLD}, None, id="quick and held for"),
        pytest.param(Mirror, {"cap": 100_000}, OverCap, id="over its cap"),
        pytest.param(lambda: Pieces(100_000), {}, TooSlow, id="slow"),
        pytest.param(lambda: Mirror(raises_at=100_000), {}, RuntimeError, id="broken"),
        pytest.param(lambda: Mirror(raises_at=0), {}, RuntimeError, id="broken at once"),
    ],
)
async def test_the_client_gets_every_byte_whatever_becomes_of_another_reader(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    make: Callable[[], Sink],
    terms: dict[str, Any],
    why: type[Exception] | None,
) -> None:
    mirroring = Mirroring(make, **terms)
    gateway = await start_gateway(mirroring.layer)
    upstream = await start_upstream(sends(8 * MIB))
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    async with await RawClient.connect(gateway.port) as client:
        for _ in range(2):
            await client.send(GET)
            assert await read_body(client, 8 * MIB) == hash_of(8 * MIB)

    for sink, reader in zip(mirroring.sinks, mirroring.readers, strict=True):
        assert isinstance(reader.why, why or type(None))
        if isinstance(sink, Mirror):
            assert sink.last == ([[]] if why is None else [reader.why])
            assert sink.hash.hexdigest() == hash_of(8 * MIB) or why is not None
    assert len(mirroring.sinks) == 2


async def test_memory_is_bounded_whoever_does_not_read(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """First nobody reads, then only the client: unread bytes wait in the kernel and at the instance."""
    mirroring = Mirroring(lambda: Pieces(300_000))
    gateway = await start_gateway(mirroring.layer)
    sent = 0

    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
        while sent < 64 * MIB:
            writer.write(PIECE)
            sent += len(PIECE)
            await writer.drain()

    upstream = await start_upstream(answer)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")
    async with await RawClient.connect(gateway.port) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        tracemalloc.start()
        try:
            await client.send(GET)
            await eventually(lambda: mirroring.readers and mirroring.readers[0].why)
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert await read_body(client, 64 * MIB) == hash_of(64 * MIB)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert isinstance(mirroring.readers[0].why, TooSlow)
    assert peak < 6 * MIB  # the test's own client buffers 2


async def test_a_reader_that_holds_is_waited_for_until_it_leaves(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    mirroring = Mirroring(lambda: Pieces(1), when_slow=WhenSlow.HOLD)
    gateway = await start_gateway(mirroring.layer)
    upstream = await start_upstream(sends(8 * MIB))
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    async with await RawClient.connect(gateway.port) as client:
        await client.send(GET)
        reading = asyncio.create_task(read_body(client, 8 * MIB))
        await eventually(lambda: mirroring.readers and mirroring.readers[0].waits is not None)
        (pieces,) = mirroring.sinks
        assert isinstance(pieces, Pieces)
        for _ in range(20):
            assert await pieces.read()
        assert not reading.done()
        mirroring.readers[0].leave()
        assert await reading == hash_of(8 * MIB)

    assert mirroring.readers[0].why is None


@pytest.mark.parametrize(
    ("answer", "request_", "body", "trailers"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", GET, b"ok", []),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", GET, b"", []),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", GET, b"", []),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"HEAD" + GET[3:], b"", []),
        (CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n", GET, b"ok", [(b"X-Sum", b"7")]),
        (b"HTTP/1.1 200 OK\r\n\r\nok", GET, b"ok", []),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_each_kind_of_answer_has_its_body_its_end_and_its_trailers(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    answer: bytes,
    request_: bytes,
    body: bytes,
    trailers: list[tuple[bytes, bytes]],
    at_once: bool,
) -> None:
    async def in_two(_received: Received, writer: asyncio.StreamWriter) -> None:
        head, between, rest = answer.partition(b"\r\n\r\n")
        writer.write(head + between)
        await writer.drain()
        await eventually(lambda: mirroring.sinks)
        writer.write(rest)
        await writer.drain()

    mirroring = Mirroring(Mirror)
    gateway = await start_gateway(mirroring.layer)
    upstream = await start_upstream(answer if at_once else in_two)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    got = await exchange(gateway.port, request_, to_head=request_.startswith(b"HEAD"))

    (mirror,) = mirroring.sinks
    assert isinstance(mirror, Mirror)
    await eventually(lambda: mirror.last)
    assert got.body == body
    assert mirror.hash.digest() == hashlib.sha256(body).digest()
    assert mirror.last == [trailers]


async def test_an_answer_that_breaks_off_breaks_off_for_all_of_its_readers(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    async def answer(_received: Received, connection: ServedConnection) -> None:
        await connection.send(CHUNKED + b"3\r\nabc\r\n")
        await eventually(lambda: mirroring.sinks)
        connection.finish()

    mirroring = Mirroring(Mirror)
    gateway, upstream = await start_gateway(mirroring.layer), await start_keep_alive(answer)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    with capture_logs() as logs:
        got = await exchange(gateway.port, GET)
        await eventually(lambda: any(one["event"] == "request" for one in logs))

    (mirror,) = mirroring.sinks
    assert isinstance(mirror, Mirror)
    assert not got.complete
    (why,) = mirror.last
    assert isinstance(why, UpstreamReset)
    (logged,) = (one for one in logs if one["event"] == "request")
    assert logged["reason"] == "upstream_reset"


async def test_a_reader_learns_that_the_client_has_left(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    mirroring = Mirroring(Mirror)
    gateway = await start_gateway(mirroring.layer)
    upstream = await start_keep_alive(CHUNKED + b"3\r\nabc\r\n")
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    async with await RawClient.connect(gateway.port) as client:
        await client.send(GET)
        await client.reader.readuntil(b"abc\r\n")
    (mirror,) = mirroring.sinks
    assert isinstance(mirror, Mirror)
    await eventually(lambda: mirror.last)

    (why,) = mirror.last
    assert isinstance(why, Abandoned | ConnectionError)
    await eventually(lambda: upstream.open_connections == 0)


async def test_a_reader_learns_that_its_answer_was_replaced(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    mirror = Mirror()

    @web.middleware
    async def replaces(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if not isinstance(response, Answer):
            return response
        response.add_reader(mirror)
        return web.Response(text="ours")

    gateway, upstream = await start_gateway(replaces), await start_keep_alive()
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    assert (await exchange(gateway.port, GET)).body == b"ours"
    await eventually(lambda: mirror.last)

    (why,) = mirror.last
    assert isinstance(why, Abandoned)


async def test_a_client_that_reads_nothing_is_given_up_and_others_learn_it_once(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    mirroring = Mirroring(Mirror)
    gateway = await start_gateway(mirroring.layer, CLIENT_SEND_TIMEOUT="0.3")
    upstream = await start_upstream(sends(32 * MIB))
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    with capture_logs() as logs:
        async with await RawClient.connect(gateway.port) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await client.send(GET)
            await eventually(lambda: any(one["event"] == "request" for one in logs))

    (mirror,) = mirroring.sinks
    assert isinstance(mirror, Mirror)
    assert len(mirror.last) == 1
    await eventually(lambda: upstream.open_connections == 0)
