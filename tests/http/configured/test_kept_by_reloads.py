"""What the hop and the limits know while they work is not forgotten when the file is read again."""

import asyncio

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.configured.test_balance import named
from tests.http.configured.test_breaker import Answers, state
from tests.http.configured.test_budgets import EVENTS, USAGE, budget, settled
from tests.http.configured.test_limit_kinds import GET, metric
from tests.http.configured.test_what_survives import reload
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import OK, Received

FAILS = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def of_service(policies: str) -> str:
    return f"services: {{order_service: {{{policies}}}}}\nlimits: {{}}\n"


async def changed(configured: Configured, text: str, number: int) -> None:
    """Read the file again, with another route than before."""
    route = f"{{name: r{number}, match: {{prefix: /r{number}}}, respond: {{}}}}"
    await reload(configured, f"{text}routes: [{route}]\n")


async def instances(configured: Configured) -> list[dict[str, dict[str, float]]]:
    answer = await configured.gateway.admin("GET", "/services/order_service")
    found: list[dict[str, dict[str, float]]] = answer.json()["instances"]
    return found


async def test_whose_turn_it_is(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    text = of_service("balance: {by: round_robin}")
    configured = await start_configured(text, named("a"))
    for name in "bc":
        upstream = await start_upstream(named(name))
        await configured.gateway.register("order_service", upstream.port, name)
    asked = b""
    for number in range(9):
        asked += (await configured.ask("/api/order/x")).body
        await changed(configured, text, number)

    assert asked == asked[:3] * 3
    assert sorted(asked[:3]) == list(b"abc")


async def test_how_long_an_instance_takes(start_configured: StartConfigured) -> None:
    text = of_service("balance: {by: p2c}")

    async def slow(_received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)  # the instance's own time
        writer.write(OK)

    configured = await start_configured(text, slow)
    assert await configured.statuses(1, "/api/order/x") == [200]
    (before,) = await instances(configured)

    await changed(configured, text, 1)

    (after,) = await instances(configured)
    assert after["load"]["latency_ms"] == before["load"]["latency_ms"] >= 40


async def test_who_starts_slowly(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    text = of_service("balance: {slow_start: 1h}")
    configured = await start_configured(text)
    assert await configured.statuses(3, "/api/order/x") == [200] * 3
    new = await start_upstream()
    await configured.gateway.register("order_service", new.port, "new", health_check_url="/health")

    for number in range(40):
        assert await configured.statuses(1, "/api/order/x") == [200]
        await changed(configured, text, number)

    # It has a tenth of its weight: 4 are likely, and with all of its weight 20.
    assert len(new.requests) < 15


async def test_failures_before_it_count_with_those_after_it(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    text = of_service(
        "balance: {by: round_robin}, outliers: {failures: 4, rate: 0, latency: 0, eject: 1m}"
    )
    configured = await start_configured(text, FAILS)
    good = await start_upstream()
    await configured.gateway.register(
        "order_service", good.port, "good", health_check_url="/health"
    )
    for number in range(4):
        assert not any("ejected" in one for one in await instances(configured))
        statuses = await configured.statuses(2, "/api/order/x")
        assert sorted(statuses) == [200, 503]
        await changed(configured, text, number)

    assert ["ejected" in one for one in await instances(configured)].count(True) == 1
    await changed(configured, text, 9)
    assert await configured.statuses(4, "/api/order/x") == [200] * 4


@pytest.mark.parametrize("more", ["", ", outliers: {}"])
async def test_failures_that_open_a_breaker(start_configured: StartConfigured, more: str) -> None:
    text = """
    services:
      some: {urls: ["http://127.0.0.1:PORT"], health: {path: /health}, breaker: {open_for: 1m}MORE}
    routes: [{name: a, match: {prefix: /a}, service: some}]
    limits: {l: {requests: NUMBER, window: 60s}}
    """.replace("MORE", more)
    answers = Answers(FAILS)
    configured = await start_configured(text.replace("NUMBER", "1"), answers, registers=False)
    text = text.replace("PORT", str(configured.upstream.port))

    async def healthy() -> bool:
        counts = (await configured.gateway.get("/status")).json()["services"]
        return bool(counts["some"]["healthy"] == 1)

    await eventually(healthy)
    for number in range(2, 200):
        await configured.ask("/a")
        await reload(configured, text.replace("NUMBER", str(number)))
        if await state(configured.gateway) == "open":
            break
    # A breaker that forgot at each reload would never open. It looks 20 times a second; probes do not count.
    assert await state(configured.gateway) == "open"
    asked = [one for one in configured.upstream.requests if one.head.startswith(b"GET /a ")]
    assert len(asked) >= 20
    answers.answer = OK
    await reload(configured, text.replace("NUMBER", "99"))
    assert await configured.statuses(2, "/a") == [503, 503]


async def test_what_a_request_under_way_has_reserved_and_what_it_then_costs(
    start_configured: StartConfigured,
) -> None:
    ends = asyncio.Event()

    async def stream(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + b"data: begins\n\n")
        await ends.wait()
        writer.write(USAGE % 7)

    text = budget("{event_stream: /usage/total_tokens}", units=50)
    configured = await start_configured(text, stream)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(GET)
        await client.reader.readuntil(b"data: begins\n\n")
        for changed_text in (text + "# changed\n", text.replace("budget: 50", "budget: 55")):
            await reload(configured, changed_text)
            assert configured.gateway.gateway.limiter.reserved() == {"tokens": 30}
            assert await configured.statuses(1, "/a") == [429]
        ends.set()
        await client.reader.readuntil(b"0\r\n\r\n")
    await settled(configured)
    assert await metric(configured, "gateway_limit_spent_total", policy="tokens") == 7
    assert await configured.statuses(1, "/a") == [200]


async def test_a_limit_that_becomes_one_of_another_kind_does_not_count_what_the_first_holds(
    start_configured: StartConfigured,
) -> None:
    """What a budget had reserved was taken for so many requests in flight."""
    ends = asyncio.Event()

    async def stream(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target == b"/a":
            writer.write(EVENTS + b"data: begins\n\n")
            await ends.wait()
        writer.write(OK)

    cost = "{event_stream: /usage/total_tokens}"
    text = budget(cost, units=50)
    configured = await start_configured(text, stream)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(GET)
        await client.reader.readuntil(b"data: begins\n\n")
        of_a_budget = f"budget: 50, window: 60s, by: everyone, cost: {cost}, reserve: 30"
        await reload(configured, text.replace(of_a_budget, "concurrent: 5, by: everyone"))
        assert await configured.statuses(1, "/a/b") == [200]
        ends.set()
        await client.reader.readuntil(b"0\r\n\r\n")
    await settled(configured)
