"""`rewrite_location`, from outside: URLs are those of the client's scheme, host and path."""

import asyncio

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import exchange
from tests.support.upstreams import Received, Script

FILE = """
    defaults: {limits: null, rewrite_location: true}
    routes:
      - name: old
        match: {prefix: /old}
        service: order_service
        rewrite: {prefix: /new}
      - name: order
        match: {path: "/orders/{id}"}
        service: order_service
        rewrite: {path: "/v2/orders/{id}"}
      - {name: plain, match: {prefix: /plain}, service: order_service, preserve_host: false}
      - {name: off, match: {prefix: /off}, service: order_service, rewrite: {strip: /off},
         rewrite_location: false}
      - {name: own, match: {prefix: /own}, service: order_service, request: {path: "/in/{path.rest}"}}
"""


def redirecting(location: str, more: str = "") -> Script:
    """Redirect to a place; OWN is the address by which the instance knows itself."""

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1]
        text = location.replace("OWN", f"127.0.0.1:{port}")
        writer.write(
            f"HTTP/1.1 302 Found\r\nLocation: {text}\r\n{more}Content-Length: 0\r\n\r\n".encode()
        )
        await writer.drain()

    return answer


@pytest.mark.parametrize(
    ("path", "location", "outside"),
    [
        ("/api/order/x", "/y", "/api/order/y"),
        ("/api/order/x", "http://OWN/y?a", "http://a.example/api/order/y?a"),
        ("/api/order/x", "http://a.example/y", "http://a.example/api/order/y"),
        ("/api/order/x", "https://a.example/y", "https://a.example/api/order/y"),
        ("/api/order/x", "https://OWN/y", "http://a.example/api/order/y"),
        ("/api/order/x", "http://b.example/y", "http://b.example/y"),
        ("/api/order/x", "y", "y"),
        ("/old/x", "/new/y", "/old/y"),
        ("/old/x", "/y", "/y"),
        ("/orders/7", "/v2/orders/8/", "/orders/8/"),
        ("/plain/x", "http://OWN/plain/y", "http://a.example/plain/y"),
        ("/off/x", "/y", "/y"),
        ("/own/x", "/in/y", "/in/y"),
        ("/own/x", "http://OWN/in/y", "http://a.example/in/y"),
    ],
)
async def test_a_location_is_what_the_client_asks_for_next(
    start_configured: StartConfigured, path: str, location: str, outside: str
) -> None:
    configured = await start_configured(FILE, redirecting(location))
    answer = await configured.ask(path)
    assert (answer.status, answer.values(b"Location")) == (302, [outside.encode()])


async def test_a_trusted_proxy_says_which_scheme_and_host_the_client_used(
    start_configured: StartConfigured,
) -> None:
    said = ("X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example:8443, b")
    for trusted, place in (("127.0.0.1", b"https://shop.example:8443"), ("", b"http://a.example")):
        configured = await start_configured(
            FILE, redirecting("http://OWN/y"), TRUSTED_PROXIES=trusted
        )
        for odd in ((), ("X-Odd: \xff",)):
            answer = await configured.ask("/api/order/x", *said, *odd)
            assert answer.values(b"Location") == [place + b"/api/order/y"]


async def test_a_client_of_http_1_0_without_a_host_gets_a_path(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, redirecting("http://OWN/y"))
    answer = await exchange(configured.gateway.port, b"GET /api/order/x HTTP/1.0\r\n\r\n")
    assert answer.values(b"Location") == [b"/api/order/y"]


async def test_each_cookie_holds_below_the_prefix(start_configured: StartConfigured) -> None:
    more = "Set-Cookie: a=1; Path=/; HttpOnly\r\nSet-Cookie: b=2; Domain=127.0.0.1; Path=/b\r\n"
    configured = await start_configured(FILE, redirecting("/", more))
    answer = await configured.ask("/api/order/x")
    assert answer.values(b"Set-Cookie") == [
        b"a=1; Path=/api/order; HttpOnly",
        b"b=2; Domain=a.example; Path=/api/order/b",
    ]


async def test_a_version_in_the_path_stays_in_it(start_configured: StartConfigured) -> None:
    """The instance does not see it."""
    file = """
        defaults: {limits: null, rewrite_location: true, versions: {from: [{path: strip}]}}
    """
    configured = await start_configured(file, redirecting("/login"), registers=False)
    await configured.gateway.register(
        "order_service", configured.upstream.port, health_check_url="/health", version="2.0.1"
    )
    answer = await configured.ask("/api/order/v2/x")
    assert configured.upstream.requests[-1].target == b"/x"
    assert answer.values(b"Location") == [b"/api/order/v2/login"]
    assert (await configured.ask("/api/order/x")).values(b"Location") == [b"/api/order/login"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/order/v2/x", b"/api/order/v2"),
        ("/shop/v2/x", b"/shop/v2"),
        ("/v2/x", b"/v2"),
        ("/api/order/x", b"/api/order"),
        ("/kept/v2/x", None),
        ("/new/v2/x", None),
    ],
)
@pytest.mark.parametrize("odd", [(), ("X-Odd: \xff",)], ids=["plain", "careful"])
async def test_a_service_is_told_of_the_version_in_its_prefix(
    start_configured: StartConfigured, path: str, told: bytes | None, odd: tuple[str, ...]
) -> None:
    """One that puts X-Forwarded-Prefix before its paths leads clients to the version that they asked for."""
    file = """
        defaults: {limits: null, rewrite_location: true, versions: {from: [{path: strip}]}}
        routes:
          - {name: shop, match: {prefix: /shop}, service: order_service, rewrite: {strip: /shop}}
          - {name: kept, match: {prefix: /kept}, service: order_service}
          - {name: new, match: {prefix: /new}, service: order_service, rewrite: {prefix: /in}}
          - {name: all, match: {prefix: /}, service: order_service}
    """
    prefix = (told or b"").decode()
    configured = await start_configured(file, redirecting(f"{prefix}/login"), registers=False)
    await configured.gateway.register(
        "order_service", configured.upstream.port, health_check_url="/health", version="2.0.1"
    )
    answer = await configured.ask(path, *odd)
    received = configured.upstream.requests[-1]
    assert b"v2" not in received.target
    if told is not None:
        assert received.values(b"X-Forwarded-Prefix") == [told]
        assert answer.values(b"Location") == [told + b"/login"]
    else:
        assert b"v2" not in b"".join(received.values(b"X-Forwarded-Prefix"))


async def test_a_path_of_a_template_has_no_way_back(start_configured: StartConfigured) -> None:
    file = """
        defaults: {limits: null, rewrite_location: true}
        services: {order_service: {request: {path: "/in/{path.rest}"}}}
    """
    configured = await start_configured(file, redirecting("http://OWN/in/y"))
    answer = await configured.ask("/api/order/x")
    assert configured.upstream.requests[-1].target == b"/in/x"
    assert answer.values(b"Location") == [b"http://a.example/in/y"]
