"""What a client gets when something goes wrong, and what the gateway does about it."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.conftest import StartGateway, StartUpstream
from tests.http.conftest import StartHop
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.loop_time import loop_time
from tests.support.raw_clients import RawAnswer, RawClient, exchange
from tests.support.transports import reset
from tests.support.upstreams import OK, Received

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"

pytestmark = [
    pytest.mark.both_loops,
    pytest.mark.usefixtures("nothing_fails_behind_the_scenes"),
]


def problem_in(answer: RawAnswer) -> tuple[int, str]:
    """Check a problem document against the contract; return its (status, reason)."""
    document: dict[str, Any] = json.loads(answer.body)
    assert list(document) == ["type", "title", "status", "detail", "reason", "correlation_id"]
    assert answer.values(b"content-type") == [b"application/problem+json"]
    assert answer.values(b"x-correlation-id") == [document["correlation_id"].encode()]
    assert answer.values(b"server") == [b"lockgate"]
    assert document["status"] == answer.status
    assert document["detail"]
    if document["reason"] != "no_healthy_instance":  # it has addresses for a client on this machine
        assert b"127.0.0.1" not in answer.body
    return answer.status, document["reason"]


async def never(_: Received, writer: asyncio.StreamWriter) -> None:
    """Say nothing until the connection ends."""
    await asyncio.Event().wait()


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port whose listener has a full queue, so that a connect gets no answer."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address)
        yield address[1]


def count(gateway: RunningGateway, name: str, **labels: str) -> float:
    return gateway.gateway.metrics.registry.get_sample_value(name, labels) or 0.0


# The connection to the upstream


async def test_the_next_instance_is_tried_where_one_refuses_connections(
    start_hop: StartHop, start_upstream: StartUpstream
) -> None:
    gateway, alive = await start_hop(HEALTH_CHECK_INTERVAL="60")
    dead = await start_upstream()
    await gateway.register("orders_service", dead.port, "i2")
    await dead.stop()

    answers = [await exchange(gateway.port, POST) for _ in range(20)]

    assert {answer.status for answer in answers} == {200}
    assert len(alive.requests) == 20
    labels = {"service": "orders_service", "outcome": "upstream_unreachable"}
    assert count(gateway, "gateway_attempts_total", **labels) > 0


@pytest.mark.parametrize("instances", [1, 3])
@pytest.mark.parametrize("request_bytes", [GET, POST])
async def test_where_only_dead_instances_are_left_the_first_refused_connect_says_when_to_come_again(
    start_hop: StartHop, start_upstream: StartUpstream, instances: int, request_bytes: bytes
) -> None:
    """After a single instance was killed, clients got 502 without Retry-After until its probes had failed."""
    gateway, upstream = await start_hop(HEALTH_CHECK_INTERVAL="60")
    await upstream.stop()
    for number in range(1, instances):
        other = await start_upstream()
        await gateway.register("orders_service", other.port, f"more-{number}")
        await other.stop()

    answer = await exchange(gateway.port, request_bytes)

    assert problem_in(answer) == (503, "no_healthy_instance")
    assert answer.values(b"retry-after") == [b"1"]
    labels = {"service": "orders_service", "outcome": "upstream_unreachable"}
    assert count(gateway, "gateway_attempts_total", **labels) == instances


async def test_an_instance_that_takes_no_connection_in_time_is_unreachable(
    start_gateway: StartGateway, black_hole: int
) -> None:
    """A connect that gets no answer counts like one that is refused."""
    gateway = await start_gateway(UPSTREAM_CONNECT_TIMEOUT="0.1")
    heartbeats = {"health.probe": "heartbeat"}
    await gateway.register("orders_service", black_hole, metadata=heartbeats)

    answer = await exchange(gateway.port, GET)

    assert problem_in(answer) == (502, "upstream_unreachable")


async def test_the_total_time_out_holds_over_all_attempts_together(
    start_gateway: StartGateway, black_hole: int
) -> None:
    """Each of twelve dead instances had its own time-out: 24 seconds instead of three."""
    gateway = await start_gateway(UPSTREAM_CONNECT_TIMEOUT="0.8", UPSTREAM_TOTAL_TIMEOUT="2")
    heartbeats = {"health.probe": "heartbeat"}
    for number in range(12):
        await gateway.register("orders_service", black_hole, f"i{number}", metadata=heartbeats)

    answer = await exchange(gateway.port, GET)

    assert problem_in(answer) == (504, "upstream_timeout")
    labels = {"service": "orders_service"}
    tried = count(gateway, "gateway_attempts_total", **labels, outcome="upstream_unreachable")
    assert 1 <= tried <= 2
    assert count(gateway, "gateway_attempts_total", **labels, outcome="upstream_timeout") == 1


async def test_the_total_time_out_counts_what_the_attempts_before_took(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """An answer's head and body get the time that connecting, queueing and other attempts left over."""
    asked: list[float] = []

    async def late(_: Received, writer: asyncio.StreamWriter) -> None:
        asked.append(waited.s)
        await asyncio.sleep(1)
        if len(asked) > 1:
            await asyncio.Event().wait()

    gateway = await start_gateway(UPSTREAM_TOTAL_TIMEOUT="2")
    for number in range(2):
        upstream = await start_upstream(late)
        await gateway.register("orders_service", upstream.port, f"i{number}")

    async with loop_time() as waited:
        answer = await exchange(gateway.port, GET)

    assert problem_in(answer) == (504, "upstream_timeout")
    assert len(asked) == 2  # the first one hung up after a second
    assert waited.s - asked[0] < 2.8


async def test_a_post_is_not_sent_twice_when_the_upstream_hangs_up(
    start_hop: StartHop, start_upstream: StartUpstream
) -> None:
    gateway, first = await start_hop(b"")
    second = await start_upstream(b"")
    await gateway.register("orders_service", second.port, "i2", health_check_url="/health")

    answer = await exchange(gateway.port, POST)

    assert problem_in(answer) == (502, "upstream_reset")
    assert len(first.requests) + len(second.requests) == 1


async def test_a_get_is_made_of_the_next_instance_when_the_first_dies(
    start_hop: StartHop, start_upstream: StartUpstream
) -> None:
    gateway, _ = await start_hop(b"")
    good = await start_upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    await gateway.register("orders_service", good.port, "i2", health_check_url="/health")

    for _ in range(8):  # whichever is chosen first
        assert (await exchange(gateway.port, GET)).status == 200


async def test_half_a_head_is_a_reset(start_hop: StartHop) -> None:
    gateway, _ = await start_hop(b"HTTP/1.1 200 OK\r\nContent-Le")

    assert problem_in(await exchange(gateway.port, GET)) == (502, "upstream_reset")


async def test_a_slow_head_times_out_and_ends_the_upstreams_connection(
    start_hop: StartHop,
) -> None:
    ended = asyncio.Event()

    async def wait(received: Received, _: asyncio.StreamWriter) -> None:
        assert await received.reader.read() == b""
        ended.set()

    gateway, _ = await start_hop(wait, UPSTREAM_TIMEOUT="0.3")
    began_s = time.monotonic()

    async with loop_time() as waited:
        answer = await exchange(gateway.port, GET)

    assert problem_in(answer) == (504, "upstream_timeout")
    assert time.monotonic() - began_s >= 0.3
    assert waited.s < 2
    await asyncio.wait_for(ended.wait(), 15)


async def test_a_slow_body_is_not_held_against_the_time_for_the_head(start_hop: StartHop) -> None:
    async def trickle(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        for byte in b"hello":
            await asyncio.sleep(0.1)
            writer.write(bytes([byte]))

    gateway, _ = await start_hop(trickle, UPSTREAM_TIMEOUT="0.2")

    answer = await exchange(gateway.port, GET)

    assert (answer.body, answer.complete) == (b"hello", True)


# What is not HTTP


@pytest.mark.parametrize(
    "nonsense",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00\x01\x02\x03",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 70_000 + b"\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5_000,
    ],
    ids=range(17),
)
async def test_what_is_not_one_clear_answer_is_refused(
    start_hop: StartHop, nonsense: bytes
) -> None:
    """The log says what was wrong; the client learns only that something was."""
    gateway, _ = await start_hop(nonsense)

    with capture_logs() as logs:
        answer = await exchange(gateway.port, GET)

    assert problem_in(answer) == (502, "upstream_invalid")
    (failed,) = [entry for entry in logs if entry["event"] == "attempt.failed"]
    assert (failed["instance"], failed["outcome"]) == ("i1", "upstream_invalid")
    assert failed["detail"]
    assert failed["detail"].encode() not in answer.body


@pytest.mark.parametrize(
    ("nonsense", "detail"),
    [
        (b"garbage", "it begins with the byte 0x67"),
        (
            b"HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 0\r\n\r\n",
            "Invalid header token, at byte 18 of the answer",
        ),
        (
            b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            "its status line is b'HTTP/2.0 200 OK'",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
            "Invalid character in Content-Length, at byte 33 of the answer",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "its Transfer-Encoding is not `chunked`",
        ),
        (
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
            "more than MAX_RESPONSE_HEAD_BYTES=65536",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
            "101 to a request that asked for no upgrade",
        ),
    ],
    ids=["garbage", "name", "version", "length", "coding", "size", "101"],
)
async def test_what_was_invalid_in_an_answer_is_logged(
    start_hop: StartHop, nonsense: bytes, detail: str
) -> None:
    gateway, _ = await start_hop(nonsense)

    with capture_logs() as logs:
        await exchange(gateway.port, GET)

    assert [e["detail"] for e in logs if e["event"] == "attempt.failed"] == [detail]


async def test_what_was_invalid_in_a_body_under_way_is_logged_too(start_hop: StartHop) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    gateway, _ = await start_hop(head + b"2\r\nok\r\nnonsense\r\n")

    with capture_logs() as logs:
        async with await RawClient.connect(gateway.port) as client:
            await client.send(GET)
            await client.closed()
        (failed,) = await eventually(lambda: [e for e in logs if e["event"] == "attempt.failed"])

    assert (failed["instance"], failed["outcome"]) == ("i1", "upstream_invalid")
    assert failed["detail"].startswith("Invalid character in chunk size, from byte 52 to ")


# Bodies that break off


@pytest.mark.parametrize("request_bytes", [GET, GET.replace(b"GET", b"HEAD", 1)])
async def test_a_body_of_which_nothing_was_sent_is_logged_as_nothing(
    start_hop: StartHop, request_bytes: bytes
) -> None:
    """The log gave its Content-Length instead."""
    gateway, _ = await start_hop(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")

    with capture_logs() as logs:
        async with await RawClient.connect(gateway.port) as client:
            await client.send(request_bytes)
            await client.reader.readuntil(b"\r\n\r\n")
            (line,) = await eventually(lambda: [e for e in logs if e["event"] == "request"])

    assert line["bytes_out"] == 0


BROKEN = [
    (b"Content-Length: 10\r\n\r\nhello", "close"),
    (b"Content-Length: 10\r\n\r\nhello", "reset"),
    (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "close"),
    (b"Transfer-Encoding: chunked\r\n\r\nA\r\nhello", "close"),
    (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "close"),
    (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n", "close"),
    (b"X-Framing: none\r\n\r\nhello", "reset"),
]


async def broken_off(
    start_hop: StartHop, request: bytes, framed: bytes, ending: str
) -> tuple[bytes, bool]:
    """(bytes that came, whether it was a reset) of an answer that breaks off after its first bytes."""
    relayed = asyncio.Event()

    async def break_off(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + framed)
        await writer.drain()
        await relayed.wait()
        if ending == "reset":
            reset(writer)

    gateway, _ = await start_hop(break_off)
    client = await RawClient.connect(gateway.port)
    with capture_logs() as logs:
        await client.send(request)
        came = await client.reader.readuntil(b"hello")
        relayed.set()
        was_reset = False
        try:
            came += await asyncio.wait_for(client.reader.read(), 5)
        except ConnectionResetError:
            was_reset = True
        (line,) = await eventually(lambda: [e for e in logs if e["event"] == "request"])
    await client.close()
    assert line["bytes_out"] == len(b"hello")
    assert line["reason"] in ("upstream_reset", "upstream_invalid")
    return came, was_reset


@pytest.mark.parametrize(("framed", "ending"), BROKEN, ids=range(7))
async def test_a_body_that_breaks_off_never_ends_cleanly(
    start_hop: StartHop, framed: bytes, ending: str
) -> None:
    came, _ = await broken_off(start_hop, GET, framed, ending)

    head, _, body = came.partition(b"\r\n\r\n")
    if framed.startswith(b"Content-Length"):
        assert b"\r\nContent-Length: 10" in head
        assert body == b"hello"
    else:
        assert body in (b"5\r\nhello\r\n", b"5\r\nhello")


@pytest.mark.parametrize(("framed", "ending"), BROKEN[2:], ids=range(2, 7))
async def test_a_body_that_breaks_off_is_a_reset_to_a_client_of_http_1_0(
    start_hop: StartHop, framed: bytes, ending: str
) -> None:
    _, was_reset = await broken_off(start_hop, GET.replace(b"1.1", b"1.0"), framed, ending)

    assert was_reset


async def test_a_broken_body_costs_no_other_request(start_hop: StartHop) -> None:
    async def every_other(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(OK if len(upstream.requests) % 2 else OK[:-1])

    gateway, upstream = await start_hop(every_other)

    answers = [await exchange(gateway.port, GET) for _ in range(6)]

    assert [answer.complete for answer in answers] == [True, False] * 3


# Clients that leave


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nhello"])
async def test_a_client_that_leaves_ends_the_work_and_hurts_nobody(
    start_hop: StartHop, begun: bytes
) -> None:
    """Such a client looks half-closed until the gateway sends it something: a 100 or the answer."""
    asked, ended = asyncio.Event(), asyncio.Event()

    async def wait(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        asked.set()
        left = asyncio.ensure_future(received.reader.read())
        while begun and not left.done():
            writer.write(b".")
            await asyncio.wait([left], timeout=0.05)
        assert await left == b""
        ended.set()

    gateway, _ = await start_hop(wait)
    client = await RawClient.connect(gateway.port)
    with capture_logs() as logs:
        await client.send(GET)
        await asyncio.wait_for(asked.wait(), 5)
        if begun:
            await client.reader.readuntil(b"hello")
        await client.close()
        await asyncio.wait_for(ended.wait(), 5)
        (line,) = await eventually(lambda: [e for e in logs if e["event"] == "request"])

    assert line["status"] == 499
    labels = {"service": "orders_service", "method": "GET", "status": "499"}
    assert count(gateway, "gateway_requests_total", **labels) == 1
    assert count(gateway, "gateway_requests_in_flight", service="orders_service") == 0
    assert gateway.member.health.status("orders_service/i1") == "healthy"
    assert [e for e in logs if e["event"] == "instance.health_changed"] == []


async def test_a_client_that_leaves_in_its_own_body_reaches_no_upstream_as_whole(
    start_hop: StartHop,
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    rest = b""

    async def read(received: Received, _: asyncio.StreamWriter) -> None:
        nonlocal rest
        await received.reader.readuntil(b"hello")
        begun.set()
        try:
            rest = await received.reader.read()
        finally:
            ended.set()

    gateway, _ = await start_hop(read, read_body=False)
    client = await RawClient.connect(gateway.port)

    head = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    await client.send(head + b"5\r\nhello\r\n")
    await asyncio.wait_for(begun.wait(), 5)
    await client.close()
    await asyncio.wait_for(ended.wait(), 5)

    assert rest in (b"", b"\r\n")


async def test_a_request_body_that_is_not_valid_is_the_clients_fault(start_hop: StartHop) -> None:
    async def wait(received: Received, _: asyncio.StreamWriter) -> None:
        await received.reader.read()

    gateway, _ = await start_hop(wait, read_body=False)
    client = await RawClient.connect(gateway.port)

    head = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    await client.send(head)
    await client.send(b"5\r\nhello\r\n")
    await client.send(b"ZZ\r\n")

    assert problem_in(await client.answer()) == (400, "bad_request")
    await client.close()


# Nothing to route to


async def test_a_service_without_a_healthy_instance_says_when_to_come_again(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway()
    upstream = await start_upstream(healthy=False)
    await gateway.register(
        "orders_service", upstream.port, routable=False, health_check_url="/health"
    )
    await eventually(lambda: gateway.member.health.status("orders_service/i1") == "unhealthy")

    answer = await exchange(gateway.port, GET)

    assert problem_in(answer) == (503, "no_healthy_instance")
    assert int(answer.values(b"retry-after")[0]) >= 1
    assert upstream.requests == []


async def test_weight_0_gets_nothing(start_hop: StartHop, start_upstream: StartUpstream) -> None:
    gateway, upstream = await start_hop()
    weightless = await start_upstream()
    await gateway.register("orders_service", weightless.port, "i2", weight=0)

    for _ in range(10):
        assert (await exchange(gateway.port, GET)).status == 200

    assert (len(upstream.requests), len(weightless.requests)) == (10, 0)


async def test_a_request_waits_for_the_first_verdict_on_a_starting_instance(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    async def slow_probe(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target == b"/slow":
            await asyncio.sleep(0.3)  # the upstream is slow
        writer.write(OK)

    gateway, upstream = await start_gateway(), await start_upstream(slow_probe)
    await gateway.register(
        "orders_service", upstream.port, routable=False, health_check_url="/slow"
    )

    began_s = time.monotonic()
    answer = await exchange(gateway.port, GET)

    assert (answer.status, answer.body) == (200, b"ok")
    assert time.monotonic() - began_s > 0.1


async def test_the_wait_for_a_first_verdict_takes_a_second_at_most(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(HEALTH_CHECK_TIMEOUT="10")
    upstream = await start_upstream(never)
    await gateway.register(
        "orders_service", upstream.port, routable=False, health_check_url="/never"
    )

    began_s = time.monotonic()
    async with loop_time() as waited:
        answer = await exchange(gateway.port, GET)

    assert problem_in(answer) == (503, "no_healthy_instance")
    assert answer.values(b"retry-after") == [b"1"]
    assert time.monotonic() - began_s > 0.9
    assert waited.s < 2


@pytest.mark.parametrize(("method", "end"), [("POST", "/drain"), ("DELETE", "")])
async def test_what_is_drained_or_deregistered_gets_nothing_from_the_204_on(
    start_hop: StartHop, start_upstream: StartUpstream, method: str, end: str
) -> None:
    gateway, goes = await start_hop()
    stays = await start_upstream()
    await gateway.register("orders_service", stays.port, "i2", health_check_url="/health")

    answer = await gateway.admin(method, "/services/orders_service/instances/i1" + end)
    before = len(goes.requests)
    for _ in range(20):
        assert (await exchange(gateway.port, GET)).status == 200

    assert answer.status == 204
    assert (len(goes.requests) - before, len(stays.requests)) == (0, 20)


@pytest.mark.parametrize(("method", "end"), [("POST", "/drain"), ("DELETE", "")])
async def test_a_service_stays_known_when_its_last_instance_goes(
    start_hop: StartHop, method: str, end: str
) -> None:
    gateway, upstream = await start_hop()

    await gateway.admin(method, "/services/orders_service/instances/i1" + end)
    answer = await exchange(gateway.port, GET)

    assert problem_in(answer) == (503, "no_healthy_instance")
    assert answer.values(b"retry-after")
    assert upstream.requests == []


async def test_draining_lets_a_request_in_flight_finish(start_hop: StartHop) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        writer.write(OK)

    gateway, _ = await start_hop(wait)
    request = asyncio.create_task(exchange(gateway.port, GET))
    await asyncio.wait_for(asked.wait(), 5)
    await gateway.admin("DELETE", "/services/orders_service/instances/i1")
    go_on.set()

    assert (await request).body == b"ok"


# Loops


@pytest.mark.parametrize(
    ("via", "status"),
    [
        (b"1.1 lockgate, 1.0 lockgate, 1.1 a, 1.1 lockgate", 200),
        (b"1.1 lockgate, 1.0 lockgate, 1.1 a, 1.1 lockgate,1.1 lockgate (again)", 508),
        (b"1.1 lockgate\r\nVia: 1.1 lockgate\r\nVia: 1.1 lockgate, 1.1 lockgate", 508),
        (b"1.1 a, 1.1 b, 1.1 c, 1.1 d, 1.1 lockgate2", 200),
    ],
)
async def test_going_round_in_circles_is_noticed(
    start_hop: StartHop, via: bytes, status: int
) -> None:
    gateway, upstream = await start_hop()

    answer = await exchange(gateway.port, GET[:-2] + b"Via: %b\r\n\r\n" % via)

    assert answer.status == status
    if status == 508:
        assert problem_in(answer) == (508, "loop_detected")
        assert upstream.requests == []


# Requests that are not HTTP


def framed(*fields: bytes, body: bytes = b"0\r\n\r\n") -> bytes:
    """Make a POST to the service with these fields."""
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"POST /api/orders HTTP/1.1\r\nHost: h\r\n%b\r\n%b" % (lines, body)


@pytest.mark.parametrize(
    ("request_bytes", "status", "reason"),
    [
        (b"NONSENSE\r\n\r\n", 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "bad_request"),
        (b"GET /api/orders HTTP/1.2\r\nHost: h\r\n\r\n", 400, "bad_request"),
        (b"BOGUS /api/orders HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request"),
        (b"GET /api/orders HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET /api/orders HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_request"),
        (b"GET /api/orders HTTP/1.1\r\nHost:\r\n\r\n", 400, "bad_request"),
        (b"GET /api/orders HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "bad_request"),
        (b"GET /api/orders HTTP/1.1\r\nHost: user@h\r\n\r\n", 400, "bad_request"),
        (b"GET /api/orders HTTP/1.1\r\nHost: h/x\r\n\r\n", 400, "bad_request"),
        (b"GET http://u@h/api/orders HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request"),
        (b"GET /api/orders HTTP/1.1\nHost: h\n\n", 400, "bad_request"),
        (framed(b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400, "bad_request"),
        (framed(b"Transfer-Encoding: chunked", b"Content-Length: 5"), 400, "bad_request"),
        (framed(b"Content-Length: 5", b"Content-Length: 6"), 400, "bad_request"),
        (framed(b"Content-Length: 5, 5"), 400, "bad_request"),
        (framed(b"Content-Length: +5"), 400, "bad_request"),
        (framed(b"Content-Length: -1"), 400, "bad_request"),
        (framed(b"Transfer-Encoding: identity"), 400, "bad_request"),
        (framed(b"Transfer-Encoding: chunked, chunked"), 400, "bad_request"),
        (framed(b"Transfer-Encoding : chunked"), 400, "bad_request"),
        (framed(b"X: a\x00b", b"Content-Length: 0"), 400, "bad_request"),
        (framed(b"X: a", b" folded", b"Content-Length: 0"), 400, "bad_request"),
        (framed(b"Transfer-Encoding: chunked", body=b"ZZ\r\n"), 400, "bad_request"),
        (b"GET /api/orders/" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 431, "header_too_large"),
        (framed(b"X: " + b"x" * 70_000), 431, "header_too_large"),
    ],
    ids=range(26),
)
async def test_what_is_not_http_is_refused_logged_and_counted(
    start_hop: StartHop, request_bytes: bytes, status: int, reason: str
) -> None:
    gateway, upstream = await start_hop()
    with capture_logs() as logs:
        answer = await exchange(gateway.port, request_bytes)
        (line,) = await eventually(lambda: [e for e in logs if e["event"] == "request"])

    assert problem_in(answer) == (status, reason)
    assert (line["status"], line["reason"]) == (status, reason)
    assert line["correlation_id"].encode() == answer.values(b"x-correlation-id")[0]
    assert b"xxx" not in answer.body
    assert upstream.requests == []
    metrics = (await gateway.get("/metrics")).body.decode().splitlines()
    counted = [m for m in metrics if m.startswith("gateway_requests_total{")]
    assert any(f'status="{status}"' in m for m in counted)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /api/orders HTTP/2.0\r\nHost: h\r\n\r\n",
        b"GET /api/orders HTTP/0.9\r\nHost: h\r\n\r\n",
        b"GET /api/orders\r\nHost: h\r\n\r\n",
        framed(b"Transfer-Encoding: gzip, chunked"),
        framed(b"Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["HTTP/2.0", "HTTP/0.9", "no version", "gzip, chunked", "chunked over HTTP/1.0"],
)
async def test_what_is_http_to_the_parser_alone_is_refused(
    start_hop: StartHop, request_bytes: bytes
) -> None:
    """Requests are smuggled by framing that two implementations read differently."""
    gateway, upstream = await start_hop()

    answer = await exchange(gateway.port, request_bytes)

    assert problem_in(answer) == (400, "bad_request")
    assert upstream.requests == []


async def test_too_many_fields_are_too_large_a_head(start_hop: StartHop) -> None:
    gateway, _ = await start_hop()

    answer = await exchange(gateway.port, framed(*[b"X: x"] * 300))

    assert problem_in(answer) == (431, "header_too_large")


async def test_a_bad_request_ends_the_connection_and_no_other(start_hop: StartHop) -> None:
    gateway, _ = await start_hop()
    other, client = await RawClient.connect(gateway.port), await RawClient.connect(gateway.port)

    await client.send(b"NONSENSE\r\n\r\n" + GET)
    refused = await client.answer()
    await other.send(GET)

    assert refused.status == 400
    assert await client.closed()
    assert (await other.answer()).status == 200
    await client.close()
    await other.close()


async def test_a_trailer_never_becomes_a_field_of_the_next_request(start_hop: StartHop) -> None:
    """aiohttp 3.14 adds a chunked request's last trailer to the next request's head. Through a proxy that
    shares its connections, a client could put its Cookie into another client's request.
    """
    gateway, upstream = await start_hop()
    client = await RawClient.connect(gateway.port)

    await client.send(
        b"POST /api/orders HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\nCookie: admin\r\n\r\n"
    )
    answer = await client.answer()
    with contextlib.suppress(ConnectionError):
        await client.send(b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n")

    assert answer.status == 200
    assert answer.values(b"connection") == [b"close"]
    assert await client.closed()
    assert len(upstream.requests) == 1
    await client.close()
