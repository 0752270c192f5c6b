"""Answers that are put together from those of services."""

import asyncio
import json

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.composing import SERVICES, Services, said
from tests.support.eventually import eventually
from tests.support.raw_clients import exchange

ACCOUNT = """
    routes:
      - name: account
        match: {path: "/account/{id}"}
        respond:
          headers: {X-Made: here}
          compose:
            partial: /errors
            parts:
              user: {service: user_service, path: "/users/{path.id}"}
              orders:
                service: order_service
                path: "/orders?user={parts.user./id}"
                optional: true
                take: /items
                into: /user/orders
                pass_query: [page]
                pass_headers: [Set-Cookie, X-Cost]
              prices: {service: price_service, path: /prices, into: "", optional: true}
"""
USER = '{"id": 7.0, "big": 12345678901234567890.10}'
ORDERS = '{"items": [ {"n" : 1e2} ], "more": false}'
PRICES = '{"eur": 1.10, "usd": 1.20}'
WHOLE = '{"user":{"id":7.0,"big":12345678901234567890.10,"orders":[ {"n" : 1e2} ]},"eur":1.10,"usd":1.20}'


def services() -> Services:
    return Services(
        {
            "/users/7": said(USER, "Cache-Control: max-age=60", "Vary: Accept", "Set-Cookie: u=1"),
            "/orders?user=7.0": said(
                ORDERS, "Cache-Control: private, max-age=5", "Set-Cookie: o=1", "X-Cost: 3"
            ),
            "/prices": said(PRICES, "Cache-Control: max-age=600", "Vary: accept, X-Plan"),
        }
    )


async def test_the_answers_are_put_together(start_configured: StartConfigured) -> None:
    asked = services()
    configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    answer = await configured.ask("/account/7")
    assert (answer.status, answer.body.decode()) == (200, WHOLE)
    assert answer.values(b"content-type") == [b"application/json"]
    assert answer.values(b"cache-control") == [b"private, max-age=5"]
    assert answer.values(b"vary") == [b"Accept, X-Plan"]
    assert answer.values(b"set-cookie") == [b"o=1"]
    assert answer.values(b"x-cost") == [b"3"]
    assert answer.values(b"x-made") == [b"here"]
    assert answer.values(b"x-partial") == []


async def test_parts_wait_for_those_that_they_need_alone(start_configured: StartConfigured) -> None:
    asked = services()
    asked.gates = {"/users/7": asyncio.Event()}
    configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    client = asyncio.ensure_future(configured.ask("/account/7"))
    await eventually(lambda: len(asked.targets) == 2)
    assert sorted(asked.targets) == ["/prices", "/users/7"]
    asked.gates["/users/7"].set()
    assert (await client).body.decode() == WHOLE
    assert asked.targets[2] == "/orders?user=7.0"


async def test_what_a_part_is_asked(start_configured: StartConfigured) -> None:
    asked = services()
    asked.answers["/orders?user=7.0&page=2%202"] = said('{"items": 1}')
    configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await configured.ask(
        "/account/7?page=2%202&x=1",
        "X-Correlation-ID: abc-123",
        f"traceparent: {trace}",
        "Accept: text/html",
        "Accept-Encoding: gzip",
        "Authorization: Bearer me",
        "X-Auth-Subject: admin",
        "If-None-Match: *",
        "Range: bytes=0-1",
        method="POST",
        body="client's",
    )
    assert answer.status == 200
    sent = asked.of("/orders?user=7.0&page=2%202")
    assert sent.request_line.startswith(b"GET ")
    assert sent.values(b"x-correlation-id") == [b"abc-123"]
    assert sent.values(b"traceparent")[0].split(b"-")[1] == trace.encode().split(b"-")[1]
    assert sent.values(b"host") == [b"a.example"]
    assert sent.values(b"accept") == [b"application/json"]
    assert sent.values(b"accept-encoding") == [b"identity"]
    assert sent.values(b"authorization") == [b"Bearer me"]
    assert sent.values(b"x-forwarded-for") == [b"127.0.0.1"]
    (left,) = sent.values(b"x-request-timeout")
    assert 0 < float(left) <= 5
    for name in (b"x-auth-subject", b"if-none-match", b"range", b"content-length"):
        assert sent.values(name) == []
    assert sent.body == b""


async def test_a_part_that_is_not_there_is_marked(start_configured: StartConfigured) -> None:
    asked = services()
    asked.answers["/orders?user=7.0"] = said("<p>", status=503)
    asked.answers["/prices"] = said("<p>")
    configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    answer = await configured.ask("/account/7")
    assert answer.status == 200
    assert answer.values(b"x-partial") == [
        b"orders;reason=status;status=503, prices;reason=not_json"
    ]
    assert answer.values(b"cache-control") == [b"no-store"]
    assert json.loads(answer.body) == {
        "user": json.loads(USER),
        "errors": {"orders": {"reason": "status", "status": 503}, "prices": {"reason": "not_json"}},
    }


async def test_headers_of_the_file_stand_for_those_of_the_composition(
    start_configured: StartConfigured,
) -> None:
    asked = services()
    del asked.answers["/prices"]
    own = (
        "{Content-Type: a/b, cache-control: no-cache, VARY: '*', X-Partial: some, set-cookie: f=1}"
    )
    file = SERVICES + ACCOUNT.replace("{X-Made: here}", own)
    configured = await start_configured(file, asked, registers=False)
    answer = await configured.ask("/account/7")
    assert answer.status == 200
    for name, value in (
        (b"content-type", b"a/b"),
        (b"cache-control", b"no-cache"),
        (b"vary", b"*"),
        (b"x-partial", b"some"),
        (b"set-cookie", b"f=1"),
    ):
        assert answer.values(name) == [value]


async def test_without_a_value_a_part_is_left_out(start_configured: StartConfigured) -> None:
    asked = services()
    asked.answers["/users/7"] = said('{"name": "me"}')
    configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    answer = await configured.ask("/account/7")
    assert answer.values(b"x-partial") == [b"orders;reason=skipped"]
    assert sorted(asked.targets) == ["/prices", "/users/7"]


@pytest.mark.parametrize("status", [404, 401])
async def test_what_a_required_part_says_of_the_request_is_passed_on(
    start_configured: StartConfigured, status: int
) -> None:
    asked = services()
    fields = ("Content-Type: application/problem+json", "WWW-Authenticate: Bearer", "Server: x")
    asked.answers["/users/7"] = said('{"reason": "its own"}', *fields, status=status)
    configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    answer = await configured.ask("/account/7")
    assert (answer.status, answer.body) == (status, b'{"reason": "its own"}')
    assert answer.values(b"content-type") == [b"application/problem+json"]
    assert answer.values(b"www-authenticate") == [b"Bearer"]


@pytest.mark.parametrize(
    ("said_of_user", "detail"),
    [
        (said("{}", status=500), "the part user failed: its service answered 500"),
        (said("{}", "Location: /", status=302), "the part user failed: its service answered 302"),
        (
            said("nope"),
            "the part user failed: its answer is not JSON: it has no value at character 0",
        ),
        (
            said("[" * 5000 + "]" * 5000),
            "the part user failed: its answer is not JSON: it is nested too deep",
        ),
        (said(b'"\xed\xa0\x80"'), "the part user failed: its answer is not JSON: it is not UTF-8"),
        (
            said(json.dumps("x" * 1024 * 1024)),
            "the part user failed: its answer is larger than 1 MiB",
        ),
        (
            said(b"x", "Content-Encoding: gzip"),
            "the part user failed: its answer is encoded, which was not asked for",
        ),
    ],
    ids=["500", "302", "no JSON", "too deep", "no UTF-8", "too large", "encoded"],
)
async def test_without_a_required_part_there_is_no_answer(
    start_configured: StartConfigured, said_of_user: bytes, detail: str
) -> None:
    asked = services()
    asked.answers["/users/7"] = said_of_user
    configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    answer = await configured.ask("/account/7")
    told = json.loads(answer.body)
    assert (answer.status, told["reason"], told["detail"]) == (502, "part_failed", detail)


async def test_what_is_passed_on_gets_no_type_of_its_own(start_configured: StartConfigured) -> None:
    asked = services()
    asked.answers["/users/7"] = said("what?", status=404)
    configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    answer = await configured.ask("/account/7")
    assert (answer.status, answer.body) == (404, b"what?")
    assert answer.values(b"content-type") == []
    assert answer.values(b"server") == [b"lockgate"]


async def test_head_has_the_fields_of_get_alone(start_configured: StartConfigured) -> None:
    configured = await start_configured(SERVICES + ACCOUNT, services(), registers=False)
    answer = await configured.ask("/account/7", "Connection: close", method="HEAD")
    assert answer.status == 200
    assert answer.values(b"content-length") == [str(len(WHOLE)).encode()]
    assert answer.body == b""


async def test_a_value_stays_in_its_segment(start_configured: StartConfigured) -> None:
    """Values with slashes and dots would lead elsewhere in the service."""
    file = SERVICES + ACCOUNT.replace("{path.id}", "{query.id}")
    asked = services()
    configured = await start_configured(file, asked, registers=False)
    for value in ("..", "a%2Fb", "%2E%2E", "a%5Cb", "%252e", ""):
        answer = await configured.ask(f"/account/7?id={value}")
        assert (answer.status, json.loads(answer.body)["reason"]) == (400, "bad_request")
    answer = await configured.ask("/account/7")
    assert json.loads(answer.body)["detail"] == (
        "the part user can't be asked: the request has no {query.id}"
    )
    assert "/users/7" not in asked.targets


async def test_a_value_of_a_part_that_leads_elsewhere_is_not_the_clients_fault(
    start_configured: StartConfigured,
) -> None:
    asked = services()
    asked.answers["/users/7"] = said('{"id": ".."}')
    file = SERVICES + ACCOUNT.replace("/orders?user={parts.user./id}", "/orders/{parts.user./id}")
    configured = await start_configured(file, asked, registers=False)
    answer = await configured.ask("/account/7")
    assert answer.values(b"x-partial") == [b"orders;reason=skipped"]
    text = file.replace("optional: true", "optional: false")
    configured.write(text.replace("PORT", str(configured.upstream.port)))
    await configured.gateway.admin("POST", "/config/reload")
    told = json.loads((await configured.ask("/account/7")).body)
    assert (told["status"], told["reason"]) == (502, "part_failed")
    assert told["detail"] == (
        "the part orders failed: with {parts.user./id}, the path has a segment of dots"
    )
    assert not any(target.startswith("/orders") for target in asked.targets)


POSTED = """
    routes:
      - name: quote
        match: {path: "/quote"}
        respond:
          status: 201
          compose:
            parts:
              user: {service: user_service, path: "/users/7"}
              quote:
                service: price_service
                path: /quotes
                method: POST
                headers: {X-Plan: "{parts.user./id} {query.plan}"}
                body: {user: "{parts.user}", plan: "{query.plan}", n: [1, null]}
                into: ""
              stamp: {service: price_service, path: /stamps, method: PUT, optional: true}
"""


async def test_a_part_with_a_body(start_configured: StartConfigured) -> None:
    asked = services()
    asked.answers["/quotes"] = said('{"price": 1.50, "user": null}', status=201)
    asked.answers["/stamps"] = said("", status=204)
    configured = await start_configured(SERVICES + POSTED, asked, registers=False)
    answer = await configured.ask("/quote?plan=%22gold%22", "X-Plan: iron", "Content-Type: a/b")
    assert (answer.status, answer.body) == (201, b'{"user":null,"price":1.50,"stamp":null}')
    sent = asked.of("/quotes")
    assert sent.request_line.startswith(b"POST ")
    assert sent.body.decode() == f'{{"user":{USER},"plan":"\\"gold\\"","n":[1,null]}}'
    assert sent.values(b"content-type") == [b"application/json"]
    assert sent.values(b"x-plan") == [b'7.0 "gold"']
    assert asked.of("/stamps").values(b"content-length") == [b"0"]


async def test_a_long_answer_is_whole(start_configured: StartConfigured) -> None:
    asked = services()
    long = json.dumps(["x" * 1000] * 1000)
    asked.answers["/prices"] = said(long)
    file = (SERVICES + ACCOUNT).replace('into: "", ', "")
    configured = await start_configured(file, asked, registers=False)
    answer = await configured.ask("/account/7")
    assert json.loads(answer.body)["prices"] == json.loads(long)
    head = await configured.ask("/account/7", "Connection: close", method="HEAD")
    assert head.values(b"content-length") == [str(len(answer.body)).encode()]


async def test_a_reload_changes_a_composition(start_configured: StartConfigured) -> None:
    asked = services()
    configured: Configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    assert (await configured.ask("/account/7")).body.decode() == WHOLE
    text = (SERVICES + ACCOUNT).replace("take: /items", "take: /more")
    configured.write(text.replace("PORT", str(configured.upstream.port)))
    told = (await configured.gateway.admin("POST", "/config/reload")).json()
    assert told["differences"] == [
        "route account: respond.compose.parts.orders.take: /items → /more"
    ] or "respond" in str(told)
    body = json.loads((await configured.ask("/account/7")).body)
    assert body["user"]["orders"] is False


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /account/7 HTTP/1.0\r\n\r\n",
        b"GET http://a.example/account/7 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
        b"GET /account/7 HTTP/1.1\r\nHost: a.example\r\nConnection: close, X-Own\r\nX-Own: 1\r\n\r\n",
    ],
    ids=["without a host", "absolute", "with a field of its connection"],
)
async def test_other_forms_of_requests(
    start_configured: StartConfigured, request_head: bytes
) -> None:
    asked = services()
    configured = await start_configured(SERVICES + ACCOUNT, asked, registers=False)
    answer = await exchange(configured.gateway.port, request_head)
    assert (answer.status, answer.body.decode()) == (200, WHOLE)
    assert all(one.values(b"x-own") == [] for one in asked.asked)
    assert all(len(one.values(b"host")) == 1 for one in asked.asked)
