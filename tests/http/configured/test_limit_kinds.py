"""Kinds of limits that the file may have, each by its keys, as clients see them."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from tests.conftest import StartGateway
from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.configured.test_what_survives import reload, switch
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.upstreams import OK, Received, Script

GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
FROM = {"TRUSTED_PROXIES": "127.0.0.1"}
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def of_route(limit: str, *more: str) -> str:
    """A file whose route /a has one limit, and others where they are given."""
    lines = [f"a: {limit}", *more]
    names = ", ".join(line.partition(":")[0] for line in lines)
    limits = "".join(f"\n      {line}" for line in lines)
    return f"""
    limits:{limits}
    routes:
      - {{name: a, match: {{prefix: /a}}, service: order_service, limits: [{names}]}}
      - {{name: b, match: {{prefix: /b}}, service: order_service, limits: [{names}]}}
    """


class Waiting:
    """An upstream's script that answers when it is told."""

    def __init__(self, answer: bytes = OK) -> None:
        self.asked = 0
        self.answers = asyncio.Event()
        self._answer = answer

    async def __call__(self, _received: Received, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        await self.answers.wait()
        writer.write(self._answer)


async def metric(configured: Configured, name: str, **labels: str) -> float:
    """The value of a metric; 0 where it is not there."""
    text = (await configured.gateway.get("/metrics")).body.decode()
    told = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    found = re.search(rf"^{name}\{{{re.escape(told)}\}} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def reason(answer: RawAnswer) -> str:
    return str(json.loads(answer.body)["reason"])


async def test_so_many_requests_may_be_in_flight_and_more_are_refused_at_once(
    start_configured: StartConfigured,
) -> None:
    waiting = Waiting()
    configured = await start_configured(of_route("{concurrent: 2, by: everyone}"), waiting)
    both = [asyncio.create_task(configured.ask("/a")) for _ in range(2)]
    await eventually(lambda: waiting.asked == 2)

    refused = await configured.ask("/b")

    assert (refused.status, reason(refused)) == (503, "overloaded")
    assert refused.values(b"Retry-After") == [b"1"]
    assert refused.values(b"RateLimit-Policy") == [b'"a";q=2;qu="concurrent-requests"']
    assert refused.values(b"RateLimit") == [b'"a";r=0;t=1']
    assert await metric(configured, "gateway_limit_reserved", policy="a") == 2
    waiting.answers.set()
    admitted = [await one for one in both]
    assert [one.status for one in admitted] == [200, 200]
    assert sorted(one.values(b"RateLimit")[0] for one in admitted) == [b'"a";r=0', b'"a";r=1']
    assert await configured.statuses(5, "/a") == [200] * 5
    assert await metric(configured, "gateway_limit_reserved", policy="a") == 0
    decisions = "gateway_rate_limit_decisions_total"
    assert await metric(configured, decisions, policy="a", decision="allowed") == 7
    assert await metric(configured, decisions, policy="a", decision="refused") == 1


async def leaves(client: RawClient) -> None:
    await client.close()


async def reads(client: RawClient) -> None:
    await client.closed()


@pytest.mark.parametrize(
    ("script", "ends"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", reads, id="cut answer"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
            reads,
            id="cut chunks",
        ),
        pytest.param(Waiting(), leaves, id="client gone before the answer"),
        pytest.param(switch, leaves, id="tunnel"),
    ],
)
async def test_a_request_is_in_flight_until_its_exchange_ends_however_it_ends(
    start_configured: StartConfigured,
    script: bytes | Script,
    ends: Callable[[RawClient], Awaitable[None]],
) -> None:
    configured = await start_configured(of_route("{concurrent: 1}"), script)
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n" if script is switch else b""
    for number in range(3):
        async with await RawClient.connect(configured.gateway.port) as client:
            await client.send(GET[:-2] + upgrade + b"\r\n")
            await eventually(lambda number=number: len(configured.upstream.requests) > number)
            await ends(client)
        await eventually(lambda: not configured.gateway.gateway.limiter.reserved().get("a"))


async def test_requests_that_fail_are_in_flight_no_longer(
    start_configured: StartConfigured,
) -> None:
    text = of_route("{concurrent: 1}").replace("service: order_service", "service: nobody")
    configured = await start_configured(text, registers=False)
    assert await configured.statuses(3, "/a") == [503] * 3
    answer = await configured.ask("/a")
    assert reason(answer) == "no_healthy_instance"


async def test_an_open_stream_is_in_flight_and_a_reload_knows_of_it(
    start_configured: StartConfigured,
) -> None:
    ends = asyncio.Event()

    async def stream(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await ends.wait()

    text = of_route("{concurrent: 1}")
    configured = await start_configured(text, stream)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(GET)
        await client.reader.readuntil(b"data: 1\n\n")
        assert await configured.statuses(1, "/a") == [503]
        await reload(configured, text + "# changed\n")
        assert await configured.statuses(1, "/a") == [503]
        ends.set()
        await client.reader.readuntil(b"0\r\n\r\n")
    await eventually(lambda: not configured.gateway.gateway.limiter.reserved().get("a"))
    assert await configured.statuses(1, "/a") == [200]


@pytest.mark.parametrize(
    "kind", ["requests: 1, window: 60s", "budget: 10, window: 60s, cost: {json: /a}, reserve: 10"]
)
@pytest.mark.parametrize(
    ("by", "one", "same", "other"),
    [
        ("client", "192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("client", "2001:db8::1", "2001:db8::2:3", "2001:db8:0:1::1"),
        ("subject", "192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("{header: X-Tenant}", "a", "a", "b"),
    ],
)
async def test_those_with_one_key_are_counted_together(
    start_configured: StartConfigured, kind: str, by: str, one: str, same: str, other: str
) -> None:
    configured = await start_configured(of_route(f"{{{kind}, by: {by}}}"), **FROM)
    name = "X-Tenant" if by.startswith("{") else "X-Forwarded-For"
    statuses = [
        (await configured.ask("/a", f"{name}: {value}")).status for value in (one, same, other)
    ]
    assert statuses == [200, 429, 200]


@pytest.mark.parametrize(("by", "other"), [("route", 200), ("service", 429), ("everyone", 429)])
async def test_routes_services_and_everyone_are_counted_together_too(
    start_configured: StartConfigured, by: str, other: int
) -> None:
    configured = await start_configured(of_route(f"{{requests: 1, window: 60s, by: {by}}}"), **FROM)
    clients = [f"X-Forwarded-For: 192.0.2.{number}" for number in range(3)]
    assert (await configured.ask("/a", clients[0])).status == 200
    assert (await configured.ask("/a", clients[1])).status == 429
    assert (await configured.ask("/b", clients[2])).status == other


async def test_answers_with_some_statuses_are_counted_and_others_are_not(
    start_configured: StartConfigured,
) -> None:
    async def log_in(received: Received, writer: asyncio.StreamWriter) -> None:
        status = b"200 OK" if b"right" in received.target else b"401 Unauthorized"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)

    text = of_route("{requests: 2, window: 60s, counts: [401, 403]}")
    configured = await start_configured(text, log_in)
    assert await configured.statuses(4, "/a/right") == [200] * 4
    assert await configured.statuses(3, "/a/wrong") == [401, 401, 429]
    # Whoever has guessed wrong too often may not guess right either.
    assert await configured.statuses(1, "/a/right") == [429]


async def test_failures_of_the_gateways_own_are_counted_by_their_status(
    start_configured: StartConfigured,
) -> None:
    text = of_route("{requests: 2, window: 60s, counts: [500-599]}")
    configured = await start_configured(text.replace("order_service", "nobody"), registers=False)
    assert await configured.statuses(3, "/a") == [503, 503, 429]


@pytest.mark.parametrize(
    "limit",
    [
        "requests: 1, window: 60s",
        "budget: 1, window: 60s, cost: {response_header: X-Cost}",
        "requests: 1, window: 60s, counts: [200]",
    ],
)
async def test_a_shadow_decides_and_is_counted_and_refuses_nobody(
    start_configured: StartConfigured, limit: str
) -> None:
    configured = await start_configured(of_route(f"{{{limit}, shadow: true}}"))
    with capture_logs() as logs:
        answers = [await configured.ask("/a") for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert not any(answer.values(b"RateLimit") for answer in answers)
    assert not any(answer.values(b"RateLimit-Policy") for answer in answers)
    refused = [one for one in logs if one["event"] == "limit.shadow_refused"]
    assert [one["policy"] for one in refused] == ["a", "a"]
    decisions = "gateway_rate_limit_decisions_total"
    # While the machine is busy, the registry may be too slow for one of them.
    for word, times in (("allowed", 1), ("shadow_refused", 2)):
        told = [
            await metric(configured, decisions, policy="a", decision=decision)
            for decision in (word, f"{word}_locally")
        ]
        assert sum(told) == times


async def test_a_shadow_beside_another_limit_is_told_to_nobody(
    start_configured: StartConfigured,
) -> None:
    text = of_route("{requests: 1, window: 60s, shadow: true}", "b: {requests: 3, window: 60s}")
    configured = await start_configured(text)
    answers = [await configured.ask("/a") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert {answer.values(b"RateLimit-Policy")[0] for answer in answers} == {b'"b";q=3;w=60'}


async def test_a_refused_request_holds_and_costs_nothing_of_the_other_limits(
    start_configured: StartConfigured,
) -> None:
    text = of_route(
        "{concurrent: 1}",
        "b: {requests: 2, window: 60s}",
        "c: {budget: 100, window: 60s, cost: {response_header: X-Cost}, reserve: 30}",
    )
    answer = OK.replace(b"\r\n\r\n", b"\r\nX-Cost: 1\r\n\r\n")
    configured = await start_configured(text, answer)
    assert await configured.statuses(4, "/a") == [200, 200, 429, 429]
    await reload(configured, text.replace("requests: 2", "requests: 4"))
    last = [await configured.ask("/a") for _ in range(2)]
    assert [one.status for one in last] == [200, 200]
    # Four requests of 1 are charged; the last one holds 30 when it is told.
    assert b'"c";r=67' in last[-1].values(b"RateLimit")[0]
    assert (await configured.gateway.get("/metrics")).status == 200


async def test_status_shows_the_limits_in_force(start_configured: StartConfigured) -> None:
    text = of_route(
        "{concurrent: 5, by: {header: X-Tenant}, shadow: true}",
        "b: {budget: 100, window: 60s, cost: {json: /usage}, reserve: 30, by: everyone}",
        "c: {requests: 2, window: 60s, counts: [401]}",
    )
    waiting = Waiting()
    configured = await start_configured(text, waiting)
    asking = asyncio.create_task(configured.ask("/a"))
    await eventually(lambda: waiting.asked)
    status = (await configured.gateway.get("/status")).json()
    waiting.answers.set()
    await asking
    policies = {one.pop("name"): one for one in status["limits"]["policies"]}
    assert policies["a"] == {
        "kind": "concurrent",
        "limit": 5,
        "by": "header x-tenant",
        "shadow": True,
        "reserved": 1,
    }
    assert policies["b"] == {
        "kind": "budget",
        "limit": 100,
        "window_s": 60.0,
        "by": "everyone",
        "shadow": False,
        "reserved": 30,
    }
    assert policies["c"]["kind"] == "requests"
    assert policies["c"]["reserved"] == 0


async def test_two_gateways_share_what_is_in_flight(
    start_configured: StartConfigured, start_gateway: StartGateway
) -> None:
    waiting = Waiting()
    configured = await start_configured(of_route("{concurrent: 3, by: everyone}"), waiting)
    other = await start_gateway(GATEWAY_CONFIG=str(configured.file))
    await eventually(lambda: "order_service" in other.member.view.services)
    asking = [asyncio.create_task(configured.ask("/a")) for _ in range(2)]
    asking += [asyncio.create_task(other.get("/a")) for _ in range(1)]
    await eventually(lambda: waiting.asked == 3)
    assert await configured.statuses(1, "/a") == [503]
    assert (await other.get("/a")).status == 503
    waiting.answers.set()
    assert [(await one).status for one in asking] == [200] * 3
    await eventually(lambda: not other.gateway.limiter.reserved().get("a"))
    assert (await other.get("/a")).status == 200


async def test_a_limit_that_counts_404_counts_those_of_the_service(
    start_configured: StartConfigured,
) -> None:
    text = of_route("{requests: 1, window: 60s, counts: [404]}")
    configured = await start_configured(text, NOT_FOUND)
    assert await configured.statuses(2, "/a") == [404, 429]
