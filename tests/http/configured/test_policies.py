"""Policies of single routes, from outside."""

import asyncio
import json

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import RawAnswer
from tests.support.upstreams import OK, Received


def reason(answer: RawAnswer) -> str:
    return str(json.loads(answer.body)["reason"])


LIMITS = """
    limits:
      two: {requests: 2, window: 60s}
      tenants: {requests: 1, window: 60s, by: {header: X-Tenant}}
      all: {requests: 3, window: 60s, by: everyone}
      routes: {requests: 1, window: 60s, by: route}
    defaults: {limits: [two]}
    routes:
      - {name: a, match: {prefix: /a}, service: order_service}
      - {name: b, match: {prefix: /b}, service: order_service, limits: null}
      - {name: c, match: {prefix: /c}, service: order_service, limits: [tenants]}
      - {name: d, match: {prefix: /d}, service: order_service, limits: [two, all]}
      - {name: e, match: {prefix: /e}, service: order_service, limits: [routes]}
      - {name: f, match: {prefix: /f}, service: order_service, limits: [routes]}
"""


async def test_each_route_has_its_limits(start_configured: StartConfigured) -> None:
    configured = await start_configured(LIMITS)
    assert await configured.statuses(3, "/a") == [200, 200, 429]
    assert await configured.statuses(5, "/b") == [200] * 5
    assert await configured.statuses(2, "/c", "X-Tenant: x") == [200, 429]
    assert await configured.statuses(2, "/c", "X-Tenant: y") == [200, 429]
    # The limit is one, whatever route counts on it.
    assert await configured.statuses(1, "/d") == [429]
    assert await configured.statuses(2, "/e") == [200, 429]
    assert await configured.statuses(2, "/f") == [200, 429]
    assert await configured.statuses(1, "/api/order/x") == [429]


async def test_the_environment_wins_over_the_file(start_configured: StartConfigured) -> None:
    text = """
        limits: {default: {requests: 5, window: 60s}}
        defaults: {limits: [default], timeouts: {head: 30s}}
        routes: [{name: a, match: {prefix: /a}, service: order_service}]
    """
    configured = await start_configured(text, RATE_LIMIT_REQUESTS="1", UPSTREAM_TIMEOUT="0.05")
    assert await configured.statuses(2, "/a") == [200, 429]
    table = configured.gateway.gateway.routing.table
    assert table.policy.timeouts.head_s == 0.05


async def test_two_routes_to_one_instance_have_their_own_time_outs(
    start_configured: StartConfigured,
) -> None:
    answers = asyncio.Event()

    async def when_told(_received: Received, writer: asyncio.StreamWriter) -> None:
        await answers.wait()
        writer.write(OK)

    text = """
        routes:
          - {name: a, match: {prefix: /a}, service: order_service, timeouts: {head: 50ms}}
          - {name: b, match: {prefix: /b}, service: order_service, timeouts: {head: 10s}}
          - {name: c, match: {prefix: /c}, service: order_service, timeouts: {total: 60ms}}
          - {name: d, match: {prefix: /d}, service: order_service, timeouts: null}
          - {name: e, match: {prefix: /e}, service: order_service, timeouts: {connect: 0, head: 0}}
    """
    configured = await start_configured(text, when_told)
    patient = [asyncio.create_task(configured.ask(path)) for path in ("/b", "/d", "/e")]
    hasty = await configured.ask("/a")
    assert (hasty.status, reason(hasty)) == (504, "upstream_timeout")
    assert (await configured.ask("/c")).status == 504
    answers.set()
    assert [(await answer).status for answer in patient] == [200] * 3


async def test_each_route_has_its_largest_body(start_configured: StartConfigured) -> None:
    text = """
        routes:
          - {name: a, match: {prefix: /a}, service: order_service, max_body: 10}
          - {name: b, match: {prefix: /b}, service: order_service}
          - {name: c, match: {prefix: /c}, service: order_service, max_body: 0}
    """
    configured = await start_configured(text, MAX_BODY_BYTES="20")
    sizes = {"/a": (10, 11), "/b": (20, 21), "/c": (5000, None), "/api/order/x": (20, 21)}
    for path, (fits, too_large) in sizes.items():
        assert (await configured.ask(path, method="POST", body="x" * fits)).status == 200
        if too_large is not None:
            refused = await configured.ask(path, method="POST", body="x" * too_large)
            assert (refused.status, reason(refused)) == (413, "body_too_large")


ACCESS = """
    routes:
      - {name: a, match: {prefix: /a}, service: order_service, allow: {from: [10.0.0.0/8]}}
      - {name: b, match: {prefix: /b}, service: order_service, deny: {from: [10.0.0.1]}}
      - {name: c, match: {prefix: /c}, service: order_service, allow: {from: ["fd00::/8"]}}
"""


@pytest.mark.parametrize(
    ("path", "client", "status"),
    [
        ("/a", "10.1.1.1", 200),
        ("/a", "192.0.2.1", 403),
        ("/a", "::ffff:10.1.1.1", 200),
        ("/b", "10.0.0.1", 403),
        ("/b", "10.0.0.2", 200),
        ("/c", "fd00::1", 200),
        ("/c", "2001:db8::1", 403),
    ],
)
async def test_who_may_use_a_route(
    start_configured: StartConfigured, path: str, client: str, status: int
) -> None:
    configured = await start_configured(ACCESS, TRUSTED_PROXIES="127.0.0.1")
    answer = await configured.ask(path, f"X-Forwarded-For: {client}")
    assert answer.status == status
    if status == 403:
        assert reason(answer) == "forbidden"


async def test_nobody_can_claim_another_address(start_configured: StartConfigured) -> None:
    configured = await start_configured(ACCESS)
    assert (await configured.ask("/a", "X-Forwarded-For: 10.1.1.1")).status == 403


CORS = """
    routes:
      - name: a
        match: {prefix: /a, methods: [GET, PUT]}
        service: order_service
        allow: {from: [127.0.0.0/8]}
        cors:
          origins: ["https://shop.example", "https://*.shop.example"]
          methods: [GET, PUT]
          headers: [X-Plan]
          expose: [ETag]
          max_age: 5m
          credentials: true
      - {name: b, match: {prefix: /b}, service: order_service}
      - {name: c, match: {prefix: /c}, service: order_service, cors: {origins: ["*"]}, deny: {from: [127.0.0.0/8]}}
"""


async def _preflight(
    configured: object, path: str, origin: str, method: str = "PUT", fields: str = "x-plan"
) -> RawAnswer:
    answer: RawAnswer = await configured.ask(  # type: ignore[attr-defined]
        path,
        f"Origin: {origin}",
        f"Access-Control-Request-Method: {method}",
        f"Access-Control-Request-Headers: {fields}",
        method="OPTIONS",
    )
    return answer


async def test_a_preflight_is_answered_by_the_routes_policy(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(CORS)
    for origin in ("https://shop.example", "https://a.b.shop.example"):
        answer = await _preflight(configured, "/a/x", origin)
        assert answer.status == 200
        assert answer.values(b"Access-Control-Allow-Origin") == [origin.encode()]
        assert answer.values(b"Access-Control-Allow-Credentials") == [b"true"]
        assert answer.values(b"Access-Control-Max-Age") == [b"300"]
        assert b"PUT" in answer.values(b"Access-Control-Allow-Methods")[0]
        assert b"Origin" in answer.values(b"Vary")[0]
    refused = [
        await _preflight(configured, "/a", "https://evil.example"),
        await _preflight(configured, "/a", "https://shop.example", "PUT", "x-other"),
        # The route does not take it, and there is no other.
        await _preflight(configured, "/a", "https://shop.example", "DELETE"),
        # Refused for its address, as every request there is.
        await _preflight(configured, "/c", "https://shop.example"),
    ]
    for answer in refused:
        assert answer.status in (403, 404)
        assert answer.status == 403 or not answer.values(b"Access-Control-Allow-Origin")
    assert configured.upstream.requests == []
    # CORS is the service's own matter there.
    assert (await _preflight(configured, "/b", "https://shop.example")).status == 200
    assert configured.upstream.requests[-1].request_line == b"OPTIONS /b HTTP/1.1"


async def test_answers_and_refusals_carry_the_fields(start_configured: StartConfigured) -> None:
    configured = await start_configured(CORS)
    answer = await configured.ask("/a", "Origin: https://shop.example")
    assert answer.values(b"Access-Control-Allow-Origin") == [b"https://shop.example"]
    assert b"ETag" in answer.values(b"Access-Control-Expose-Headers")[0]
    denied = await configured.ask("/c", "Origin: https://shop.example")
    assert denied.status == 403
    assert denied.values(b"Access-Control-Allow-Origin") == [b"https://shop.example"]


async def test_a_service_takes_no_more_than_so_many_at_once(
    start_configured: StartConfigured,
) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()
    waiting = 0

    async def when_told(_received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 2:
            asked.set()
        await answers.wait()
        writer.write(OK)

    text = """
        services: {order_service: {concurrent: 2}}
        routes: [{name: a, match: {prefix: /a}, service: order_service}]
    """
    configured = await start_configured(text, when_told)
    both = [asyncio.create_task(configured.ask(path)) for path in ("/a", "/api/order/x")]
    await asked.wait()
    for path in ("/a", "/api/order/x"):
        refused = await configured.ask(path)
        assert (refused.status, reason(refused)) == (503, "overloaded")
        assert refused.values(b"Retry-After") == [b"1"]
    answers.set()
    assert [(await one).status for one in both] == [200, 200]
    assert (await configured.ask("/a")).status == 200


async def test_a_service_has_policies_for_all_of_its_routes(
    start_configured: StartConfigured,
) -> None:
    text = """
        limits: {one: {requests: 1, window: 60s}}
        services: {order_service: {limits: [one], timeouts: {head: 7s}}}
        routes:
          - {name: a, match: {prefix: /a}, service: order_service}
          - {name: b, match: {prefix: /b}, service: order_service, limits: [default], timeouts: {idle: 1s}}
    """
    configured = await start_configured(text, RATE_LIMIT_REQUESTS="2")
    assert await configured.statuses(2, "/a") == [200, 429]
    assert await configured.statuses(1, "/api/order/x") == [429]
    # The limit of RATE_LIMIT_REQUESTS needs no line in the file.
    assert await configured.statuses(3, "/b") == [200, 200, 429]
    table = configured.gateway.gateway.routing.table
    timeouts = table.policy_for("order_service").timeouts
    assert (timeouts.head_s, timeouts.idle_s) == (7.0, 300.0)
