"""A client may send any bytes in any field: it gets an answer, and never a 500."""

import random

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.http.conftest import StartHop
from tests.support.gateways import ADMIN_TOKEN
from tests.support.raw_clients import exchange

EURO = b"\xe2\x82\xac"
ODD = [
    *(
        b"\xff",
        b"\x80",
        b"caf\xc3\xa9",
        EURO,
        "\U0001f600".encode(),
        b"",
        b",",
        b"null",
        b"x;q=\xff",
    ),
    *(
        b"Bearer \xff",
        b'W/"\xff"',
        b"bytes=\xff",
        b"text/html;q=x",
        b"application/json;charset=\xff",
    ),
    *(
        b"application/openmetrics-text;version=x.y",
        b"application/openmetrics-text;version=1.0.\xff",
    ),
    *(
        b"text/plain;version=1.x",
        b"text/plain;version=" + b"9" * 5000,
        b"text/plain;version=\xef\xbc\x91.0",
    ),
]
FIELDS = [
    *(b"Origin", b"Accept", b"Authorization", b"Access-Control-Request-Method", b"Content-Type"),
    *(b"Access-Control-Request-Headers", b"X-Forwarded-For", b"X-Correlation-ID", b"User-Agent"),
    *(b"If-None-Match", b"Cookie", b"Expect", b"Upgrade", b"Connection", b"traceparent", b"Via"),
    *(b"Range", b"Accept-Encoding", b"Content-Encoding", b"If-Modified-Since", b"Forwarded"),
]
PATHS = [
    *(b"/health", b"/ready", b"/status", b"/metrics", b"/services", b"/services/x", b"/heartbeats"),
    *(b"/services/x/instances/y", b"/services/x/instances/y/drain?wait=\xff", b"/services/%FF"),
    *(b"/services/\xff", b"/api/orders", b"/api/orders/\xff\xe2", b"/api/%ff", b"/", b"/nothing"),
    *(b"http://h/health", b"http://\xff/health", b"http://h:99999/api/orders", b"//", b"*"),
]
METHODS = [b"GET", b"HEAD", b"OPTIONS", b"PUT", b"POST", b"DELETE"]


@pytest.mark.parametrize("origins", ["", "*"])
async def test_no_field_of_any_bytes_is_our_error(
    start_gateway: StartGateway, start_upstream: StartUpstream, origins: str
) -> None:
    gateway = await start_gateway(RATE_LIMIT_REQUESTS="0", CORS_ORIGINS=origins)
    await gateway.register("orders_service", (await start_upstream()).port)
    rng = random.Random(11)
    statuses = {}

    for _ in range(600):
        method, path = rng.choice(METHODS), rng.choice(PATHS)
        fields = [(rng.choice(FIELDS), rng.choice(ODD)) for _ in range(rng.randint(1, 4))]
        if rng.random() < 0.3:
            fields.append((b"Authorization", b"Bearer " + ADMIN_TOKEN.encode()))
        if method == b"OPTIONS":
            fields += [(b"Origin", rng.choice(ODD)), (b"Access-Control-Request-Method", b"PUT")]
        lines = b"".join(b"%b: %b\r\n" % field for field in fields)
        head = b"%b %b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%b\r\n" % (method, path, lines)
        answer = await exchange(gateway.port, head, to_head=method == b"HEAD")
        statuses[head] = answer.status

    assert {head for head, status in statuses.items() if status >= 500} == set()
    assert set(statuses.values()) > {200, 400, 404, 405}


async def test_an_origin_that_no_browser_sends_is_allowed_nothing(start_hop: StartHop) -> None:
    """The instance had already acted, but the client got a 500."""
    gateway, upstream = await start_hop(CORS_ORIGINS="*")

    for origin in (EURO, b"https://caf\xe9.example", b"\xff"):
        request = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nOrigin: %b\r\n\r\n" % origin
        answer = await exchange(gateway.port, request)
        assert (answer.status, answer.body) == (200, b"ok")
        assert answer.values(b"access-control-allow-origin") == []
    assert len(upstream.requests) == 3


@pytest.mark.parametrize("value", [EURO + b"\xff", b"a," * 30_000], ids=["not ASCII", "long list"])
@pytest.mark.parametrize(
    "field", [b"Origin", b"Access-Control-Request-Method", b"Access-Control-Request-Headers"]
)
async def test_a_preflight_that_can_not_be_repeated_is_refused(
    start_hop: StartHop, field: bytes, value: bytes
) -> None:
    gateway, _ = await start_hop(CORS_ORIGINS="*")
    fields = {b"Origin": b"https://app.example", b"Access-Control-Request-Method": b"PUT"}
    fields[field] = value

    lines = b"".join(b"%b: %b\r\n" % item for item in fields.items())
    request = b"OPTIONS /api/orders HTTP/1.1\r\nHost: h\r\n%b\r\n" % lines
    answer = await exchange(gateway.port, request)

    assert answer.status == 400
    assert b'"reason":"bad_request"' in answer.body


@pytest.mark.parametrize("version", [b"x.y", b"1.x", b"1.0.\xff", b"9" * 5000])
@pytest.mark.parametrize("kind", [b"application/openmetrics-text", b"text/plain"])
async def test_metrics_of_a_version_that_is_none_are_plain_text(
    start_gateway: StartGateway, kind: bytes, version: bytes
) -> None:
    gateway = await start_gateway()

    accept = b"Accept: %b;version=%b\r\n" % (kind, version)
    answer = await exchange(gateway.port, b"GET /metrics HTTP/1.1\r\nHost: h\r\n%b\r\n" % accept)

    assert answer.status == 200
    assert answer.values(b"content-type")[0].startswith(b"text/plain; version=0.0.4")
    assert b"discovery_registry_up" in answer.body


@pytest.mark.parametrize("path", [b"/nothing", b"/health", b"/api/orders", b"/services/x/y"])
async def test_an_expectation_of_any_bytes_is_one_that_can_not_be_met(
    start_gateway: StartGateway, path: bytes
) -> None:
    gateway = await start_gateway()

    request = b"GET %b HTTP/1.1\r\nHost: h\r\nExpect: \xff\r\n\r\n" % path
    answer = await exchange(gateway.port, request)

    assert answer.status == 417
    assert b'"reason":"expectation_failed"' in answer.body
