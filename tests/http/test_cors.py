"""CORS is the upstream's own matter by default, and the gateway's with CORS_ORIGINS."""

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawAnswer, exchange
from tests.support.upstreams import ScriptedUpstream

APP = b"https://app.example"
OTHER = b"https://evil.example"
OWN_CORS = (
    b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://theirs.example\r\n"
    b"Access-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: X-Theirs\r\n"
    b"Vary: Accept-Encoding\r\nContent-Length: 2\r\n\r\nok"
)


@pytest.fixture
def start_hop(start_gateway: StartGateway, start_upstream: StartUpstream) -> "StartHop":
    return StartHop(start_gateway, start_upstream)


class StartHop:
    """`await start_hop(CORS_ORIGINS=…)`: a gateway, and an upstream with CORS fields of its own."""

    def __init__(self, start_gateway: StartGateway, start_upstream: StartUpstream) -> None:
        self._start_gateway = start_gateway
        self._start_upstream = start_upstream

    async def __call__(self, **environment: str) -> tuple[RunningGateway, ScriptedUpstream]:
        gateway = await self._start_gateway(**environment)
        upstream = await self._start_upstream(OWN_CORS)
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        return gateway, upstream


async def ask(
    gateway: RunningGateway, method: bytes, *fields: bytes, path: bytes = b"/api/orders"
) -> RawAnswer:
    lines = b"".join(field + b"\r\n" for field in fields)
    request = b"%b %b HTTP/1.1\r\nHost: h\r\n%b\r\n" % (method, path, lines)
    return await exchange(gateway.port, request)


async def preflight(gateway: RunningGateway, origin: bytes, method: bytes = b"PUT") -> RawAnswer:
    return await ask(
        gateway,
        b"OPTIONS",
        b"Origin: " + origin,
        b"Access-Control-Request-Method: " + method,
        b"Access-Control-Request-Headers: x-one, content-type",
    )


def names_in(answer: RawAnswer, field: bytes) -> set[bytes]:
    return {
        name.strip().lower() for value in answer.values(field) for name in value.split(b",") if name
    }


# Off, as it comes


async def test_by_default_the_upstreams_own_fields_pass(start_hop: StartHop) -> None:
    gateway, _ = await start_hop()

    answer = await ask(gateway, b"GET", b"Origin: " + APP)

    assert answer.values(b"access-control-allow-origin") == [b"https://theirs.example"]
    assert answer.values(b"access-control-allow-credentials") == [b"true"]
    assert answer.values(b"access-control-expose-headers") == [b"X-Theirs"]
    assert answer.values(b"vary") == [b"Accept-Encoding"]


async def test_by_default_a_preflight_is_the_upstreams_to_answer(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()

    answer = await preflight(gateway, APP)

    assert answer.body == b"ok"
    assert upstream.requests[0].request_line == b"OPTIONS / HTTP/1.1"
    assert upstream.requests[0].values(b"access-control-request-method") == [b"PUT"]


async def test_by_default_the_gateway_adds_nothing(start_hop: StartHop) -> None:
    gateway, _ = await start_hop()

    answer = await ask(gateway, b"GET", b"Origin: " + APP, path=b"/api/nothing")

    assert answer.status == 404
    assert not [name for name, _ in answer.fields if name.lower().startswith(b"access-control")]
    assert answer.values(b"vary") == []


# On

ORIGINS = {"CORS_ORIGINS": "https://app.example, https://b.example:8443"}


async def test_a_preflight_is_answered_here(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop(**ORIGINS, RATE_LIMIT_REQUESTS="1")

    for _ in range(3):  # and does not count for the limit
        answer = await preflight(gateway, APP)
        assert answer.status in (200, 204)
        assert answer.values(b"access-control-allow-origin") == [APP]
        assert b"put" in names_in(answer, b"access-control-allow-methods")
        assert {b"x-one", b"content-type"} <= names_in(answer, b"access-control-allow-headers")
        assert b"origin" in names_in(answer, b"vary")
        assert answer.values(b"x-correlation-id")
    assert upstream.requests == []


async def test_a_preflight_from_elsewhere_is_allowed_nothing(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop(**ORIGINS)

    answer = await preflight(gateway, OTHER)

    assert answer.values(b"access-control-allow-origin") == []
    assert b"origin" in names_in(answer, b"vary")
    assert upstream.requests == []
    if answer.status >= 400:
        assert answer.values(b"content-type") == [b"application/problem+json"]


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"PATCH", b"DELETE"])
async def test_every_method_may_be_asked_for(start_hop: StartHop, method: bytes) -> None:
    gateway, _ = await start_hop(**ORIGINS)

    answer = await preflight(gateway, b"https://b.example:8443", method)

    assert answer.status in (200, 204)
    assert method.lower() in names_in(answer, b"access-control-allow-methods")


async def test_plain_options_goes_to_the_upstream(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop(**ORIGINS)

    bare = await ask(gateway, b"OPTIONS")
    with_origin = await ask(gateway, b"OPTIONS", b"Origin: " + APP)

    assert (bare.body, with_origin.body) == (b"ok", b"ok")
    assert len(upstream.requests) == 2


async def test_an_allowed_origin_may_read_the_answer_and_our_fields(start_hop: StartHop) -> None:
    gateway, _ = await start_hop(**ORIGINS)

    answer = await ask(gateway, b"GET", b"Origin: " + APP)

    assert answer.body == b"ok"
    assert answer.values(b"access-control-allow-origin") == [APP]
    assert {b"x-correlation-id", b"ratelimit", b"ratelimit-policy"} <= names_in(
        answer, b"access-control-expose-headers"
    )


@pytest.mark.parametrize("origin", [APP, OTHER])
async def test_the_upstreams_fields_are_replaced_and_vary_is_added_to(
    start_hop: StartHop, origin: bytes
) -> None:
    """A browser ignores two Access-Control-Allow-Origin fields."""
    gateway, _ = await start_hop(**ORIGINS)

    answer = await ask(gateway, b"GET", b"Origin: " + origin)

    assert answer.values(b"access-control-allow-origin") == ([APP] if origin == APP else [])
    assert b"theirs" not in answer.head.lower()
    assert names_in(answer, b"vary") == {b"accept-encoding", b"origin"}


async def test_vary_is_there_without_an_origin_too(start_hop: StartHop) -> None:
    """Otherwise a cache could give this answer to a page that needs the fields."""
    gateway, _ = await start_hop(**ORIGINS)

    answer = await ask(gateway, b"GET")

    assert answer.values(b"access-control-allow-origin") == []
    assert names_in(answer, b"vary") == {b"accept-encoding", b"origin"}


async def test_a_page_may_read_failures_too(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop(**ORIGINS, RATE_LIMIT_REQUESTS="1")
    await gateway.register("idle_service", upstream.port, weight=0)

    for path, status in ((b"/api/nothing", 404), (b"/api/idle", 503), (b"/api/orders", 429)):
        answer = await ask(gateway, b"GET", b"Origin: " + APP, path=path)
        assert answer.status == status
        assert answer.values(b"access-control-allow-origin") == [APP]
        assert b"origin" in names_in(answer, b"vary")


async def test_the_wildcard_allows_everybody_and_no_credentials(start_hop: StartHop) -> None:
    gateway, _ = await start_hop(CORS_ORIGINS="*")

    answer = await ask(gateway, b"GET", b"Origin: " + OTHER)

    assert answer.values(b"access-control-allow-origin")[0] in (b"*", OTHER)
    assert answer.values(b"access-control-allow-credentials") == []


async def test_an_origin_in_the_settings_is_compared_as_browsers_send_it(
    start_hop: StartHop,
) -> None:
    """The gateway started with other spellings, but they never matched."""
    gateway, _ = await start_hop(CORS_ORIGINS="HTTPS://App.Example:443/")

    answer = await ask(gateway, b"GET", b"Origin: " + APP)

    assert answer.values(b"access-control-allow-origin") == [APP]


async def test_own_endpoints_are_not_for_pages(start_hop: StartHop) -> None:
    gateway, _ = await start_hop(CORS_ORIGINS="*")

    for path in (b"/health", b"/services"):
        answer = await ask(gateway, b"GET", b"Origin: " + OTHER, path=path)
        assert answer.status == 200
        assert answer.values(b"access-control-allow-origin") == []
