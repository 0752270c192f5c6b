"""Routes of a file, from outside: which requests they take, and what the service then gets."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.http.configured.conftest import StartConfigured
from tests.support.gateway_processes import gateway_process
from tests.support.raw_clients import exchange

ROUTES = """
    routes:
      - name: orders
        match: {host: shop.example, path: "/orders/{id}", methods: [GET, HEAD]}
        service: order_service
        rewrite: {path: "/v2/orders/{id}"}
      - name: shop
        match: {host: "*.example", prefix: /shop}
        service: order_service
        rewrite: {strip: /shop}
      - name: new
        match: {prefix: /old}
        service: order_service
        rewrite: {prefix: /new}
      - name: plain
        match: {prefix: /plain}
        service: order_service
"""


@pytest.mark.parametrize(
    ("host", "path", "target", "prefix"),
    [
        ("shop.example", "/orders/7", "/v2/orders/7", None),
        ("SHOP.example:8080", "/orders/7?a=1%2F2", "/v2/orders/7?a=1%2F2", None),
        ("shop.example", "/orders/a%20b", "/v2/orders/a%20b", None),
        ("a.b.example", "/shop/x//y", None, None),
        ("a.b.example", "/shop/x/y?q", "/x/y?q", "/shop"),
        ("a.b.example", "/shop", "/", "/shop"),
        ("h", "/old/x", "/new/x", "/old"),
        ("h", "/plain/x%41?y=%zz", "/plain/x%41?y=%zz", None),
    ],
)
async def test_what_the_service_gets(
    start_configured: StartConfigured, host: str, path: str, target: str | None, prefix: str | None
) -> None:
    configured = await start_configured(ROUTES)
    answer = await configured.ask(path, host=host)
    if target is None:
        assert (answer.status, json.loads(answer.body)["reason"]) == (400, "ambiguous_path")
        return
    assert answer.status == 200
    received = configured.upstream.requests[-1]
    assert received.target == target.encode()
    assert received.values(b"X-Forwarded-Prefix") == ([prefix.encode()] if prefix else [])
    assert received.values(b"Host") == [host.encode()]


async def test_a_request_that_was_read_carefully_goes_the_same_way(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(ROUTES)
    answer = await configured.ask("/shop/x", "X-Odd: \xff", "Connection: te", host="a.example")
    received = configured.upstream.requests[-1]
    assert (answer.status, received.target) == (200, b"/x")
    assert received.values(b"X-Forwarded-Prefix") == [b"/shop"]


async def test_the_log_names_the_route(start_configured: StartConfigured) -> None:
    configured = await start_configured(ROUTES)
    with capture_logs() as logs:
        await configured.ask("/plain/x")
    assert [one["route"] for one in logs if one["event"] == "request"] == ["plain"]


@pytest.mark.parametrize(
    ("says", "sent"),
    [
        ("", b"asked.example"),
        ("preserve_host: true", b"asked.example"),
        ("preserve_host: false", None),
        ("rewrite: {host: legacy.internal}", b"legacy.internal"),
    ],
)
async def test_the_host_that_the_service_gets(
    start_configured: StartConfigured, says: str, sent: bytes | None
) -> None:
    configured = await start_configured(
        f"routes: [{{name: all, match: {{prefix: /x}}, service: order_service, {says}}}]"
    )
    await configured.ask("/x", host="asked.example")
    received = configured.upstream.requests[-1]
    own = f"127.0.0.1:{configured.upstream.port}".encode()
    assert received.values(b"Host") == [own if sent is None else sent]
    assert received.values(b"X-Forwarded-Host") == [b"asked.example"]


OWN_ANSWERS = """
    discover: false
    routes:
      - name: home
        match: {prefix: /}
        respond: {status: 202, headers: {Content-Type: text/plain, X-One: "1"}, body: here}
      - name: old
        match: {host: old.example}
        redirect: {scheme: https, host: shop.example, port: 443, prefix: /shop, status: 301}
      - name: limited
        match: {path: /limited}
        limits: [one]
        respond: {}
    limits: {one: {requests: 1, window: 60s}}
"""


async def test_answers_without_a_service(start_configured: StartConfigured) -> None:
    configured = await start_configured(OWN_ANSWERS)
    home = await configured.ask("/anything?x")
    assert (home.status, home.body) == (202, b"here")
    assert home.values(b"X-One") == [b"1"]
    assert home.values(b"Content-Type") == [b"text/plain"]
    assert home.values(b"X-Correlation-ID")
    head = await configured.gateway.request("HEAD", "/anything")
    assert (head.status, head.headers["Content-Length"], head.body) == (202, "4", b"")
    posted = await configured.ask("/anything", method="POST", body="x" * 100_000)
    assert posted.status == 202
    old = await configured.ask("/a/b?c=d", host="old.example:8080")
    assert (old.status, old.values(b"Location")) == (301, [b"https://shop.example/shop/a/b?c=d"])
    assert await configured.statuses(2, "/limited") == [200, 429]
    assert configured.upstream.requests == []


@pytest.mark.parametrize(
    ("says", "kinds"),
    [
        ("body: here", [b"text/plain; charset=utf-8"]),
        ("body: here, headers: {content-type: text/html}", [b"text/html"]),
        ("status: 204", []),
    ],
)
async def test_the_kind_of_an_answer_without_a_service(
    start_configured: StartConfigured, says: str, kinds: list[bytes]
) -> None:
    """It was application/octet-stream, which browsers save instead of showing it."""
    configured = await start_configured(
        f"routes: [{{name: a, match: {{}}, respond: {{{says}}}}}]", registers=False
    )
    assert (await configured.ask("/x")).values(b"Content-Type") == kinds


async def test_a_route_comes_before_the_page_and_the_endpoints_before_a_route(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(OWN_ANSWERS)
    assert (await configured.ask("/")).body == b"here"
    assert (await configured.ask("/", method="POST")).body == b"here"
    assert json.loads((await configured.ask("/health")).body)["status"] == "healthy"
    assert json.loads((await configured.ask("/services")).body)["count"] == 1
    assert (await configured.ask("/services/x/y/z")).body == b"here"


async def test_where_no_route_takes_it_there_is_the_page(start_configured: StartConfigured) -> None:
    configured = await start_configured(
        "routes: [{name: a, match: {host: a.example}, respond: {body: here}}]"
    )
    assert (await configured.ask("/", host="a.example")).body == b"here"
    page = await configured.ask("/", host="b.example")
    assert json.loads(page.body)["service"] == "api_gateway"
    refused = await configured.ask("/", host="b.example", method="POST")
    assert (refused.status, refused.values(b"Allow")) == (405, [b"GET, HEAD"])


async def test_what_registers_has_its_route_beside_the_file(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(ROUTES)
    assert (await configured.ask("/api/order/x//y;z?q")).status == 200
    received = configured.upstream.requests[-1]
    assert received.target == b"/x//y;z?q"
    assert received.values(b"X-Forwarded-Prefix") == [b"/api/order"]


@pytest.mark.parametrize(
    ("discover", "path", "status"),
    [("/gw", "/gw/order/x", 200), ("/gw", "/api/order/x", 404), ("false", "/api/order/x", 404)],
)
async def test_discover(
    start_configured: StartConfigured, discover: str, path: str, status: int
) -> None:
    configured = await start_configured(f"discover: {discover}")
    assert (await configured.ask(path)).status == status


async def test_a_configured_route_wins_over_a_discovered_one(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(
        "routes: [{name: a, match: {prefix: /api/order/x}, respond: {body: here}}]"
    )
    assert (await configured.ask("/api/order/x/y")).body == b"here"
    assert (await configured.ask("/api/order/y")).body == b"ok"
    # A service could read this as /api/order/x.
    refused = await configured.ask("/api/order/y/%2e%2e/x")
    assert (refused.status, json.loads(refused.body)["reason"]) == (400, "ambiguous_path")


async def test_a_service_that_nobody_knows(start_configured: StartConfigured) -> None:
    configured = await start_configured("routes: [{name: a, match: {prefix: /a}, service: nobody}]")
    answer = await configured.ask("/a")
    assert (answer.status, json.loads(answer.body)["reason"]) == (503, "no_healthy_instance")


NEAREST = """
    routes:
      - {name: orders, match: {host: shop.example, path: /orders, methods: [GET, HEAD]}, respond: {}}
      - {name: gold, match: {path: /plans, headers: {X-Plan: gold}}, respond: {}}
"""


@pytest.mark.parametrize(
    ("method", "host", "path", "told"),
    [
        ("POST", "shop.example", "/orders", "the nearest route is orders, which takes GET and HEAD"),
        ("GET", "shop.example", "/orders/7", "the nearest route is orders, which has the path /orders"),
        ("GET", "h", "/plans", "the nearest route is gold"),
        ("GET", "h", "/orders", "the nearest route is orders"),
    ],
)  # fmt: skip
async def test_a_404_names_the_nearest_route(
    start_configured: StartConfigured, method: str, host: str, path: str, told: str
) -> None:
    configured = await start_configured(NEAREST)
    answer = await configured.ask(path, host=host, method=method)
    problem = json.loads(answer.body)
    assert (answer.status, problem["reason"]) == (404, "route_not_found")
    assert problem["detail"].endswith(told)


async def test_a_404_tells_hosts_and_fields_to_the_operator_alone(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(NEAREST)
    answer = await configured.gateway.admin("GET", "/plans")
    assert answer.json()["detail"].endswith("which has a condition on the field x-plan")
    answer = await configured.gateway.admin("GET", "/orders")
    assert answer.json()["detail"].endswith("which is on the host shop.example")


async def test_with_a_port_for_admins_nearly_all_paths_are_for_routes(
    start_configured: StartConfigured, unused_tcp_port: int
) -> None:
    configured = await start_configured(
        "routes: [{name: all, match: {}, respond: {body: here}}]",
        registers=False,
        ADMIN_LISTEN=f"127.0.0.1:{unused_tcp_port}",
    )
    for path in ("/services", "/status", "/metrics", "/"):
        assert (await configured.ask(path)).body == b"here"
    assert json.loads((await configured.ask("/health")).body)["status"] == "healthy"


@pytest.mark.parametrize("field", ["Accept: */*", "Expect: 100-continue"])
async def test_the_port_for_admins_has_the_endpoints_alone(
    tmp_path: Path, registry_url: str, unused_tcp_port: int, field: str
) -> None:
    """Routes of the file took the paths of the endpoints there too, or had them answered with 404."""
    file = tmp_path / "lockgate.yaml"
    file.write_text(
        "routes: [{name: all, match: {}, respond: {body: here}, cors: {origins: ['https://a.com']}}]"
    )
    listen = f"127.0.0.1:{unused_tcp_port}"
    async with gateway_process(
        tmp_path, registry_url, GATEWAY_CONFIG=str(file), ADMIN_LISTEN=listen
    ):
        for path, status in (
            *((own, 200) for own in ("/", "/health", "/ready", "/services", "/status", "/metrics")),
            ("/mine", 404),
        ):
            request = (
                f"GET {path} HTTP/1.1\r\nHost: {listen}\r\n{field}\r\nOrigin: https://a.com\r\n\r\n"
            )
            answer = await exchange(unused_tcp_port, request.encode())
            assert (answer.status, answer.body == b"here") == (status, False), path
            assert b"Access-Control" not in answer.head


PREFIXES = """
    routes:
      - {name: home, match: {prefix: /}, respond: {body: home}}
      - {name: mine, match: {host: mine.example, prefix: /}, respond: {body: mine}}
      - {name: x, match: {prefix: /api/order/x}, respond: {body: x}}
"""


@pytest.mark.parametrize(
    ("host", "path", "body"),
    [
        ("h", "/", "home"),
        ("h", "/a", "home"),
        ("h", "/api", "home"),
        ("h", "/api/nobody/y", "home"),
        # Its prefix has more segments than `/`,
        ("h", "/api/order/y", "ok"),
        ("h", "/api/order//y;z", "ok"),
        # and fewer than this one.
        ("h", "/api/order/x/y", "x"),
        # An exact host comes before any.
        ("mine.example", "/api/order/y", "mine"),
        ("h", "/api/order/y/../x", None),
        ("mine.example", "/api/order//y", None),
    ],
)
async def test_a_discovered_route_counts_by_its_segments(
    start_configured: StartConfigured, host: str, path: str, body: str | None
) -> None:
    configured = await start_configured(PREFIXES)
    answer = await configured.ask(path, host=host)
    if body is None:
        assert json.loads(answer.body)["reason"] == "ambiguous_path"
    else:
        assert answer.body == body.encode()


@pytest.mark.parametrize(("discover", "route"), [("/gw", "/gw/order"), ("false", None)])
async def test_a_listing_names_the_route_that_there_is(
    start_configured: StartConfigured, discover: str, route: str | None
) -> None:
    configured = await start_configured(f"discover: {discover}")
    (public,) = json.loads((await configured.ask("/services")).body)["services"]
    (inside,) = (await configured.gateway.admin("GET", "/services")).json()["services"]
    assert public["route"] == inside["route"] == route
