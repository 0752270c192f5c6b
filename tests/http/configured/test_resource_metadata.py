"""The documents by which a client finds out whose tokens a resource takes (RFC 9728)."""

import json
from typing import Any

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.raw_clients import RawAnswer, exchange

WELL_KNOWN = "/.well-known/oauth-protected-resource"
#: Nobody answers at these issuers, which no document needs.
FILE = """\
auth:
  users:
    type: jwt
    issuer: https://a.example
    audience: a
    algorithms: [ES256]
    jwks_url: http://127.0.0.1:9/
    scopes_supported: [orders:read, orders:write]
  others:
    type: jwt
    issuer: https://b.example/x
    audience: a
    algorithms: [ES256]
    jwks_url: http://127.0.0.1:9/
  gate: {type: forward, url: http://127.0.0.1:9/}
defaults: {auth: {any_of: [gate]}}
services:
  price_service: {auth: {any_of: [others]}}
routes:
  - name: read
    match: {path: "/orders/{id}", methods: [GET]}
    service: order_service
    auth: {any_of: [users], scopes: {all: [orders:read]}}
  - name: write
    match: {path: "/orders/{id}", methods: [PUT]}
    service: order_service
    auth: {any_of: [gate, others, users]}
  - name: mine
    match: {prefix: /mine, host: b.example}
    service: order_service
    auth: {any_of: [others], scopes: {any: [x]}}
  - {name: open, match: {prefix: /open, host: b.example}, service: order_service, auth: none}
  - {name: own, match: {prefix: /.well-known, host: own.example}, service: order_service, auth: none}
  - name: taken
    match: {prefix: /.well-known/oauth-protected-resource, host: taken.example}
    service: order_service
    auth: none
  - name: taking
    match: {prefix: /, host: taken.example}
    service: order_service
    auth: {any_of: [users]}
"""


def document(answer: RawAnswer) -> Any:
    assert answer.status == 200
    assert answer.values(b"Content-Type") == [b"application/json"]
    return json.loads(answer.body)


async def metadata(configured: Configured, path: str = "", host: str = "a.example") -> Any:
    return document(await configured.ask(WELL_KNOWN + path, host=host))


async def test_each_resource_that_takes_tokens_has_a_document(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    # Two routes of one path, for different methods: a client may use either.
    assert await metadata(configured, "/orders/7") == {
        "resource": "http://a.example/orders/7",
        "authorization_servers": ["https://a.example", "https://b.example/x"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["orders:read", "orders:write"],
    }
    assert await metadata(configured, "/mine/deep/below", "b.example:81") == {
        "resource": "http://b.example:81/mine/deep/below",
        "authorization_servers": ["https://b.example/x"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["x"],
    }
    found = await metadata(configured, "/api/price/prices")
    assert found["authorization_servers"] == ["https://b.example/x"]


async def test_a_host_has_a_document_of_all_its_resources(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    everywhere = await metadata(configured)
    assert everywhere["resource"] == "http://a.example"
    assert everywhere["authorization_servers"] == ["https://a.example", "https://b.example/x"]
    assert (await metadata(configured, "", "b.example"))["scopes_supported"] == ["x"]


async def test_where_no_tokens_are_taken_there_is_no_document(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    for path in ("/api/order_service/x", "/nothing", "/open/1"):
        assert (await configured.ask(WELL_KNOWN + path, host="b.example")).status == 404
    plain = await start_configured(
        "routes: [{name: a, match: {prefix: /a}, service: order_service}]"
    )
    assert (await plain.ask(WELL_KNOWN)).status == 404


async def test_a_service_that_has_such_a_path_itself_keeps_it(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    assert (await configured.ask(f"{WELL_KNOWN}/x", host="own.example")).body == b"ok"
    assert (await configured.ask(WELL_KNOWN, host="taken.example")).body == b"ok"


async def test_the_document_is_where_a_challenge_says(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE)
    for path in ("/orders/7?a=b", "/orders/a%20b", "/orders/a(b)~"):
        (challenge,) = (await configured.ask(path)).values(b"WWW-Authenticate")
        url = challenge.decode().partition('resource_metadata="')[2].rstrip('"')
        found = document(await configured.ask(url.removeprefix("http://a.example")))
        assert found["resource"] == f"http://a.example{path.partition('?')[0]}"


async def test_what_a_client_asks_for_can_put_nothing_into_the_challenge(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    for path in ('/orders/a"b', "/orders/a'b\\", "/orders/" + "x" * 2000):
        answer = await configured.ask(path)
        if answer.status == 401:
            assert answer.values(b"WWW-Authenticate") == [
                f'Bearer resource_metadata="http://a.example{WELL_KNOWN}"'.encode()
            ]


async def test_who_names_no_host_gets_no_document(start_configured: StartConfigured) -> None:
    """Its resource would have been "http:///orders/7"."""
    configured = await start_configured(FILE)
    request = f"GET {WELL_KNOWN}/orders/7 HTTP/1.0\r\n\r\n"
    answer = await exchange(configured.gateway.port, request.encode())
    assert answer.status == 400
    assert json.loads(answer.body)["reason"] == "bad_request"


async def test_the_routes_that_are_shown_have_one_for_each_host(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    routes = (await configured.gateway.admin("GET", "/routes")).json()["routes"]
    shown = [one for one in routes if one["match"].get("path") == WELL_KNOWN]
    assert [one["match"].get("host") for one in shown] == ["b.example", None]
    assert shown[1]["ways"] == ["users", "others"]
