"""Budgets by cost: reserved on the way in, settled when the answer ends, however it ends."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from middlewares.limits import limiter
from tests.conftest import StartGateway, StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.configured.test_limit_kinds import GET, metric, reason
from tests.http.configured.test_what_survives import reload
from tests.support.eventually import eventually
from tests.support.patience import be_patient
from tests.support.raw_clients import RawClient
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import Received

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
USAGE = b'data: {"usage":{"total_tokens":%d}}\n\n'


def budget(
    cost: str = "{json: /usage/total_tokens}",
    *,
    units: int = 100,
    reserve: int = 30,
    window: str = "60s",
) -> str:
    return f"""
    limits:
      tokens: {{budget: {units}, window: {window}, by: everyone, cost: {cost}, reserve: {reserve}}}
    routes: [{{name: a, match: {{prefix: /a}}, service: order_service, limits: [tokens]}}]
    """


def with_body(body: bytes, *fields: bytes) -> bytes:
    lines = b"".join(b"%b\r\n" % line for line in fields)
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)


def document(units: int, **more: object) -> bytes:
    return json.dumps({**more, "usage": {"total_tokens": units}}).encode()


async def settled(configured: Configured) -> None:
    await eventually(lambda: not configured.gateway.gateway.limiter.reserved().get("tokens"))


async def left(configured: Configured) -> int:
    """What remains of the budget, by a request that is admitted and holds what is reserved."""
    await settled(configured)
    answer = await configured.ask("/a")
    (value,) = answer.values(b"RateLimit")
    return int(value.split(b"r=")[1].split(b";")[0])


@pytest.mark.parametrize(
    ("cost", "answer"),
    [
        ("{response_header: X-Cost}", with_body(b"", b"x-cost: 7")),
        ("{response_header: X-Cost}", with_body(b"", b"X-Cost: 6.5")),
        ("{json: /usage/total_tokens}", with_body(document(7))),
        ("{json: /usage/total_tokens}", with_body(document(7, text="x" * 300_000))),
        (
            "{json: /usage/total_tokens}",
            with_body(gzip.compress(document(7), mtime=0), b"Content-Encoding: gzip"),
        ),
        ("{event_stream: /usage/total_tokens}", EVENTS + USAGE % 3 + USAGE % 7),
        ("{event_stream: /usage/total_tokens}", with_body(document(7))),
        (
            "{event_stream: /usage/total_tokens}",
            with_body(USAGE % 7, b"Content-Type: text/event-stream"),
        ),
    ],
    ids=["header", "rounded up", "json", "large", "gzip", "events", "no events", "length"],
)
async def test_a_request_is_charged_what_its_answer_says(
    start_configured: StartConfigured, cost: str, answer: bytes
) -> None:
    configured = await start_configured(budget(cost), answer)
    first = await configured.ask("/a")
    assert first.status == 200
    assert first.body == answer.partition(b"\r\n\r\n")[2]
    assert first.values(b"RateLimit-Policy") == [b'"tokens";q=100;w=60']
    assert first.values(b"RateLimit")[0].startswith(b'"tokens";r=70;')
    assert await left(configured) == 100 - 7 - 30
    await settled(configured)
    assert await metric(configured, "gateway_limit_spent_total", policy="tokens") == 14
    assert await metric(configured, "gateway_limit_overdraft_total", policy="tokens") == 0
    assert await metric(configured, "gateway_limit_reserved", policy="tokens") == 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (with_body(b"{}"), "absent"),
        (with_body(b""), "not_json"),
        (with_body(b"no JSON"), "not_json"),
        (with_body(b'{"usage":{"total_tokens":-50}}'), "negative"),
        (with_body(b'{"usage":{"total_tokens":NaN}}'), "no_number"),
        (with_body(b'{"usage":{"total_tokens":1e300}}'), "too_large"),
        (with_body(b"[" * 100_000), "not_json"),
        (with_body(b"x", b"Content-Encoding: compress"), "encoded"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + document(1), "broke_off"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "not_json"),
        (b"no HTTP\r\n\r\n", "no_answer"),
    ],
)
async def test_without_a_cost_what_was_reserved_is_charged_and_told(
    start_configured: StartConfigured, answer: bytes, why: str
) -> None:
    configured = await start_configured(budget(), answer)
    with capture_logs() as logs:
        await configured.ask("/a")
        await settled(configured)
    (told,) = [one for one in logs if one["event"] == "limit.cost_not_read"]
    assert (told["policy"], told["why"], told["charged"]) == ("tokens", why, 30)
    assert await left(configured) == 100 - 30 - 30
    assert (
        await metric(configured, "gateway_limit_costs_not_read_total", policy="tokens", why=why)
        == 2
    )


async def test_what_costs_more_than_was_reserved_is_charged_and_shown(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(budget(), with_body(document(50)))
    assert await configured.statuses(1, "/a") == [200]
    await settled(configured)
    assert await metric(configured, "gateway_limit_overdraft_total", policy="tokens") == 20
    assert await left(configured) == 100 - 50 - 30


async def test_a_budget_that_is_used_up_refuses(start_configured: StartConfigured) -> None:
    configured = await start_configured(budget(), with_body(document(25)))
    assert await configured.statuses(5, "/a") == [200, 200, 200, 429, 429]
    refused = await configured.ask("/a")
    assert reason(refused) == "rate_limited"
    assert 1 <= int(refused.values(b"Retry-After")[0]) <= 61


async def test_a_request_that_reached_no_instance_costs_nothing(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(budget())
    await configured.upstream.stop()
    assert set(await configured.statuses(8, "/a")) <= {502, 503}
    await settled(configured)
    assert await metric(configured, "gateway_limit_spent_total", policy="tokens") == 0


async def test_an_answer_of_the_gateways_own_costs_nothing(
    start_configured: StartConfigured,
) -> None:
    text = budget().replace("service: order_service", "respond: {body: here}")
    configured = await start_configured(text)
    assert await configured.statuses(8, "/a") == [200] * 8


@pytest.mark.parametrize(
    ("events", "charged"),
    [
        pytest.param(b"", 30, id="before the cost"),
        pytest.param(USAGE % 7, 30, id="the cost may grow"),
        pytest.param(USAGE % 40, 40, id="it has cost more"),
        pytest.param(USAGE % 7 + b"data: [DONE]\n\n", 7, id="after the last event"),
    ],
)
async def test_a_client_that_leaves_its_stream_is_charged(
    start_configured: StartConfigured, events: bytes, charged: int
) -> None:
    async def stream(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + b"data: begins\n\n" + events)
        await asyncio.Event().wait()

    configured = await start_configured(budget("{event_stream: /usage/total_tokens}"), stream)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(GET)
        await client.reader.readuntil(b"data: begins\n\n" + events)
    await settled(configured)
    assert await metric(configured, "gateway_limit_spent_total", policy="tokens") == charged


async def test_a_stream_is_passed_on_while_its_cost_is_read(
    start_configured: StartConfigured,
) -> None:
    may_go_on = asyncio.Event()

    async def stream(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + b'data: {"usage":{"total')
        await may_go_on.wait()
        writer.write(b'_tokens":7}}\n\n')

    configured = await start_configured(budget("{event_stream: /usage/total_tokens}"), stream)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(GET)
        await client.reader.readuntil(b'data: {"usage":{"total')
        may_go_on.set()
        await client.reader.readuntil(b"0\r\n\r\n")
    await settled(configured)
    assert await metric(configured, "gateway_limit_spent_total", policy="tokens") == 7


async def test_a_stream_that_costs_more_than_was_reserved_reserves_more_while_it_runs(
    start_configured: StartConfigured,
) -> None:
    ends = asyncio.Event()

    async def stream(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + USAGE % 10 + USAGE % 50)
        await ends.wait()
        writer.write(USAGE % 55)

    configured = await start_configured(budget("{event_stream: /usage/total_tokens}"), stream)
    limiter = configured.gateway.gateway.limiter
    asking = asyncio.create_task(configured.ask("/a"))
    await eventually(lambda: limiter.reserved().get("tokens") == 60)
    others = [asyncio.create_task(configured.ask("/a")) for _ in range(2)]
    # There is room for one of them, and none for more of its own.
    await eventually(lambda: any(one.done() for one in others))
    ends.set()
    statuses = [(await one).status for one in (asking, *others)]
    assert sorted(statuses) == [200, 200, 429]
    await settled(configured)
    assert await metric(configured, "gateway_limit_spent_total", policy="tokens") == 110
    assert await metric(configured, "gateway_limit_overdraft_total", policy="tokens") == 25


async def test_an_instance_that_takes_too_long_may_have_spent_what_was_reserved(
    start_configured: StartConfigured,
) -> None:
    async def never(_received: Received, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    text = budget().replace("limits: [tokens]", "limits: [tokens], timeouts: {head: 50ms}")
    configured = await start_configured(text, never)
    assert await configured.statuses(1, "/a") == [504]
    await settled(configured)
    assert await metric(configured, "gateway_limit_spent_total", policy="tokens") == 30


async def test_no_budget_is_exceeded_by_requests_side_by_side_through_two_gateways(
    start_configured: StartConfigured, start_gateway: StartGateway
) -> None:
    """A third of the streams is cut off; each costs at most what is reserved."""
    spent = 0

    async def stream(received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal spent
        units = int(received.target.rpartition(b"/")[2])
        spent += units
        writer.write(EVENTS + b"data: begins\n\n")
        await writer.drain()
        await asyncio.sleep(0)
        if units % 3:
            writer.write(USAGE % units)

    text = budget("{event_stream: /usage/total_tokens}", units=300)
    configured = await start_configured(text, stream)
    other = await start_gateway(GATEWAY_CONFIG=str(configured.file))
    await eventually(lambda: "order_service" in other.member.view.services)

    async def ask(number: int) -> int:
        port = (configured.gateway, other)[number % 2].port
        async with await RawClient.connect(port) as client:
            await client.send(b"GET /a/%d HTTP/1.1\r\nHost: h\r\n\r\n" % (number % 31))
            return int((await client.reader.readuntil(b"\r\n")).split()[1])

    statuses = await asyncio.gather(*(ask(number) for number in range(120)))
    assert set(statuses) == {200, 429}
    assert spent <= 300
    await settled(configured)
    await eventually(lambda: not other.gateway.limiter.reserved().get("tokens"))


async def test_a_reload_keeps_what_a_budget_has_spent(start_configured: StartConfigured) -> None:
    configured = await start_configured(budget(), with_body(document(25)))
    assert await configured.statuses(2, "/a") == [200, 200]
    await settled(configured)
    await reload(configured, budget(units=60))
    assert await configured.statuses(2, "/a") == [429, 429]


@pytest.mark.registry_hangs
async def test_while_the_registry_is_away_a_budget_holds_and_what_was_spent_counts_after(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    own_registry: RegistryServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "lockgate.yaml"
    upstream = await start_upstream(with_body(document(25)))
    text = budget(units=200).replace(
        "    limits:",
        f'    services: {{order_service: {{urls: ["http://127.0.0.1:{upstream.port}"]}}}}\n    limits:',
    )
    file.write_text(text)
    gateway = await start_gateway(GATEWAY_CONFIG=str(file), REDIS_URL=own_registry.url)
    await eventually(lambda: "order_service" in gateway.member.overlay.view.services)
    (key,) = gateway.member.overlay.view.services["order_service"]
    await eventually(lambda: gateway.member.health.status(key) == "healthy")
    assert (await gateway.get("/a")).status == 200
    monkeypatch.setattr(limiter, "ANSWER_WITHIN_S", 0.1)
    own_registry.pause()
    try:
        away = [(await gateway.get("/a")).status for _ in range(12)]
    finally:
        own_registry.resume()
    be_patient(monkeypatch)
    assert len(upstream.requests) * 25 <= 200
    assert 429 in away

    async def is_shared() -> bool:
        await gateway.get("/a")
        return not gateway.gateway.limiter.alone

    await eventually(is_shared)
    before = len(upstream.requests)
    back = [(await gateway.get("/a")).status for _ in range(12)]
    assert 429 in back
    assert before * 25 <= 200
    assert len(upstream.requests) * 25 <= 200
