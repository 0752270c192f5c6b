"""Every kind of request passes the same door: handshakes, uploads, preflights, and routes without a service."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.passwords import basic, htpasswd
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import Received

FILE = """
    auth:
      ops: {type: basic, users_file: users}
      others: {type: basic, users_file: others}
    defaults:
      auth: {any_of: [ops]}
    services:
      kept_service: {urls: ["http://127.0.0.1:PORT"]}
    routes:
      - {name: guarded, match: {prefix: /guarded}, service: order_service}
      - {name: kept, match: {prefix: /kept}, service: kept_service}
      - {name: open, match: {prefix: /open}, service: order_service, auth: none}
      - {name: answered, match: {prefix: /answered}, respond: {body: here}}
      - {name: answered_to_all, match: {prefix: /hello}, respond: {body: hello}, auth: none}
      - {name: moved, match: {prefix: /moved}, redirect: {prefix: /guarded}}
      - {name: shared, match: {prefix: /shared}, service: order_service,
         cors: {origins: ["https://app.example"], credentials: true}}
      - {name: near, match: {prefix: /near}, service: order_service, deny: {from: [127.0.0.0/8]}}
      - {name: both, match: {prefix: /both}, service: order_service, auth: {any_of: [ops, others]}}
      - {name: passing, match: {prefix: /passing}, service: order_service,
         auth: {any_of: [ops], pass_credentials: true}}
"""
ALICE, MALLORY, EVE = basic("alice", "one"), basic("alice", "two"), basic("eve", "three")
CHALLENGE = b'Basic realm="lockgate", charset="UTF-8"'
WEBSOCKET = [
    *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]
PREFLIGHT = ["Origin: https://app.example", "Access-Control-Request-Method: PUT"]


@pytest.fixture(autouse=True)
def _users(tmp_path: Path) -> None:
    (tmp_path / "users").write_bytes(htpasswd(alice="one"))
    (tmp_path / "others").write_bytes(htpasswd(eve="three"))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/guarded", "/kept", "/api/order/x", "/answered", "/moved/x"])
async def test_without_a_credential_no_method_gets_in(
    start_configured: StartConfigured, method: str, path: str
) -> None:
    configured = await start_configured(FILE)
    for fields in ([], [MALLORY], ["Authorization: Bearer lg_x"], ["Authorization:"]):
        request = f"{method} {path} HTTP/1.1\r\nHost: h\r\n{''.join(f + chr(13) + chr(10) for f in fields)}\r\n"
        async with await RawClient.connect(configured.gateway.port) as client:
            await client.send(request.encode())
            answer = await client.answer(to_head=method == "HEAD")
        assert (fields, answer.status) == (fields, 401)
        assert answer.values(b"WWW-Authenticate") == [CHALLENGE]
        assert answer.values(b"Location") == []
    assert configured.upstream.requests == []


async def test_an_answer_without_a_service_needs_a_credential_too(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    assert (await configured.ask("/answered", ALICE)).body == b"here"
    moved = await configured.ask("/moved/x", ALICE)
    assert (moved.status, moved.values(b"Location")) == (302, [b"http://a.example/guarded/x"])
    assert (await configured.ask("/hello")).body == b"hello"


@pytest.mark.parametrize("upgrade", ["websocket", "something-else"])
async def test_a_handshake_that_is_not_admitted_reaches_nobody(
    start_configured: StartConfigured, upgrade: str
) -> None:
    configured = await start_configured(FILE)
    fields = [line.replace("websocket", upgrade) for line in WEBSOCKET]
    for credential in ([], [MALLORY]):
        answer = await configured.ask("/guarded", *fields, *credential)
        assert answer.status == 401
        assert answer.values(b"Upgrade") == []
    assert configured.upstream.requests == []


async def test_a_body_is_not_asked_for_before_the_door(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE)
    head = b"PUT /guarded HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(head + b"\r\n")
        assert (await client.answer()).status == 401
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(head + ALICE.encode() + b"\r\n\r\n")
        assert (await client.answer()).status == 100
        await client.send(b"12345")
        assert (await client.answer()).status == 200
    assert [one.body for one in configured.upstream.requests] == [b"12345"]


async def test_requests_in_a_row_are_each_asked(start_configured: StartConfigured) -> None:
    """All on one connection and at once, with bodies between them."""

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        body = received.target
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    configured = await start_configured(FILE, answer)
    signed, forged = ALICE.encode(), MALLORY.encode()
    post = b"POST /guarded/%b HTTP/1.1\r\nHost: h\r\n%bContent-Length: 3\r\n\r\nabc"
    get = b"GET /guarded/%b HTTP/1.1\r\nHost: h\r\n%b\r\n"
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(
            (post % (b"1", signed + b"\r\n"))
            + (get % (b"2", b""))
            + (get % (b"3", signed + b"\r\n"))
            + (get % (b"4", forged + b"\r\n"))
            + (get % (b"5", signed + b"\r\n"))
        )
        answers = [await client.answer() for _ in range(5)]
    assert [one.status for one in answers] == [200, 401, 200, 401, 200]
    assert [one.target for one in configured.upstream.requests] == [
        b"/guarded/1",
        b"/guarded/3",
        b"/guarded/5",
    ]


async def test_a_preflight_needs_no_credential_and_what_follows_does(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    preflight = await configured.ask("/shared", *PREFLIGHT, method="OPTIONS")
    assert preflight.status == 200
    assert preflight.values(b"Access-Control-Allow-Origin") == [b"https://app.example"]
    refused = await configured.ask("/shared", PREFLIGHT[0], method="PUT")
    assert refused.status == 401
    # Without it a browser shows the page nothing of the refusal.
    assert refused.values(b"Access-Control-Allow-Origin") == [b"https://app.example"]
    assert configured.upstream.requests == []


async def test_a_preflight_of_a_service_that_answers_it_itself_carries_no_credential(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    for fields in (PREFLIGHT, [*PREFLIGHT, ALICE], [*PREFLIGHT, MALLORY, "X-Auth-Subject: root"]):
        assert (await configured.ask("/guarded", *fields, method="OPTIONS")).status == 200
    assert len(configured.upstream.requests) == 3
    for received in configured.upstream.requests:
        assert received.values(b"authorization") == []
        assert b"x-auth-" not in received.head.lower()


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GET", PREFLIGHT),
        ("OPTIONS", PREFLIGHT[:1]),
        ("OPTIONS", PREFLIGHT[1:]),
        ("POST", [*PREFLIGHT, "X-HTTP-Method-Override: OPTIONS"]),
        ("OPTIONS", [*PREFLIGHT, "Connection: Upgrade", "Upgrade: something-else"]),
    ],
)
async def test_what_only_looks_like_a_preflight_is_asked(
    start_configured: StartConfigured, method: str, fields: list[str]
) -> None:
    configured = await start_configured(FILE)
    assert (await configured.ask("/guarded", *fields, method=method)).status == 401
    assert configured.upstream.requests == []


@pytest.mark.parametrize(
    "rest",
    ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
)
async def test_a_preflight_with_a_body_is_no_way_in(
    start_configured: StartConfigured, rest: str
) -> None:
    """What a service does with a body of OPTIONS nobody knows."""
    configured = await start_configured(FILE)
    lines = "".join(f"{line}\r\n" for line in ("Host: h", *PREFLIGHT))
    request = f"OPTIONS /guarded HTTP/1.1\r\n{lines}{rest}".encode()
    assert (await exchange(configured.gateway.port, request)).status == 401
    assert configured.upstream.requests == []


@pytest.mark.parametrize("path", ["/answered", "/moved/x"])
async def test_a_preflight_does_not_get_an_answer_that_stands_behind_the_door(
    start_configured: StartConfigured, path: str
) -> None:
    configured = await start_configured(FILE)
    answer = await configured.ask(path, *PREFLIGHT, method="OPTIONS")
    assert (answer.status, answer.values(b"Location")) == (401, [])
    assert b"here" not in answer.body


async def test_who_is_denied_by_address_is_not_asked_who_it_is(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    for fields in ([], [ALICE], [MALLORY]):
        answer = await configured.ask("/near", *fields)
        assert (answer.status, answer.values(b"WWW-Authenticate")) == (403, [])


async def test_a_route_with_two_ways_admits_by_either_and_names_each_challenge_once(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    assert await configured.statuses(1, "/both", ALICE) == [200]
    assert await configured.statuses(1, "/both", EVE) == [200]
    assert await configured.statuses(1, "/guarded", EVE) == [401]
    subjects = [one.values(b"x-auth-subject") for one in configured.upstream.requests]
    assert subjects == [[b"alice"], [b"eve"]]
    assert (await configured.ask("/both")).values(b"WWW-Authenticate") == [CHALLENGE]


async def test_what_an_instance_gets_of_credentials(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE)
    spelled = ALICE.replace("Authorization", "aUTHORIZATION")
    for path, line in (
        *(("/guarded", ALICE), ("/guarded", spelled), ("/api/order/x", ALICE)),
        *(("/passing", ALICE), ("/open", ALICE), ("/open", MALLORY)),
    ):
        assert await configured.statuses(1, path, line, "X-Other: kept", "Cookie: a=b") == [200]
    got = [one.values(b"authorization") for one in configured.upstream.requests]
    value = ALICE.partition(": ")[2].encode()
    assert got == [[], [], [], [value], [value], [MALLORY.partition(": ")[2].encode()]]
    assert all(one.values(b"x-other") == [b"kept"] for one in configured.upstream.requests)
    assert all(one.values(b"cookie") == [b"a=b"] for one in configured.upstream.requests)


async def test_the_endpoints_of_the_gateway_are_none_of_the_doors(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    for path in ("/health", "/ready"):
        assert (await configured.ask(path)).status == 200
    # What a way admits is no right to administer.
    answer = await configured.ask("/config/reload", ALICE, method="POST")
    assert (answer.status, json.loads(answer.body)["reason"]) == (401, "unauthorized")


async def test_a_path_without_a_route_tells_nobody_of_a_door(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    for fields in ([], [ALICE], [MALLORY]):
        answer = await configured.ask("/nothing", *fields)
        assert (answer.status, answer.values(b"WWW-Authenticate")) == (404, [])


@pytest.mark.parametrize(
    "path",
    ["/guarded/../open/x", "/open/../guarded", "//guarded", "/%67uarded", "/open/%2e%2e/guarded"],
)
async def test_no_spelling_of_a_path_goes_around(
    start_configured: StartConfigured, path: str
) -> None:
    configured = await start_configured(FILE)
    answer = await configured.ask(path)
    assert answer.status in (400, 401)
    assert configured.upstream.requests == []


async def test_an_absolute_target_is_asked_as_its_path(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE)
    for line in (b"GET http://h/guarded HTTP/1.1", b"GET http://other/guarded HTTP/1.0"):
        answer = await exchange(configured.gateway.port, line + b"\r\nHost: h\r\n\r\n")
        assert answer.status == 401
    assert configured.upstream.requests == []
