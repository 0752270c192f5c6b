"""The connections to an instance are reused while that is safe, and no longer."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.pool import Pool
from tests.conftest import StartGateway, StartKeepAlive
from tests.http.test_failures import problem_in
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.loop_time import loop_time
from tests.support.raw_clients import RawAnswer, RawClient, exchange
from tests.support.transports import once_chosen, reset, transport_of
from tests.support.upstreams import (
    OK,
    Dialogue,
    KeepAliveUpstream,
    Received,
    ServedConnection,
    read_body,
)

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"
HEAD = b"HEAD" + GET[3:]
POST = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED += b"2\r\nhi\r\n0\r\n\r\n"
BARE_POST = b"POST /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"

StartHop = Callable[..., Awaitable[tuple[RunningGateway, KeepAliveUpstream]]]

pytestmark = [
    pytest.mark.both_loops,
    pytest.mark.usefixtures("nothing_fails_behind_the_scenes"),
]


@pytest.fixture
def start_hop(start_gateway: StartGateway, start_keep_alive: StartKeepAlive) -> StartHop:
    """`await start_hop(dialogue)`: a gateway, and an upstream that is routed to as `orders_service`."""

    async def start(
        dialogue: bytes | Dialogue = OK, *, read_body: bool = True, **environment: str
    ) -> tuple[RunningGateway, KeepAliveUpstream]:
        gateway = await start_gateway(**environment)
        upstream = await start_keep_alive(dialogue, read_body=read_body)
        await gateway.register(
            "orders_service", upstream.port, health_check_url="/health", ttl=3600
        )
        return gateway, upstream

    return start


def pool_of(gateway: RunningGateway, instance_id: str = "i1") -> Pool:
    return gateway.gateway.upstreams._pools[f"orders_service/{instance_id}"]


def connections(gateway: RunningGateway, state: str) -> float:
    labels = {"service": "orders_service", "state": state}
    registry = gateway.gateway.metrics.registry
    return registry.get_sample_value("gateway_upstream_connections", labels) or 0.0


def attempts(gateway: RunningGateway, outcome: str) -> float:
    labels = {"service": "orders_service", "outcome": outcome}
    return (
        gateway.gateway.metrics.registry.get_sample_value("gateway_attempts_total", labels) or 0.0
    )


async def ask(gateway: RunningGateway, request: bytes = GET) -> RawAnswer:
    return await exchange(gateway.port, request, to_head=request.startswith(b"HEAD"))


# Used again


async def test_one_connection_carries_one_request_after_the_other(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()

    answers = [await ask(gateway, request) for request in (GET, POST, CHUNKED, GET) * 5]

    assert {(answer.status, answer.body) for answer in answers} == {(200, b"ok")}
    assert [len(connection.requests) for connection in upstream.connections] == [20]
    assert (connections(gateway, "active"), connections(gateway, "idle")) == (0, 1)


async def test_requests_at_once_have_a_connection_each(start_hop: StartHop) -> None:
    gate = asyncio.Event()

    async def wait(_: Received, connection: ServedConnection) -> None:
        await gate.wait()
        await connection.send(OK)

    gateway, upstream = await start_hop(wait)
    asked = [asyncio.create_task(ask(gateway)) for _ in range(3)]
    await eventually(lambda: len(upstream.requests) == 3)
    assert connections(gateway, "active") == 3
    gate.set()

    assert [(await one).status for one in asked] == [200] * 3
    assert len(upstream.connections) == 3
    assert (connections(gateway, "active"), connections(gateway, "idle")) == (0, 3)


async def test_the_connection_that_was_used_last_is_used_next(start_hop: StartHop) -> None:
    """So the others become idle and end, and few are left when there is little load."""
    gates: dict[bytes, asyncio.Event] = {}

    async def wait(received: Received, connection: ServedConnection) -> None:
        if gate := gates.get(received.target):
            await gate.wait()
        await connection.send(OK)

    gateway, upstream = await start_hop(wait)
    held = {}
    for target in (b"/a", b"/b", b"/c"):
        gates[target] = asyncio.Event()
        request = GET.replace(b"orders", b"orders" + target)
        held[target] = asyncio.create_task(ask(gateway, request))
        await eventually(lambda: any(r.target == target for r in upstream.requests))  # noqa: B023
    for target in (b"/c", b"/a", b"/b"):
        gates[target].set()
        await held[target]

    for _ in range(5):
        await ask(gateway)

    used = {c.requests[0].target: len(c.requests) for c in upstream.connections}
    assert used == {b"/a": 1, b"/b": 6, b"/c": 1}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\nETag: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nA: b\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2 \t\r\n\r\nok",
    ],
    ids=["204", "304", "empty", "chunked", "HTTP/1.0", "after 100 and 103", "length with space"],
)
async def test_every_kind_of_ended_answer_leaves_the_connection_usable(
    start_hop: StartHop, answer: bytes
) -> None:
    gateway, upstream = await start_hop(answer)

    # An HTTP/1.0 client gets only the final answer.
    statuses = {(await ask(gateway, GET.replace(b"1.1", b"1.0"))).status for _ in range(4)}

    assert statuses == {int(answer.rpartition(b"HTTP/1")[2].split(b" ")[1])}
    assert [len(connection.requests) for connection in upstream.connections] == [4]


async def test_an_answer_to_head_leaves_the_connection_usable(start_hop: StartHop) -> None:
    async def answer(received: Received, connection: ServedConnection) -> None:
        await connection.send(OK if received.head.startswith(b"GET") else OK[:-2])

    gateway, upstream = await start_hop(answer)

    answers = [await ask(gateway, request) for request in (HEAD, GET, HEAD, HEAD, GET)]

    assert [answer.body for answer in answers] == [b"", b"ok", b"", b"", b"ok"]
    assert {answer.values(b"content-length")[0] for answer in answers} == {b"2"}
    assert [len(connection.requests) for connection in upstream.connections] == [5]


async def test_a_large_answer_that_comes_at_once_leaves_the_connection_usable(
    start_hop: StartHop,
) -> None:
    """Reading pauses above 32 KiB, and stayed paused when such an answer went out in one piece."""
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n" + b"x" * 150_000
    gateway, upstream = await start_hop(large, UPSTREAM_TIMEOUT="2")

    answers = [await ask(gateway) for _ in range(20)]

    assert {(answer.status, len(answer.body)) for answer in answers} == {(200, 150_000)}
    assert [len(connection.requests) for connection in upstream.connections] == [20]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 2\r\n\r\nok",
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nok\r\n0\r\n\r\n"
        ),
        b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        (
            b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        ),
    ],
    ids=[
        "close",
        "keep-alive and close",
        "chunked and close",
        "204 and close",
        "HTTP/1.0",
        "100 and close",
    ],
)
async def test_a_connection_that_is_to_be_closed_is_closed(
    start_hop: StartHop, answer: bytes
) -> None:
    gateway, upstream = await start_hop(answer)

    for _ in range(3):
        assert (await ask(gateway)).status in (200, 204)

    assert [len(connection.requests) for connection in upstream.connections] == [1, 1, 1]
    await eventually(lambda: upstream.open_connections == 0)
    assert connections(gateway, "idle") == 0


async def test_a_body_until_the_close_uses_its_connection_up(start_hop: StartHop) -> None:
    async def until_close(_: Received, connection: ServedConnection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\nok")
        connection.writer.close()

    gateway, upstream = await start_hop(until_close)

    answers = [await ask(gateway) for _ in range(3)]

    assert [(answer.body, answer.complete) for answer in answers] == [(b"ok", True)] * 3
    assert len(upstream.connections) == 3


# How long it may be idle


async def test_an_idle_connection_is_ended_before_the_upstream_says_it_would(
    start_hop: StartHop,
) -> None:
    gateway, upstream = await start_hop(
        OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: timeout=2\r\n\r\n")
    )
    await ask(gateway)
    assert upstream.open_connections == 1

    async with loop_time() as waited:
        await eventually(lambda: upstream.open_connections == 0)
    assert waited.s < 1.8
    assert connections(gateway, "idle") == 0
    assert (await ask(gateway)).status == 200


async def test_a_connection_that_the_upstream_hardly_keeps_is_not_used_again(
    start_hop: StartHop,
) -> None:
    gateway, upstream = await start_hop(
        OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: timeout=1\r\n\r\n")
    )

    for _ in range(3):
        await ask(gateway)

    assert [len(connection.requests) for connection in upstream.connections] == [1, 1, 1]


# The keep-alive race


@pytest.mark.parametrize("request_bytes", [GET, POST, CHUNKED, BARE_POST])
async def test_a_connection_that_was_closed_while_idle_costs_nothing(
    start_hop: StartHop, request_bytes: bytes
) -> None:
    gateway, upstream = await start_hop()
    await ask(gateway)
    upstream.connections[0].finish()

    with capture_logs() as logs:
        answer = await ask(gateway, request_bytes)
        (line,) = await eventually(lambda: [e for e in logs if e["event"] == "request"])

    assert (answer.status, answer.body) == (200, b"ok")
    assert line["attempts"] == 1
    assert [len(connection.requests) for connection in upstream.connections] == [1, 1]
    assert attempts(gateway, "answered") == 2


@pytest.mark.parametrize("request_bytes", [GET, POST, CHUNKED, BARE_POST])
async def test_a_connection_that_is_closed_at_the_moment_of_a_request_costs_nothing(
    start_hop: StartHop, request_bytes: bytes
) -> None:
    """A well-known fault of gateways: POST on a dead pooled connection (traefik/traefik#3237).

    A body needs a second write, which gets the upstream's reset; that reset once hid the clean end.
    """
    gateway, upstream = await start_hop()
    await ask(gateway)
    (connection,) = await eventually(lambda: pool_of(gateway)._idle)
    once_chosen(connection, upstream.connections[0].finish)

    with capture_logs() as logs:
        answer = await ask(gateway, request_bytes)
        (line,) = await eventually(lambda: [e for e in logs if e["event"] == "request"])

    assert (answer.status, answer.body) == (200, b"ok")
    assert line["attempts"] == 1
    assert "reason" not in line
    assert [len(connection.requests) for connection in upstream.connections] == [1, 1]
    assert upstream.connections[1].requests[0].body == (b"hi" if b"hi" in request_bytes else b"")
    assert attempts(gateway, "answered") == 2
    assert attempts(gateway, "upstream_reset") == 0


def breaks_off_once(how: str) -> Dialogue:
    """Answer the first request, read the second one completely and break off, then answer all others."""
    count = 0

    async def dialogue(received: Received, connection: ServedConnection) -> None:
        nonlocal count
        count += 1
        if how == "unread":  # unread bytes turn the close into a reset
            transport_of(connection.writer).pause_reading()
        if count != 2:
            received.body = await read_body(received)
            await connection.send(OK)
        elif how == "FIN":
            received.body = await read_body(received)
            connection.finish()
        else:
            connection.reset()

    return dialogue


@pytest.mark.parametrize("how", ["FIN", "reset"])
@pytest.mark.parametrize("request_bytes", [POST, CHUNKED, BARE_POST, b"PATCH" + POST[4:]])
async def test_a_request_that_may_have_been_executed_is_not_sent_twice(
    start_hop: StartHop, how: str, request_bytes: bytes
) -> None:
    gateway, upstream = await start_hop(breaks_off_once(how), read_body=False)
    await ask(gateway)

    answer = await ask(gateway, request_bytes)

    assert problem_in(answer) == (502, "upstream_reset")
    assert len(upstream.requests) == 2
    assert attempts(gateway, "upstream_reset") == 1
    assert gateway.member.health.status("orders_service/i1") == "healthy"


@pytest.mark.parametrize("how", ["FIN", "reset"])
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"QUERY"])
async def test_a_request_that_may_be_executed_twice_is_sent_again(
    start_hop: StartHop, how: str, method: bytes
) -> None:
    gateway, upstream = await start_hop(breaks_off_once(how), read_body=False)
    await ask(gateway)

    with capture_logs() as logs:
        request = method + (POST[4:] if method in (b"PUT", b"QUERY") else GET[3:])
        answer = await ask(gateway, request)
        (line,) = await eventually(lambda: [e for e in logs if e["event"] == "request"])

    assert answer.status == 200
    assert line["attempts"] == 1
    assert [len(connection.requests) for connection in upstream.connections] == [2, 1]
    if method in (b"PUT", b"QUERY"):
        assert upstream.connections[1].requests[0].body == b"hi"


async def test_a_request_is_sent_again_only_once(start_hop: StartHop) -> None:
    async def answer_first(received: Received, connection: ServedConnection) -> None:
        if len(upstream.requests) == 1:
            await connection.send(OK)
        else:
            connection.finish()

    gateway, upstream = await start_hop(answer_first)
    await ask(gateway)

    assert problem_in(await ask(gateway)) == (502, "upstream_reset")
    assert len(upstream.requests) == 3


async def test_a_new_connection_that_breaks_off_is_not_made_anew(start_hop: StartHop) -> None:
    async def hang_up(_: Received, connection: ServedConnection) -> None:
        connection.finish()

    gateway, upstream = await start_hop(hang_up)

    assert problem_in(await ask(gateway)) == (502, "upstream_reset")
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("request_bytes", [POST, CHUNKED, BARE_POST])
async def test_a_new_connection_that_ends_unseen_leaves_the_request_to_another_instance(
    start_hop: StartHop, request_bytes: bytes
) -> None:
    """A killed instance has connections that its kernel accepted and that it never saw."""
    gateway, upstream = await start_hop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dying_port = listener.getsockname()[1]
        await gateway.register("orders_service", dying_port, "dying", ttl=3600)  # a TCP probe
        dialer = gateway.gateway.dialer
        connect, died = dialer.connect, 0

        async def connect_and_die(instance: Any, protocol: Any, **how: Any) -> Any:
            connection = await connect(instance, protocol, **how)
            if instance.port == dying_port:
                once_chosen(connection, partial(die, connection))
            return connection

        def die(connection: UpstreamConnection) -> None:
            nonlocal died
            here = connection.transport.get_extra_info("sockname")
            while (taken := listener.accept())[1] != here:  # earlier ones are probes
                taken[0].close()
            taken[0].close()
            died += 1

        dialer.connect = connect_and_die  # type: ignore[method-assign]
        while not died:
            answer = await ask(gateway, request_bytes)
            assert (answer.status, answer.body) == (200, b"ok")

    assert upstream.requests[-1].body == (b"hi" if b"hi" in request_bytes else b"")
    assert attempts(gateway, "upstream_reset") == 1


@pytest.mark.parametrize(("size", "status"), [(60_000, 200), (300_000, 502)])
async def test_a_body_is_sent_again_as_far_as_it_was_kept(
    start_hop: StartHop, size: int, status: int
) -> None:
    """64 KiB are kept; a larger body has lost its beginning."""
    body = os.urandom(size)

    async def dialogue(received: Received, connection: ServedConnection) -> None:
        received.body = await read_body(received)
        if len(upstream.requests) == 2:
            connection.finish()
        else:
            await connection.send(OK)

    gateway, upstream = await start_hop(dialogue, read_body=False)
    await ask(gateway)

    head = b"PUT /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size
    answer = await ask(gateway, head + body)

    assert answer.status == status
    assert [len(c.requests) for c in upstream.connections] == ([2, 1] if status == 200 else [2])
    assert {request.body for request in upstream.requests[1:]} == {body}


async def test_half_an_answer_on_a_used_connection_is_asked_for_again(start_hop: StartHop) -> None:
    async def dialogue(_: Received, connection: ServedConnection) -> None:
        if len(upstream.requests) != 2:
            return await connection.send(OK)
        await connection.send(OK[:20])
        return connection.finish()

    gateway, upstream = await start_hop(dialogue)
    await ask(gateway)

    assert (await ask(gateway, GET)).body == b"ok"
    assert len(upstream.requests) == 3


@pytest.mark.parametrize("request_bytes", [GET, BARE_POST], ids=["GET", "POST"])
async def test_what_waits_at_a_doubted_instance_moves_only_if_it_may_be_carried_out_twice(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, request_bytes: bytes
) -> None:
    """Only the chaos suite once showed a POST that both instances had carried out."""
    goes_on, silent = asyncio.Event(), True

    async def answer(_: Received, connection: ServedConnection) -> None:
        if silent:
            await goes_on.wait()
        await connection.send(OK)

    gateway = await start_gateway()
    instances = [await start_keep_alive(answer) for _ in range(2)]
    for n, instance in enumerate(instances):
        await gateway.register(
            "orders_service", instance.port, f"i{n}", health_check_url="/health", ttl=3600
        )
    asked = asyncio.create_task(ask(gateway, request_bytes))
    await eventually(lambda: any(instance.requests for instance in instances))
    (pool,) = gateway.gateway.upstreams.busy()
    silent = False

    for connection in list(pool.active):
        connection.move()
    if request_bytes == GET:
        assert (await asyncio.wait_for(asked, 5)).body == b"ok"
    goes_on.set()

    assert (await asyncio.wait_for(asked, 5)).body == b"ok"
    counts = sorted(len(instance.requests) for instance in instances)
    assert counts == ([1, 1] if request_bytes == GET else [0, 1])


# What comes after the end of an answer


EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


@pytest.mark.parametrize(
    "behind",
    [
        EVIL,
        EVIL[:-2],
        EVIL[:25],
        b"HTTP/1.1 200 OK\r\nX-Evil: ",
        b"H",
        b"garbage",
        b"\x00",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
    ids=["answer", "half a body", "half a head", "open field", "H", "garbage", "NUL", "100"],
)
@pytest.mark.parametrize("apart", [False, True], ids=["along with it", "a moment later"])
@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (GET, OK),
        (GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        (GET, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
        (HEAD, OK[:-2]),
    ],
    ids=["length", "chunked", "204", "304", "HEAD"],
)
async def test_bytes_behind_an_answer_never_reach_the_next_client(
    start_hop: StartHop, request_bytes: bytes, answer: bytes, apart: bool, behind: bytes
) -> None:
    """Response splitting: the next client would get the second answer, whatever it contains."""

    async def dialogue(_: Received, connection: ServedConnection) -> None:
        await connection.send(answer if apart else answer + behind)
        if apart:
            await go_on.wait()
            await connection.send(behind)
            sent.set()

    go_on, sent = asyncio.Event(), asyncio.Event()
    gateway, upstream = await start_hop(dialogue)
    first = await ask(gateway, request_bytes)
    if apart:
        go_on.set()
        await asyncio.wait_for(sent.wait(), 5)

    second = await ask(gateway, request_bytes)

    for came in (first, second):
        assert came.status == int(answer[9:12])
        assert came.body == (
            b"ok" if answer.startswith(b"HTTP/1.1 200") and request_bytes == GET else b""
        )
        assert b"evil" not in came.head.lower()
    await eventually(lambda: upstream.connections[0].ended.is_set())
    assert len(upstream.connections[0].requests) == 1


# Clients that leave


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
    ids=["before the head", "in a body with a length", "between chunks"],
)
async def test_an_exchange_that_was_left_never_leaves_its_connection_behind(
    start_hop: StartHop, begun: bytes
) -> None:
    """Otherwise the next client would get the rest of its answer."""

    async def dialogue(_: Received, connection: ServedConnection) -> None:
        if len(upstream.requests) > 1:
            return await connection.send(OK)
        await connection.send(begun)
        return await connection.ended_by_peer()

    gateway, upstream = await start_hop(dialogue)
    client = await RawClient.connect(gateway.port)
    await client.send(GET)
    await eventually(lambda: upstream.requests)
    if begun:
        await client.reader.readuntil(b"hello")
    reset(client.writer)
    await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)

    assert (connections(gateway, "active"), connections(gateway, "idle")) == (0, 0)
    assert (await ask(gateway)).body == b"ok"
    assert [len(connection.requests) for connection in upstream.connections] == [1, 1]


async def test_a_request_whose_body_is_not_over_leaves_no_connection_behind(
    start_hop: StartHop,
) -> None:
    """The instance answers early; the rest of the body would be read as the next request's head."""

    async def early(_: Received, connection: ServedConnection) -> None:
        await connection.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        if len(upstream.requests) == 1:
            await connection.ended_by_peer()

    gateway, upstream = await start_hop(early, read_body=False)
    client = await RawClient.connect(gateway.port)
    await client.send(b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")

    answer = await client.answer()
    await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)
    await client.close()

    assert answer.status == 401
    assert (await ask(gateway)).status == 401
    assert [len(connection.requests) for connection in upstream.connections] == [1, 1]


async def test_a_timeout_leaves_no_connection_behind(start_hop: StartHop) -> None:
    async def dialogue(_: Received, connection: ServedConnection) -> None:
        if len(upstream.requests) == 1:
            await connection.ended_by_peer()
        else:
            await connection.send(OK)

    gateway, upstream = await start_hop(dialogue, UPSTREAM_TIMEOUT="0.2")

    assert problem_in(await ask(gateway)) == (504, "upstream_timeout")
    assert (await ask(gateway)).body == b"ok"
    assert [len(connection.requests) for connection in upstream.connections] == [1, 1]


# How many there may be


async def test_who_waits_too_long_for_a_connection_is_told_so(start_hop: StartHop) -> None:
    gate = asyncio.Event()

    async def wait(_: Received, connection: ServedConnection) -> None:
        await gate.wait()
        await connection.send(OK)

    gateway, upstream = await start_hop(
        wait, UPSTREAM_CONNECTIONS="2", UPSTREAM_CONNECTION_WAIT="0.2"
    )
    served = [asyncio.create_task(ask(gateway)) for _ in range(2)]
    await eventually(lambda: len(upstream.requests) == 2)

    refused = await asyncio.gather(*[ask(gateway) for _ in range(3)])
    gate.set()

    assert [problem_in(answer) for answer in refused] == [(503, "overloaded")] * 3
    assert [(await one).status for one in served] == [200, 200]
    assert (await ask(gateway)).status == 200
    assert len(upstream.connections) == 2


async def test_who_waits_for_a_connection_gets_one_that_becomes_free(start_hop: StartHop) -> None:
    """There are never more than the limit: newcomers once took a turn from

    those who waited, and each then opened one more.
    """
    most = 0

    async def answer(_: Received, connection: ServedConnection) -> None:
        nonlocal most
        most = max(most, upstream.open_connections)
        await asyncio.sleep(0)
        await connection.send(OK)

    gateway, upstream = await start_hop(
        answer, UPSTREAM_CONNECTIONS="2", UPSTREAM_CONNECTION_WAIT="10"
    )

    async def many() -> None:
        client = await RawClient.connect(gateway.port)
        for _ in range(20):
            await client.send(GET)
            assert (await client.answer()).status == 200
        await client.close()

    await asyncio.gather(*[many() for _ in range(8)])

    assert most <= 2
    assert len(upstream.requests) == 160
    assert len(upstream.connections) == 2
    assert (connections(gateway, "active"), connections(gateway, "idle")) == (0, 2)


async def test_a_turn_of_somebody_who_has_left_goes_to_the_next(start_hop: StartHop) -> None:
    gate = asyncio.Event()

    async def wait(_: Received, connection: ServedConnection) -> None:
        await gate.wait()
        await connection.send(OK)

    gateway, upstream = await start_hop(
        wait, UPSTREAM_CONNECTIONS="1", UPSTREAM_CONNECTION_WAIT="10"
    )
    first = asyncio.create_task(ask(gateway))
    await eventually(lambda: upstream.requests)
    leaves = await RawClient.connect(gateway.port)
    await leaves.send(GET)
    await eventually(lambda: len(pool_of(gateway)._waiting) == 1)
    stays = asyncio.create_task(ask(gateway))
    await eventually(lambda: len(pool_of(gateway)._waiting) == 2)
    reset(leaves.writer)
    await eventually(lambda: len(pool_of(gateway)._waiting) == 1 or pool_of(gateway)._queued == 1)
    gate.set()

    assert (await asyncio.wait_for(first, 5)).status == 200
    assert (await asyncio.wait_for(stays, 5)).status == 200
    assert len(upstream.requests) == 2


# What becomes of the instance


@pytest.mark.parametrize(("method", "end"), [("POST", "/drain"), ("DELETE", "")])
async def test_an_instance_that_goes_keeps_no_idle_connection(
    start_hop: StartHop, method: str, end: str
) -> None:
    gateway, upstream = await start_hop()
    await ask(gateway)
    assert upstream.open_connections == 1

    await gateway.admin(method, "/services/orders_service/instances/i1" + end)

    async with loop_time() as waited:
        await eventually(lambda: upstream.open_connections == 0)
    assert waited.s < 1
    assert connections(gateway, "idle") == 0


@pytest.mark.parametrize(("method", "end"), [("POST", "/drain"), ("DELETE", "")])
async def test_a_connection_in_use_ends_with_its_exchange_when_the_instance_goes(
    start_hop: StartHop, method: str, end: str
) -> None:
    gate = asyncio.Event()

    async def wait(_: Received, connection: ServedConnection) -> None:
        await gate.wait()
        await connection.send(OK)

    gateway, upstream = await start_hop(wait)
    asked = asyncio.create_task(ask(gateway))
    await eventually(lambda: upstream.requests)
    await gateway.admin(method, "/services/orders_service/instances/i1" + end)
    assert upstream.open_connections == 1
    gate.set()

    assert (await asked).body == b"ok"
    async with loop_time() as waited:
        await eventually(lambda: upstream.open_connections == 0)
    assert waited.s < 1
    await eventually(lambda: not gateway.gateway.upstreams._leaving)


async def test_an_instance_that_has_moved_is_met_at_its_new_address_alone(
    start_hop: StartHop, start_keep_alive: StartKeepAlive
) -> None:
    gateway, before = await start_hop()
    after = await start_keep_alive()
    await ask(gateway)

    await gateway.register("orders_service", after.port, health_check_url="/health")
    await eventually(
        lambda: any(
            entry.instance.port == after.port for entry in gateway.member.watcher.view.entries()
        )
    )
    for _ in range(3):
        assert (await ask(gateway)).status == 200

    assert (len(before.requests), len(after.requests)) == (1, 3)
    async with loop_time() as waited:
        await eventually(lambda: before.open_connections == 0)
    assert waited.s < 1
    assert [len(connection.requests) for connection in after.connections] == [3]


async def test_a_change_that_does_not_move_an_instance_keeps_its_connections(
    start_hop: StartHop,
) -> None:
    gateway, upstream = await start_hop()
    await ask(gateway)

    await gateway.register("orders_service", upstream.port, health_check_url="/health", weight=7)
    await eventually(
        lambda: any(entry.instance.weight == 7 for entry in gateway.member.watcher.view.entries())
    )
    await ask(gateway)

    assert [len(connection.requests) for connection in upstream.connections] == [2]


# Leaks

#: LOCKGATE_TEST_REQUESTS=100000 sends more.
REQUESTS = int(os.environ.get("LOCKGATE_TEST_REQUESTS", "2000"))


async def mixed_upstream(received: Received, connection: ServedConnection) -> None:
    """Do what the target says."""
    kind = received.target.partition(b"?")[0]
    keeps = b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\n"
    if kind != b"/early":
        received.body = await read_body(received)
    match kind:
        case b"/ok" | b"/leaves-late":
            await connection.send(keeps + b"Content-Length: 2\r\n\r\nok")
        case b"/head":
            await connection.send(keeps + b"Content-Length: 2\r\n\r\n")
        case b"/empty":
            await connection.send(b"HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=2\r\n\r\n")
        case b"/chunked":
            await connection.send(keeps + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
            await connection.send(b"0\r\n\r\n")
        case b"/large":
            await connection.send(keeps + b"Content-Length: 150000\r\n\r\n" + b"x" * 150_000)
        case b"/reset":
            connection.reset()
        case b"/closes":
            connection.finish()
        case b"/breaks-off":
            await connection.send(keeps + b"Content-Length: 10\r\n\r\nhalf")
            connection.reset()
        case b"/garbage":
            await connection.send(b"garbage\r\n\r\n")
        case b"/twice":
            await connection.send((keeps + b"Content-Length: 2\r\n\r\nok") * 2)
        case b"/early":
            await connection.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await connection.ended_by_peer()
        case b"/never" | b"/leaves":
            await connection.ended_by_peer()
        case _:
            raise AssertionError(kind)


#: (how often, request, possible statuses; none: the client leaves).
MIX: list[tuple[int, bytes, set[int]]] = [
    (30, b"GET /api/orders/ok HTTP/1.1\r\nHost: h\r\n\r\n", {200}),
    (20, b"POST /api/orders/ok HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", {200}),
    (
        10,
        b"POST /api/orders/chunked HTTP/1.1\r\nHost: h\r\n" + CHUNKED.partition(b"h\r\n")[2],
        {200},
    ),
    (10, b"HEAD /api/orders/head HTTP/1.1\r\nHost: h\r\n\r\n", {200}),
    (5, b"GET /api/orders/empty HTTP/1.1\r\nHost: h\r\n\r\n", {204}),
    (5, b"GET /api/orders/large HTTP/1.1\r\nHost: h\r\n\r\n", {200}),
    (5, b"GET /api/orders/reset HTTP/1.1\r\nHost: h\r\n\r\n", {502}),
    (5, b"POST /api/orders/closes HTTP/1.1\r\nHost: h\r\n\r\n", {502}),
    (5, b"GET /api/orders/breaks-off HTTP/1.1\r\nHost: h\r\n\r\n", {200, 502}),
    (5, b"GET /api/orders/garbage HTTP/1.1\r\nHost: h\r\n\r\n", {502}),
    (5, b"GET /api/orders/twice HTTP/1.1\r\nHost: h\r\n\r\n", {200}),
    (5, b"POST /api/orders/early HTTP/1.1\r\nHost: h\r\nContent-Length: 90\r\n\r\nhalf", {403}),
    (5, b"POST /api/orders/ok HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\nhalf", {413}),
    (5, b"GET /api/nowhere HTTP/1.1\r\nHost: h\r\n\r\n", {404}),
    (5, b"NONSENSE\r\n\r\n", {400}),
    (5, b"GET /api/orders/leaves HTTP/1.1\r\nHost: h\r\n\r\n", set()),
    (5, b"GET /api/orders/leaves-late HTTP/1.1\r\nHost: h\r\n\r\n", set()),
    (5, b"POST /api/orders/ok HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf", set()),
    (1, b"GET /api/orders/never HTTP/1.1\r\nHost: h\r\n\r\n", {504}),
]


@pytest.mark.timeout(60 + REQUESTS // 50)
@pytest.mark.timeout(240)
async def test_nothing_is_left_behind_by_any_kind_of_request(start_hop: StartHop) -> None:
    """The numbers of sockets, tasks and pooled connections are the same as before."""
    gateway, upstream = await start_hop(
        mixed_upstream, read_body=False, UPSTREAM_TIMEOUT="2", MAX_BODY_BYTES="1000"
    )
    assert (await ask(gateway, MIX[0][1])).status == 200
    await eventually(lambda: upstream.open_connections == 0)
    fds, tasks = open_fds(), live_tasks()
    turns = [entry for entry in MIX for _ in range(entry[0])]
    came: Counter[tuple[bytes, int]] = Counter()
    left = iter(range(REQUESTS))

    async def client() -> None:
        for n in left:
            _, request, statuses = turns[n * 37 % len(turns)]
            one = await RawClient.connect(gateway.port)
            await one.send(request)
            if statuses:
                answer = await one.answer(to_head=request.startswith(b"HEAD"))
                came[request.partition(b" HTTP")[0], answer.status] += 1
                assert answer.status in statuses, request
            elif n % 2:
                await asyncio.sleep(0)
            await one.close()

    await asyncio.gather(*[client() for _ in range(16)])

    assert sum(came.values()) > REQUESTS // 2
    # The client that registered the instance may close its connection meanwhile.
    await eventually(lambda: live_tasks() <= tasks, within_s=15)
    await eventually(lambda: open_fds() <= fds, within_s=15)
    assert (connections(gateway, "active"), connections(gateway, "idle")) == (0, 0)
    assert upstream.open_connections == 0
    metrics = gateway.gateway.metrics.registry
    in_flight = metrics.get_sample_value(
        "gateway_requests_in_flight", {"service": "orders_service"}
    )
    assert in_flight == 0
    assert pool_of(gateway)._opening == 0


def open_fds() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def live_tasks() -> set[str]:
    """The names of all tasks except probes, which come and go."""
    return {
        f"{task.get_name()} {task.get_coro()}".partition(" at 0x")[0]
        for task in asyncio.all_tasks()
        if "Prober" not in str(task.get_coro())
    }
