"""`response.errors`: rules for headers hold for the gateway's own errors too, and only where asked."""

import json

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.gateways import ADMIN_TOKEN

FILE = """
    auth: {keys: {type: api_key}}
    limits: {one: {requests: 1, window: 1h}}
    defaults:
      limits: null
      auth: none
      response:
        errors: true
        headers:
          set: {X-Frame-Options: DENY, X-Path: "{method} {query.a}", content-type: text/x}
          remove: [Retry-After]
    routes:
      - {name: closed, match: {prefix: /closed}, service: order_service, auth: {any_of: [keys]}}
      - {name: limited, match: {prefix: /limited}, service: order_service, limits: [one]}
      - {name: gone, match: {prefix: /gone}, service: nobody}
      - {name: here, match: {path: /here}, respond: {body: here}}
      - {name: quiet, match: {prefix: /quiet}, service: nobody, response: {errors: false}}
      - {name: other, match: {prefix: /other}, service: nobody, response: {headers: {remove: [X-None]}}}
      - {name: off, match: {prefix: /off}, service: nobody, response: null}
"""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/closed", 401),
        ("/gone", 503),
        ("/nowhere", 404),
        ("/api/nobody", 404),
    ],
)
async def test_errors_have_what_the_rules_set(
    start_configured: StartConfigured, path: str, status: int
) -> None:
    configured = await start_configured(FILE)
    answer = await configured.ask(f"{path}?a=%0d%0ab")
    assert answer.status == status
    assert answer.values(b"X-Frame-Options") == [b"DENY"]
    assert answer.values(b"X-Path") == [b"GET %0D%0Ab"]
    assert answer.values(b"Content-Type") == [b"text/x"]
    assert answer.values(b"Retry-After") == []
    assert json.loads(answer.body)["status"] == status
    assert len(answer.values(b"X-Correlation-ID")) == 1


async def test_a_limited_client_sees_them_too(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE)
    first, second = [await configured.ask("/limited?a=1") for _ in range(2)]
    assert (first.status, second.status) == (200, 429)
    for answer in (first, second):
        assert answer.values(b"X-Path") == [b"GET 1"]
    assert second.values(b"RateLimit")


@pytest.mark.parametrize("path", ["/quiet", "/off", "/other"])
async def test_a_route_says_otherwise(start_configured: StartConfigured, path: str) -> None:
    configured = await start_configured(FILE)
    answer = await configured.ask(path)
    assert answer.status == 503
    assert answer.values(b"X-Frame-Options") == []


async def test_answers_of_the_gateways_own_endpoints_stay(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    for path in ("/keys", "/health", "/services/none"):
        answer = await configured.ask(path)
        assert answer.values(b"X-Frame-Options") == [], path
    token = f"Authorization: Bearer {ADMIN_TOKEN}"
    assert (await configured.ask("/keys", token)).values(b"X-Frame-Options") == []


async def test_nothing_is_changed_where_nobody_asks(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE.replace("errors: true", "errors: false"))
    answer = await configured.ask("/gone")
    assert answer.values(b"Content-Type") == [b"application/problem+json"]
    assert answer.values(b"X-Frame-Options") == []


async def test_bytes_that_are_not_utf_8_are_replaced(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE)
    answer = await configured.ask("/gone?a=%fcb%C3%BC")
    assert answer.values(b"X-Path") == ["GET \ufffdbü".encode()]
