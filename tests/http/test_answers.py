"""Answers on their way out: layers get them unsent, may add to them or replace them, and can leak nothing."""

import asyncio
import gc
from collections.abc import Callable, Iterator

import psutil
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from structlog.testing import capture_logs

from gateway.front.answer import Answer
from middlewares.exchange import Exchange
from middlewares.failures import Failure
from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import Received, ServedConnection

GET = b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n"
ORDERS = GET % b"/api/orders"
#: An answer's own field with the same name as the layer's.
THEIRS = b"x-layer: theirs\r\n"
SMALL = b"HTTP/1.1 200 OK\r\n" + THEIRS + b"Content-Length: 2\r\n\r\nok"
SILENT = b"HTTP/1.1 200 OK\r\n" + THEIRS + b"Content-Length: 20\r\n\r\n"
UNMODIFIED = b"HTTP/1.1 304 Not Modified\r\n" + THEIRS + b"\r\n"
STREAM = b"HTTP/1.1 200 OK\r\n" + THEIRS + b"Transfer-Encoding: chunked\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\n" + THEIRS + b"Content-Type: text/event-stream\r\n\r\n"
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    + THEIRS
    + b"Connection: Upgrade\r\nUpgrade: chat\r\n\r\n"
)
UPGRADE = b"GET /api/orders HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"


@web.middleware
async def adds_a_field(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An ordinary middleware."""
    response = await handler(request)
    response.headers["X-Layer"] = "ours"
    return response


def in_pieces(head: bytes, *pieces: bytes) -> Callable[[Received, asyncio.StreamWriter], object]:
    """An answer whose head comes alone, so that the body does not go out with it."""

    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        for piece in (head, *pieces):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    return answer


def connections(gateway: RunningGateway) -> dict[str, int]:
    """The connections to instances, by state."""
    counts = gateway.gateway.upstreams.connections().items()
    return {state: count for (_, state), count in counts if count}


# A field set behind the hop arrives


@pytest.mark.parametrize(
    ("answer", "request_", "status", "body"),
    [
        pytest.param(SMALL, ORDERS, 200, b"ok", id="small"),
        pytest.param(UNMODIFIED, ORDERS, 304, b"", id="304"),
        pytest.param(SMALL[:-2], b"HEAD" + ORDERS[3:], 200, b"", id="HEAD"),
        pytest.param(
            in_pieces(STREAM, b"1\r\na\r\n", b"1\r\nb\r\n0\r\n\r\n"),
            *(ORDERS, 200, b"ab"),
            id="streamed",
        ),
        pytest.param(
            in_pieces(EVENTS, b"data: 1\n\n", b"data: 2\n\n"),
            *(ORDERS, 200, b"data: 1\n\ndata: 2\n\n"),
            id="event stream",
        ),
        pytest.param(in_pieces(SWITCH, b"hello"), UPGRADE, 101, b"", id="101"),
    ],
)
async def test_a_field_of_a_layer_is_in_an_instances_answer_and_replaces_its_twin(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    answer: bytes,
    request_: bytes,
    status: int,
    body: bytes,
) -> None:
    gateway, upstream = await start_gateway(adds_a_field), await start_upstream(answer)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    got = await exchange(gateway.port, request_, to_head=request_.startswith(b"HEAD"))

    assert (got.status, got.body) == (status, body)
    assert got.values(b"x-layer") == [b"ours"]
    assert len(got.values(b"x-correlation-id")) == 1


@pytest.mark.parametrize("path", [b"/health", b"/", b"/services", b"/services/orders_service"])
async def test_a_field_of_a_layer_is_in_the_gateways_own_answers(
    start_gateway: StartGateway, start_upstream: StartUpstream, path: bytes
) -> None:
    gateway, upstream = await start_gateway(adds_a_field), await start_upstream()
    await gateway.register("orders_service", upstream.port)

    got = await exchange(gateway.port, GET % path)

    assert got.status == 200
    assert got.values(b"x-layer") == [b"ours"]
    assert got.values(b"server") == [b"lockgate"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /api/orders HTTP/1.1\r\nHost : h\r\n\r\n", 400),
        (b"GET /api/orders HTTP/1.1\r\nHost: h\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /api/orders HTTP/1.1\r\nHost: h\r\nExpect: caf\xc3\xa9\r\n\r\n", 417),
        (GET % b"/nothing", 404),
        (GET % b"/api/nobody", 404),
        (GET % b"/api/gone", 503),
        (ORDERS, 429),
    ],
)
async def test_a_field_of_a_layer_is_in_refusals(
    start_gateway: StartGateway, start_upstream: StartUpstream, request_: bytes, status: int
) -> None:
    gateway = await start_gateway(adds_a_field, RATE_LIMIT_REQUESTS="1")
    upstream = await start_upstream()
    await gateway.register("orders_service", upstream.port)
    await gateway.register("gone_service", upstream.port, weight=0, routable=False)
    if status == 429:
        await exchange(gateway.port, ORDERS)

    got = await exchange(gateway.port, request_)

    assert got.status == status
    assert got.values(b"content-type") == [b"application/problem+json"]
    assert got.values(b"x-layer") == [b"ours"]
    assert len(got.values(b"x-correlation-id")) == 1


async def test_a_cookie_of_a_layer_stands_beside_the_instances(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    @web.middleware
    async def sets_a_cookie(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        response.set_cookie("ours", "1")
        return response

    gateway = await start_gateway(sets_a_cookie)
    upstream = await start_upstream(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: theirs=1\r\nContent-Length: 0\r\n\r\n"
    )
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    got = await exchange(gateway.port, ORDERS)

    assert got.values(b"set-cookie") == [b"theirs=1", b"ours=1; Path=/"]


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer.headers.update({"X-Two": "lines\r\nX-Evil: 1"}),
        lambda answer: answer.headers.update({"X-Letter": "\u0436"}),
        lambda answer: answer.headers.update({"Content-Length": "5"}),
        lambda answer: answer.set_status(201),
    ],
)
async def test_what_can_not_be_sent_is_an_error_of_the_gateway_before_the_head_is_out(
    start_gateway: StartGateway,
    start_keep_alive: StartKeepAlive,
    change: Callable[[web.StreamResponse], None],
) -> None:
    @web.middleware
    async def spoils(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if isinstance(response, Answer):
            change(response)
        return response

    gateway, upstream = await start_gateway(spoils), await start_keep_alive(SMALL)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    with capture_logs() as logs:
        got = await exchange(gateway.port, ORDERS)
        await eventually(lambda: any(one["event"] == "request" for one in logs))

    assert got.status == 500
    assert b"internal_error" in got.body
    (logged,) = (one for one in logs if one["event"] == "request")
    assert (logged["status"], logged["reason"]) == (500, "internal_error")
    assert logged["bytes_out"] == len(got.body)
    await eventually(lambda: connections(gateway) == {"idle": 1})


# Nothing leaks


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        pytest.param(SMALL, {"idle": 1}, id="small"),
        pytest.param(SILENT, {}, id="unfinished"),
        pytest.param(EVENTS, {}, id="event stream"),
        pytest.param(SWITCH, {}, id="101"),
    ],
)
async def test_a_layer_that_replaces_an_answer_gives_its_connection_back_even_if_it_forgets_to(
    start_gateway: StartGateway,
    start_keep_alive: StartKeepAlive,
    answer: bytes,
    kept: dict[str, int],
    forgets: bool,
) -> None:
    @web.middleware
    async def replaces(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if not isinstance(response, Answer):
            return response
        if not forgets:
            response.release()
            assert connections(gateway) == kept
        return web.Response(text="ours")

    gateway, upstream = await start_gateway(replaces), await start_keep_alive(answer)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    got = await exchange(gateway.port, UPGRADE if answer == SWITCH else ORDERS)

    assert got.body == b"ours"
    assert got.values(b"x-layer") == []
    assert got.values(b"server") == [b"lockgate"]
    await eventually(lambda: connections(gateway) == kept)
    await eventually(lambda: upstream.open_connections == sum(kept.values()))
    assert not any(gateway.gateway.metrics.in_flight.values())


async def test_ten_thousand_answers_that_were_replaced_leave_no_connection_behind(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    count = 0

    @web.middleware
    async def replaces(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal count
        response = await handler(request)
        if isinstance(response, Answer):
            count += 1
            if count % 2:
                response.release()
            return web.Response()
        return response

    async def answer(received: Received, connection: ServedConnection) -> None:
        await connection.send(SILENT if received.target == b"/silent" else SMALL)

    gateway, upstream = await start_gateway(replaces), await start_keep_alive(answer)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")
    process = psutil.Process()
    before = process.num_fds()
    some = [ORDERS] * 9 + [GET % b"/api/orders/silent"]

    async def ask() -> None:
        async with await RawClient.connect(gateway.port) as client:
            for _ in range(125):
                await client.send(b"".join(some))
                for _ in some:
                    assert (await client.answer(within_s=50)).status == 200

    await asyncio.gather(*(ask() for _ in range(8)))

    assert count == 10_000
    await eventually(lambda: connections(gateway).get("active", 0) == 0)
    idle = connections(gateway).get("idle", 0)
    assert idle <= 8
    await eventually(lambda: upstream.open_connections == idle)
    assert process.num_fds() <= before + 2 * idle + 8
    assert not any(gateway.gateway.metrics.in_flight.values())


async def test_a_client_that_leaves_between_the_head_and_the_delivery_leaves_nothing_behind(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    came = asyncio.Event()

    @web.middleware
    async def thinks(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if isinstance(response, Answer):
            came.set()
            await asyncio.Event().wait()
        return response

    gateway, upstream = await start_gateway(thinks), await start_keep_alive(SILENT)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    with capture_logs() as logs:
        client = await RawClient.connect(gateway.port)
        await client.send(ORDERS)
        await came.wait()
        assert connections(gateway) == {"active": 1}
        await client.close()
        await eventually(lambda: any(one["event"] == "request" for one in logs))

    (logged,) = (one for one in logs if one["event"] == "request")
    assert logged["status"] == 499
    await eventually(lambda: connections(gateway) == {})
    await eventually(lambda: upstream.open_connections == 0)
    assert not any(gateway.gateway.metrics.in_flight.values())


@pytest.fixture
def left_behind() -> Iterator[Callable[[], list[object]]]:
    """Return a function that lists new objects that are still alive, without the garbage collector."""

    def alive() -> list[object]:
        return [one for one in gc.get_objects() if isinstance(one, Answer | Exchange | Failure)]

    gc.collect()
    gc.disable()
    before = {id(one) for one in alive()}
    yield lambda: [one for one in alive() if id(one) not in before]
    gc.enable()


@pytest.mark.parametrize(
    ("answer", "request_"),
    [
        pytest.param(SMALL, ORDERS, id="small"),
        pytest.param(in_pieces(STREAM, b"1\r\na\r\n", b"0\r\n\r\n"), ORDERS, id="streamed"),
        pytest.param(in_pieces(STREAM, b"1\r\na\r\n"), ORDERS, id="broken off"),
        pytest.param(in_pieces(SWITCH, b"hello"), UPGRADE, id="101"),
        pytest.param(b"", ORDERS, id="closed without an answer"),
        pytest.param(b"no HTTP", ORDERS, id="not HTTP"),
        pytest.param(SMALL, GET % b"/api/nobody", id="refused"),
        pytest.param(SMALL, b"GET /api/orders HTTP/1.1\r\nHost : h\r\n\r\n", id="malformed"),
    ],
)
async def test_a_request_leaves_nothing_behind_for_the_garbage_collector(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    left_behind: Callable[[], list[object]],
    answer: bytes,
    request_: bytes,
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream(answer)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    await exchange(gateway.port, request_)

    await eventually(lambda: not left_behind())
