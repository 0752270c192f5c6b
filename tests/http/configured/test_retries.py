"""Repeats of requests to a service with `retries`, from outside."""

import asyncio
import json
import time
from collections.abc import MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import exchange
from tests.support.transports import reset
from tests.support.upstreams import OK, Received, Script, ServedConnection, read_body

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nX-Which: first\r\nContent-Length: 4\r\n\r\nbusy"


def policy(**keys: object) -> str:
    told = ", ".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())
    return f"services: {{order_service: {{retries: {{{told}}}}}}}\nlimits: {{}}\n"


def first(*beginnings: Script, then: bytes = OK) -> Script:
    """The first requests get these, all that follow `then`."""
    left = list(beginnings)

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if left:
            await left.pop(0)(received, writer)
        else:
            writer.write(then)

    return answer


def says(answer: bytes) -> Script:
    async def say(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return say


async def resets(_received: Received, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def hangs(received: Received, _writer: asyncio.StreamWriter) -> None:
    await received.reader.read()


def access(logs: list[MutableMapping[str, Any]]) -> MutableMapping[str, Any]:
    return next(line for line in logs if line["event"] == "request")


KEY = "Idempotency-Key: k1"


@pytest.mark.parametrize(
    ("method", "fields", "attempts"),
    [("GET", (), 2), ("PUT", (), 2), ("POST", (), 1), ("PATCH", (), 1), ("POST", (KEY,), 2)],
)
@pytest.mark.parametrize(
    "broken",
    [says(UNAVAILABLE), resets, hangs],
    ids=["503", "reset", "timeout"],
)
async def test_only_what_may_be_done_twice_is_repeated(
    start_configured: StartConfigured,
    broken: Script,
    method: str,
    fields: tuple[str, ...],
    attempts: int,
) -> None:
    text = policy(on=["reset", "timeout", 503], per_try="100ms")
    configured = await start_configured(text, first(broken))

    with capture_logs() as logs:
        answer = await configured.ask("/api/order/x", *fields, method=method, body="hello")

    assert answer.status == 200 if attempts == 2 else answer.status in (502, 503, 504)
    assert [one.body for one in configured.upstream.requests] == [b"hello"] * attempts
    line = access(logs)
    assert (line["attempts"], line["status"]) == (attempts, answer.status)
    assert not any(b"attempt" in name.lower() for name, _ in answer.fields)


async def test_what_is_not_named_is_not_repeated(start_configured: StartConfigured) -> None:
    configured = await start_configured(
        policy(on=["connect", 502]), first(says(UNAVAILABLE), resets)
    )

    assert (await configured.ask("/api/order/x")).status == 503
    assert (await configured.ask("/api/order/x")).status == 502
    assert (await configured.ask("/api/order/x")).status == 200


async def test_a_service_without_retries_is_asked_once(start_configured: StartConfigured) -> None:
    text = "services: {order_service: {retries: null}}"
    configured = await start_configured(text, first(says(UNAVAILABLE)))

    answer = await configured.ask("/api/order/x")

    assert (answer.status, answer.body) == (503, b"busy")
    assert len(configured.upstream.requests) == 1


async def test_when_no_try_is_left_the_last_answer_passes_as_it_came(
    start_configured: StartConfigured,
) -> None:
    last = UNAVAILABLE.replace(b"first", b"last")
    configured = await start_configured(
        policy(attempts=3), first(*[says(UNAVAILABLE)] * 2, then=last)
    )

    answer = await configured.ask("/api/order/x")

    assert (answer.status, answer.body, answer.values(b"X-Which")) == (503, b"busy", [b"last"])
    assert len(configured.upstream.requests) == 3


async def test_a_repeat_goes_to_another_instance(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    configured = await start_configured(policy(attempts=3), UNAVAILABLE)
    others = [await start_upstream(UNAVAILABLE) for _ in range(2)]
    for number, other in enumerate(others):
        await configured.gateway.register(
            "order_service", other.port, f"o{number}", health_check_url="/health"
        )

    assert (await configured.ask("/api/order/x")).status == 503

    assert [len(one.requests) for one in (configured.upstream, *others)] == [1, 1, 1]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_connection_is_repeated_for_any_request(
    start_configured: StartConfigured, start_upstream: StartUpstream, method: str
) -> None:
    configured = await start_configured(policy(), HEALTH_CHECK_INTERVAL="60")
    dead = await start_upstream()
    await configured.gateway.register("order_service", dead.port, "dead")
    await dead.stop()

    for _ in range(5):
        answer = await configured.ask("/api/order/x", method=method, body="x" * 70_000)
        assert answer.status == 200


@pytest.mark.parametrize(("size", "attempts"), [(64 * 1024, 2), (64 * 1024 + 1, 1)])
@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_body_is_sent_again_if_it_is_kept(
    start_configured: StartConfigured, method: str, size: int, attempts: int
) -> None:
    configured = await start_configured(policy(), first(says(UNAVAILABLE)))

    answer = await configured.ask("/api/order/x", KEY, method=method, body="x" * size)

    assert answer.status == (200 if attempts == 2 else 503)
    assert [len(one.body) for one in configured.upstream.requests] == [size] * attempts


async def test_a_body_that_was_answered_before_its_end_goes_on_in_the_next_attempt(
    start_configured: StartConfigured,
) -> None:
    answered = asyncio.Event()

    async def early(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(UNAVAILABLE)
        answered.set()

    async def whole(received: Received, writer: asyncio.StreamWriter) -> None:
        assert await received.reader.readexactly(10) == b"helloworld"
        writer.write(OK)

    configured = await start_configured(policy(), first(early, whole))
    configured.upstream._read_body = False
    reader, writer = await asyncio.open_connection("127.0.0.1", configured.gateway.port)
    writer.write(b"PUT /api/order/x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
    await answered.wait()
    writer.write(b"world")

    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_body_that_comes_while_a_short_answer_is_let_go_of_is_never_cut_short(
    start_configured: StartConfigured,
) -> None:
    """The gateway read more of it than it keeps, and sent the rest as if it were all."""
    beginning, rest = b"3e8\r\n%b\r\n" % (b"a" * 1000), b"%x\r\n%b\r\n" % (200_000, b"b" * 200_000)

    async def early(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(UNAVAILABLE.removesuffix(b"busy"))
        await received.reader.readuntil(rest)
        writer.write(b"busy")

    bodies: list[bytes] = []

    async def whole(received: Received, writer: asyncio.StreamWriter) -> None:
        bodies.append(await read_body(received))
        writer.write(OK)

    configured = await start_configured(policy(), first(early, whole))
    configured.upstream._read_body = False
    upstreams = configured.gateway.gateway.upstreams
    reader, writer = await asyncio.open_connection("127.0.0.1", configured.gateway.port)
    writer.write(b"PUT /api/order/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(beginning)
    async with asyncio.timeout(5):
        while not upstreams._pools or not next(iter(upstreams._pools.values())).answered_s:  # noqa: ASYNC110  # at once
            await asyncio.sleep(0)  # the gateway has the head of the answer
    writer.write(rest + b"0\r\n\r\n")

    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    assert [len(body) for body in bodies] == [201_000]
    writer.close()


async def test_the_pause_that_an_instance_asks_for_is_kept(
    start_configured: StartConfigured,
) -> None:
    busy = UNAVAILABLE.replace(b"X-Which: first", b"Retry-After: 1")
    configured = await start_configured(policy(), first(says(busy)))
    began_s = time.monotonic()

    assert (await configured.ask("/api/order/x")).status == 200

    assert time.monotonic() - began_s >= 1.0


async def test_a_pause_beyond_the_deadline_is_left_to_the_client(
    start_configured: StartConfigured,
) -> None:
    busy = UNAVAILABLE.replace(b"X-Which: first", b"Retry-After: 5")
    configured = await start_configured(policy(), first(says(busy)))

    answer = await configured.ask("/api/order/x", "X-Request-Timeout: 4.5")

    assert (answer.status, answer.values(b"Retry-After")) == (503, [b"5"])
    assert len(configured.upstream.requests) == 1


async def test_an_outage_of_all_instances_does_not_multiply_the_load(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    configured = await start_configured(policy(attempts=3, budget=0.2), UNAVAILABLE)
    other = await start_upstream(UNAVAILABLE)
    await configured.gateway.register("order_service", other.port, "i2", health_check_url="/health")
    began_s = time.monotonic()

    for _ in range(10):
        await asyncio.gather(*(configured.ask("/api/order/x") for _ in range(20)))

    came = len(configured.upstream.requests) + len(other.requests)
    seconds = int(time.monotonic() - began_s) + 2
    assert 200 < came <= 200 * 1.2 + 3 * seconds
    metrics = (await configured.gateway.get("/metrics")).body.decode()
    (exhausted,) = metric(metrics, 'gateway_retry_budget_exhausted_total{service="order_service"}')
    (repeated,) = metric(metrics, 'gateway_retries_total{service="order_service",why="503"}')
    assert repeated == came - 200
    assert 200 - repeated <= exhausted <= 200


def metric(text: str, sample: str) -> list[float]:
    lines = (line.rpartition(" ") for line in text.splitlines())
    return [float(value) for name, _, value in lines if name == sample]


async def test_the_budget_survives_a_reload(start_configured: StartConfigured) -> None:
    configured = await start_configured(policy(budget=0, attempts=10), UNAVAILABLE)
    began_s = time.monotonic()
    asked = 0
    while time.monotonic() - began_s < 2.5:  # with more than one second, three are free in each
        await configured.ask("/api/order/x")
        asked += 1
        configured.write(policy(budget=0, attempts=9 + asked % 2))
        assert (await configured.gateway.admin("POST", "/config/reload")).status == 200

    assert len(configured.upstream.requests) - asked <= 3 * 4


async def test_an_event_stream_is_not_repeated_once_its_head_has_come(
    start_configured: StartConfigured,
) -> None:
    async def breaks_off(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await writer.drain()
        reset(writer)

    configured = await start_configured(policy(), breaks_off)
    reader, writer = await asyncio.open_connection("127.0.0.1", configured.gateway.port)
    writer.write(b"GET /api/order/x HTTP/1.1\r\nHost: h\r\n\r\n")

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readuntil(b"0\r\n\r\n")

    assert len(configured.upstream.requests) == 1
    writer.close()


async def test_an_upgrade_is_repeated_until_it_is_answered(
    start_configured: StartConfigured,
) -> None:
    switched = (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    configured = await start_configured(policy(), first(resets, says(UNAVAILABLE), then=switched))
    reader, writer = await asyncio.open_connection("127.0.0.1", configured.gateway.port)
    writer.write(
        b"GET /api/order/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 101")
    assert len(configured.upstream.requests) == 3
    writer.close()


def left_s(received: Received) -> float:
    (value,) = received.values(b"x-request-timeout")
    return float(value)


@pytest.mark.parametrize("fields", [(), ("TE: trailers",)], ids=["plain", "field by field"])
async def test_what_is_left_of_a_clients_time_out_is_passed_on_by_each_attempt(
    start_configured: StartConfigured, fields: tuple[str, ...]
) -> None:
    async def late(_received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)  # the instance's own time
        writer.write(UNAVAILABLE)

    configured = await start_configured(policy(), first(late))

    answer = await configured.ask("/api/order/x", "X-Request-Timeout: 30", *fields)

    assert answer.status == 200
    before, after = map(left_s, configured.upstream.requests)
    assert 20 < before <= 30
    assert 20 < after <= before - 0.1


async def test_a_clients_time_out_shortens_the_total_and_never_lengthens_it(
    start_configured: StartConfigured,
) -> None:
    text = """
        defaults: {timeouts: {total: 10s}}
        routes:
          - {name: a, match: {prefix: /a}, service: order_service}
          - {name: b, match: {prefix: /b}, service: order_service, timeouts: {total: 0}}
          - {name: c, match: {prefix: /c}, service: order_service, preserve_host: false}
    """

    async def hangs_if_hurried(received: Received, writer: asyncio.StreamWriter) -> None:
        if left_s(received) < 1:
            await hangs(received, writer)
        else:
            writer.write(OK)

    # The hurried request may be over before it is connected, so it is not the first one for sure.
    configured = await start_configured(text, hangs_if_hurried)

    slow = await configured.ask("/a", "X-Request-Timeout: 0.2")
    assert (slow.status, json.loads(slow.body)["reason"]) == (504, "upstream_timeout")
    for path, asked, most in (("/a", "30", 10.0), ("/b", "30", 30.0), ("/c", "30", 10.0)):
        assert (await configured.ask(path, f"x-request-timeout: {asked}")).status == 200
        assert most - 5 < left_s(configured.upstream.requests[-1]) <= most


@pytest.mark.parametrize("value", ["0", "abc", "-1", "1e3", "1.5, 2", "999999999999"])
@pytest.mark.parametrize("fields", [(), ("TE: trailers",)], ids=["plain", "field by field"])
async def test_a_time_out_that_says_nothing_passes_as_it_came(
    start_configured: StartConfigured, value: str, fields: tuple[str, ...]
) -> None:
    configured = await start_configured("routes: []")

    assert (
        await configured.ask("/api/order/x", f"X-Request-Timeout: {value}", *fields)
    ).status == 200

    (received,) = configured.upstream.requests
    assert received.values(b"x-request-timeout") == [value.encode()]


async def test_an_answer_that_is_repeated_leaves_its_connection_for_the_repeat(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    """The body comes behind the head, as from most servers."""

    async def busy_first(_received: Received, connection: ServedConnection) -> None:
        if len(upstream.requests) > 1:
            await connection.send(OK)
            return
        await connection.send(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n")
        await asyncio.sleep(0)
        await connection.send(b"4\r\nbusy\r\n0\r\n\r\n")

    upstream = await start_keep_alive(busy_first)
    configured = await start_configured(policy(), registers=False)
    await configured.gateway.register("order_service", upstream.port, health_check_url="/health")

    assert (await configured.ask("/api/order/x")).status == 200

    assert (len(upstream.connections), len(upstream.requests)) == (1, 2)


async def test_a_request_keeps_the_plan_that_it_began_with(
    start_configured: StartConfigured,
) -> None:
    busy = UNAVAILABLE.replace(b"X-Which: first", b"Retry-After: 1")
    configured = await start_configured(policy(), first(*[says(busy)] * 2))
    asked = asyncio.create_task(configured.ask("/api/order/x"))
    await eventually(lambda: configured.upstream.requests)

    configured.write(policy(attempts=1))
    assert (await configured.gateway.admin("POST", "/config/reload")).status == 200

    assert (await asked).status == 200
    assert len(configured.upstream.requests) == 3


async def test_attempts_that_time_out_end_with_the_clients_own_time(
    start_configured: StartConfigured,
) -> None:
    text = policy(attempts=10, on=["timeout"], per_try="700ms", budget=1)
    configured = await start_configured(text, hangs)

    answer = await configured.ask("/api/order/x", "X-Request-Timeout: 3.5")

    assert (answer.status, json.loads(answer.body)["reason"]) == (504, "upstream_timeout")
    # Each takes 0.7 s at least, and the field never promises more than is left.
    assert 2 <= len(configured.upstream.requests) <= 5
    left = list(map(left_s, configured.upstream.requests))
    assert left == sorted(left, reverse=True)
    assert left[0] <= 3.5


async def test_a_body_in_chunks_is_sent_again(start_configured: StartConfigured) -> None:
    configured = await start_configured(policy(), first(says(UNAVAILABLE), resets))
    request = (
        b"PUT /api/order/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"
    )

    assert (await exchange(configured.gateway.port, request)).status == 200

    assert [one.body for one in configured.upstream.requests] == [b"helloworld"] * 3


async def test_a_gateway_without_a_file_passes_the_field_and_keeps_its_own_time(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway()
    upstream = await start_upstream(first(says(UNAVAILABLE)))
    await gateway.register("order_service", upstream.port, health_check_url="/health")
    for fields in ({}, {"TE": "trailers"}):
        answer = await gateway.get("/api/order/x", headers={"x-request-timeout": "0.01", **fields})
        assert answer.status in (200, 503)

    assert [one.values(b"x-request-timeout") for one in upstream.requests] == [[b"0.01"]] * 2


async def test_with_outliers_and_a_breaker_one_bad_instance_of_three_costs_no_get(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    text = "services: {order_service: {retries: {}, outliers: {failures: 3}, breaker: {}}}"
    configured = await start_configured(text, UNAVAILABLE)
    for number in range(2):
        good = await start_upstream()
        await configured.gateway.register(
            "order_service", good.port, f"good-{number}", health_check_url="/health"
        )

    assert await configured.statuses(60, "/api/order/x") == [200] * 60

    # It is put out, and gets no more than a trial now and then.
    assert 1 <= len(configured.upstream.requests) <= 6
