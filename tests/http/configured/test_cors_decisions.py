"""Which pages may read what, as a table: what each answer says for CORS."""

import json
from dataclasses import dataclass

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import RawAnswer

SHOP = "https://shop.example"
BELOW = "https://a.b.shop.example"
EVIL = "https://shop.example.evil.example"

FILE = """
    limits: {one: {requests: 1, window: 60s}}
    services:
      kept: {urls: ["http://127.0.0.1:PORT"]}
    routes:
      - name: exact
        match: {prefix: /exact}
        service: kept
        cors:
          {origins: ["https://shop.example"], methods: [GET, PUT], headers: [X-Plan, X-Two], expose: [ETag],
           max_age: 5m, credentials: true}
      - {name: below, match: {prefix: /below}, service: kept, cors: {origins: ["https://*.shop.example"]}}
      - {name: any, match: {prefix: /any}, service: kept, cors: {origins: ["*"], max_age: 0}}
      - {name: plain, match: {prefix: /plain}, service: kept}
      - {name: own, match: {prefix: /own}, respond: {body: here}, cors: {origins: ["https://shop.example"]}}
      - {name: moved, match: {prefix: /moved}, redirect: {path: /own}, cors: {origins: ["https://shop.example"]}}
      - {name: limited, match: {prefix: /limited}, service: kept, limits: [one], cors: {origins: ["https://shop.example"]}}
      - {name: small, match: {prefix: /small}, service: kept, max_body: 1, cors: {origins: ["https://shop.example"]}}
      - {name: denied, match: {prefix: /denied}, service: kept, deny: {from: [127.0.0.0/8]}, cors: {origins: ["https://shop.example"]}}
      - {name: nobody, match: {prefix: /nobody}, service: no_such_service, cors: {origins: ["https://shop.example"]}}
      - {name: get, match: {prefix: /split, methods: [GET]}, service: kept, cors: {origins: ["https://shop.example"]}}
      - {name: put, match: {prefix: /split, methods: [PUT]}, service: kept, cors: {origins: ["https://*.shop.example"]}}
      - {name: gold, match: {prefix: /gold, headers: {X-Plan: gold}}, service: kept, cors: {origins: ["https://shop.example"]}}
"""
#: The service has CORS fields of its own.
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: https://own.example\r\n"
    b"Access-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: X-Own\r\n"
    b"Vary: Accept\r\n\r\nok"
)


def values(answer: RawAnswer, name: str) -> set[str]:
    """The elements of a list field, in lower case."""
    lines = [value.decode() for value in answer.values(name.encode())]
    return {one.strip().lower() for line in lines for one in line.split(",")}


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says; `origin` None: the page may not read it."""

    origin: str | None
    credentials: bool = False
    expose: frozenset[str] = frozenset()

    @classmethod
    def by(cls, answer: RawAnswer) -> "Told":
        origins = answer.values(b"Access-Control-Allow-Origin")
        assert len(origins) <= 1
        return cls(
            origins[0].decode() if origins else None,
            answer.values(b"Access-Control-Allow-Credentials") == [b"true"],
            frozenset(values(answer, "Access-Control-Expose-Headers")),
        )


#: The gateway's own fields, which pages may read.
OF_THE_GATEWAY = frozenset(
    [
        *("x-correlation-id", "ratelimit", "ratelimit-policy", "ratelimit-limit"),
        *("ratelimit-remaining", "ratelimit-reset", "retry-after"),
    ]
)
ETAG = frozenset(["etag"])


@pytest.mark.parametrize(
    ("path", "origin", "told"),
    [
        ("/exact", SHOP, Told(SHOP, credentials=True, expose=ETAG)),
        ("/exact", None, Told(None)),
        ("/exact", "null", Told(None)),
        ("/exact", EVIL, Told(None)),
        ("/exact", BELOW, Told(None)),
        ("/exact", "http://shop.example", Told(None)),
        ("/exact", "https://shop.example:8443", Told(None)),
        ("/exact", "https://SHOP.example", Told(None)),
        ("/exact", "https://shop.example, https://evil.example", Told(None)),
        ("/exact", "shop.example", Told(None)),
        ("/exact", "*", Told(None)),
        ("/exact", "", Told(None)),
        ("/below", BELOW, Told(BELOW)),
        ("/below", "https://a.shop.example", Told("https://a.shop.example")),
        ("/below", SHOP, Told(None)),
        ("/below", "https://evilshop.example", Told(None)),
        ("/below", "https://.shop.example", Told(None)),
        ("/below", "http://a.shop.example", Told(None)),
        ("/below", "https://a.shop.example:8443", Told(None)),
        ("/below", "https://evil.example/.shop.example", Told(None)),
        ("/below", "null", Told(None)),
        # Without credentials it is the same whether the origin or `*` is named.
        ("/any", SHOP, Told(SHOP)),
        ("/any", "null", Told("null")),
        ("/any", EVIL, Told(EVIL)),
        ("/own", SHOP, Told(SHOP)),
        ("/own", EVIL, Told(None)),
        ("/moved", SHOP, Told(SHOP)),
        ("/denied", SHOP, Told(SHOP)),
        ("/denied", EVIL, Told(None)),
        ("/nobody", SHOP, Told(SHOP)),
        ("/split", SHOP, Told(SHOP)),
        ("/split", BELOW, Told(None)),
    ],
)
async def test_what_a_page_may_read(
    start_configured: StartConfigured, path: str, origin: str | None, told: Told
) -> None:
    configured = await start_configured(FILE, ANSWER)
    answer = await configured.ask(path, *([] if origin is None else [f"Origin: {origin}"]))
    came = Told.by(answer)
    assert Told(came.origin, came.credentials, came.expose - OF_THE_GATEWAY) == told
    assert "origin" in values(answer, "Vary")
    if path == "/exact":
        assert "accept" in values(answer, "Vary")


async def test_the_services_own_fields_pass_where_the_route_has_no_policy(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, ANSWER)
    for path in ("/plain", "/api/order/x"):
        for fields in ([], [f"Origin: {SHOP}"]):
            answer = await configured.ask(path, *fields)
            assert Told.by(answer) == Told("https://own.example", True, frozenset(["x-own"]))
            assert values(answer, "Vary") == {"accept"}
    preflight = await configured.ask(
        "/plain", f"Origin: {SHOP}", "Access-Control-Request-Method: PUT", method="OPTIONS"
    )
    assert Told.by(preflight).origin == "https://own.example"
    assert configured.upstream.requests[-1].request_line == b"OPTIONS /plain HTTP/1.1"


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/limited", "", 429, "rate_limited"),
        ("/small", "xx", 413, "body_too_large"),
        ("/denied", "", 403, "forbidden"),
        ("/nobody", "", 503, "no_healthy_instance"),
    ],
)
async def test_a_page_may_read_refusals(
    start_configured: StartConfigured, path: str, body: str, status: int, reason: str
) -> None:
    configured = await start_configured(FILE, ANSWER)
    for _ in range(2):
        answer = await configured.ask(path, f"Origin: {SHOP}", method="POST", body=body)
    assert (answer.status, json.loads(answer.body)["reason"]) == (status, reason)
    assert Told.by(answer).origin == SHOP
    assert "origin" in values(answer, "Vary")


@pytest.mark.parametrize(
    ("path", "origin", "method", "fields", "status"),
    [
        ("/exact", SHOP, "PUT", "x-plan", 200),
        ("/exact", SHOP, "PUT", "X-PLAN, x-two", 200),
        ("/exact", SHOP, "PUT", "x-plan,x-two", 200),
        ("/exact", SHOP, "GET", None, 200),
        ("/exact", SHOP, "PUT", "", 200),
        ("/exact", SHOP, "PUT", "x-plan, x-other", 403),
        ("/exact", SHOP, "PUT", "x-pla", 403),
        ("/exact", SHOP, "DELETE", None, 403),
        ("/exact", SHOP, "put", None, 403),
        ("/exact", EVIL, "PUT", None, 403),
        ("/exact", "null", "PUT", None, 403),
        ("/below", BELOW, "PURGE", "x-any, authorization", 200),
        ("/below", SHOP, "GET", None, 403),
        ("/any", EVIL, "DELETE", "x-any", 200),
        ("/any", "null", "GET", None, 200),
        ("/own", SHOP, "PATCH", None, 200),
        ("/moved", SHOP, "GET", None, 200),
        ("/nobody", SHOP, "GET", None, 200),
        ("/denied", SHOP, "GET", None, 403),
        # Each route by the method that is asked for; conditions on headers don't count.
        ("/split", SHOP, "GET", None, 200),
        ("/split", BELOW, "GET", None, 403),
        ("/split", BELOW, "PUT", None, 200),
        ("/split", SHOP, "PUT", None, 403),
        ("/split", SHOP, "DELETE", None, 404),
        ("/gold", SHOP, "GET", "x-plan", 200),
    ],
)
async def test_a_preflight(
    start_configured: StartConfigured,
    path: str,
    origin: str,
    method: str,
    fields: str | None,
    status: int,
) -> None:
    configured = await start_configured(FILE, ANSWER)
    asked = [f"Origin: {origin}", f"Access-Control-Request-Method: {method}"]
    if fields is not None:
        asked.append(f"Access-Control-Request-Headers: {fields}")
    answer = await configured.ask(path, *asked, method="OPTIONS")
    assert answer.status == status
    assert configured.upstream.requests == []
    told = Told.by(answer)
    if status == 200:
        assert told.origin == origin
        assert told.credentials == (path == "/exact")
        assert method.lower() in values(answer, "Access-Control-Allow-Methods")
        allowed = values(answer, "Access-Control-Allow-Headers")
        assert {one.strip().lower() for one in (fields or "").split(",") if one} <= allowed
        max_age = {"/exact": [b"300"], "/any": [b"0"]}.get(path, [b"600"])
        assert answer.values(b"Access-Control-Max-Age") == max_age
    elif path != "/denied":
        assert told.origin is None
        assert not answer.values(b"Access-Control-Allow-Methods")
    if status != 404:
        assert {
            "origin", "access-control-request-method", "access-control-request-headers",
        } <= values(answer, "Vary")  # fmt: skip


async def test_an_ambiguous_path_has_no_route_and_so_no_policy(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, ANSWER)
    answer = await configured.ask("/exact/%2e", f"Origin: {SHOP}")
    assert (answer.status, Told.by(answer)) == (400, Told(None))


@pytest.mark.parametrize(
    ("origin", "method", "fields", "told"),
    [
        (EVIL, "GET", "", f"origin '{EVIL}' is not allowed"),
        (SHOP, "DELETE", "", f"request method 'DELETE' is not allowed for '{SHOP}' origin"),
        (SHOP, "GET", "x-plan, x-other", "headers are not allowed: X-OTHER"),
    ],
)
async def test_a_refused_preflight_says_what_is_not_allowed(
    start_configured: StartConfigured, origin: str, method: str, fields: str, told: str
) -> None:
    """The answer said `Forbidden`, and nobody knew which part of the policy to look at."""
    configured = await start_configured(FILE, ANSWER)
    answer = await configured.ask(
        "/exact",
        f"Origin: {origin}",
        f"Access-Control-Request-Method: {method}",
        f"Access-Control-Request-Headers: {fields}",
        method="OPTIONS",
    )
    problem = json.loads(answer.body)
    assert (answer.status, problem["reason"]) == (403, "forbidden")
    assert problem["detail"] == f"CORS preflight request failed: {told}"
