"""Forward auth: what the deciding service is told, what its answers do, and what is remembered."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from middlewares.auth.ways.forward.way import MOST_HELD_BYTES, REMEMBERED
from tests.conftest import StartKeepAlive
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer, RawClient, exchange
from tests.support.upstreams import KeepAliveUpstream, Received, ServedConnection

FILE = """
    discover: false
    auth:
      gate: {type: forward, url: "http://127.0.0.1:AUTH/check?for=shop", %s}
    routes:
      - name: orders
        match: {prefix: /}
        service: order_service
        auth: {any_of: [gate]%s}
"""
SENDS = "send: [Authorization, Cookie], take: [X-User, X-Groups]"
REMEMBERS = f"{SENDS}, remember: 1h"

Answers = Callable[[Received], bytes]
StartGate = Callable[..., Awaitable[tuple[Configured, KeepAliveUpstream]]]


def admit(user: str = "alice", more: str = "") -> bytes:
    return (f"HTTP/1.1 200 OK\r\nX-User: {user}\r\n{more}Content-Length: 2\r\n\r\nok").encode(
        "latin-1"
    )


ALICE = admit()


def by_cookie(received: Received) -> bytes:
    """Admit whoever has a cookie, under its value."""
    cookies = received.values(b"cookie")
    if not cookies:
        return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    return admit(cookies[0].decode("latin-1"))


@pytest.fixture
def start_gate(start_configured: StartConfigured, start_keep_alive: StartKeepAlive) -> StartGate:
    """`await start_gate(answers, way, route)`: a gateway with a way of forward auth, and its service.

    With `others`, which are more lines of the file, registered services have routes below /api.
    """

    async def start(
        answers: bytes | Answers | Any = ALICE,
        way: str = SENDS,
        route: str = "",
        others: str = "",
        **environment: str,
    ) -> tuple[Configured, KeepAliveUpstream]:
        async def answer(received: Received, connection: ServedConnection) -> None:
            said = answers if isinstance(answers, bytes) else answers(received)
            if asyncio.iscoroutine(said):
                said = await said
            await connection.send(said)

        service = await start_keep_alive(answer)
        text = (FILE % (way, route)).replace("AUTH", str(service.port)).rstrip() + others
        if others:
            text = text.replace("discover: false", "discover: /api")
        return await start_configured(text, **environment), service

    return start


def sent(configured: Configured) -> Received:
    return configured.upstream.requests[-1]


async def test_the_service_is_told_of_the_request_by_a_get(start_gate: StartGate) -> None:
    configured, service = await start_gate()
    fields = ["Authorization: Bearer abc", "Cookie: a=1", "X-Secret: no", "Accept: text/html"]
    answer = await configured.ask("/a%20b?q=1", *fields, method="DELETE", body="lots")
    assert answer.status == 200
    [asked] = service.requests
    assert asked.request_line == b"GET /check?for=shop HTTP/1.1"
    assert asked.body == b""
    assert asked.values(b"x-forwarded-method") == [b"DELETE"]
    assert asked.values(b"x-forwarded-uri") == [b"/a%20b?q=1"]
    assert asked.values(b"x-forwarded-host") == [b"a.example"]
    assert asked.values(b"x-forwarded-proto") == [b"http"]
    assert asked.values(b"x-forwarded-for") == [b"127.0.0.1"]
    assert asked.values(b"x-correlation-id") == answer.values(b"x-correlation-id")
    assert asked.values(b"host") == [f"127.0.0.1:{service.port}".encode()]
    assert asked.values(b"authorization") == [b"Bearer abc"]
    assert asked.values(b"cookie") == [b"a=1"]
    for name in (b"x-secret", b"accept", b"user-agent", b"content-type", b"content-length"):
        assert asked.values(name) == []


async def test_what_a_client_says_of_itself_is_not_what_the_service_hears(
    start_gate: StartGate,
) -> None:
    configured, service = await start_gate(way="send: [Cookie, X-Tenant]")
    lies = ["X-Forwarded-Uri: /public", "X-Forwarded-Method: OPTIONS", "X-Forwarded-For: 10.0.0.1"]
    lies += ["X-Forwarded-Host: inside", "X-Forwarded-Proto: https", "X_Tenant: other"]
    await configured.ask("/private", *lies, "X-Tenant: own")
    [asked] = service.requests
    assert asked.values(b"x-forwarded-uri") == [b"/private"]
    assert asked.values(b"x-forwarded-method") == [b"GET"]
    assert asked.values(b"x-forwarded-for") == [b"127.0.0.1"]
    assert asked.values(b"x-forwarded-host") == [b"a.example"]
    assert asked.values(b"x-forwarded-proto") == [b"http"]
    assert asked.values(b"x-tenant") == [b"own"]
    assert asked.values(b"x_tenant") == []


async def test_every_value_of_a_field_arrives_in_its_order(start_gate: StartGate) -> None:
    configured, service = await start_gate(way="send: [Cookie, X-Tenant]")
    await configured.ask("/", "Cookie: a=1", "X-Tenant: x", "cookie: b=2", "X-Tenant: y, z")
    [asked] = service.requests
    assert asked.values(b"cookie") == [b"a=1", b"b=2"]
    assert asked.values(b"x-tenant") == [b"x", b"y, z"]


async def test_behind_a_trusted_proxy_the_service_hears_of_the_client(
    start_gate: StartGate,
) -> None:
    configured, service = await start_gate(TRUSTED_PROXIES="127.0.0.1")
    await configured.ask("/", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https")
    [asked] = service.requests
    assert asked.values(b"x-forwarded-for") == [b"203.0.113.9"]
    assert asked.values(b"x-forwarded-proto") == [b"https"]


async def test_the_instance_gets_the_fields_to_take_and_the_identity(start_gate: StartGate) -> None:
    configured, _ = await start_gate(
        admit("alice", "X-Groups: a\r\nX-Groups: b\r\nX-Other: no\r\n")
    )
    await configured.ask("/", "Cookie: a=1", "Authorization: Bearer x", "Accept: */*")
    received = sent(configured)
    assert received.values(b"x-user") == [b"alice"]
    assert received.values(b"x-groups") == [b"a", b"b"]
    assert received.values(b"x-other") == []
    assert received.values(b"x-auth-subject") == [b"alice"]
    assert received.values(b"x-auth-method") == [b"forward"]
    assert received.values(b"authorization") == received.values(b"cookie") == []
    assert received.values(b"accept") == [b"*/*"]


async def test_credentials_pass_where_the_route_says_so(start_gate: StartGate) -> None:
    configured, _ = await start_gate(route=", pass_credentials: true")
    await configured.ask("/", "Cookie: a=1", "Authorization: Bearer x", "X-User: root")
    received = sent(configured)
    assert received.values(b"cookie") == [b"a=1"]
    assert received.values(b"authorization") == [b"Bearer x"]
    assert received.values(b"x-user") == [b"alice"]


SPOOFS = [
    ["X-User: root"],
    ["x-USER: root"],
    ["X_User: root"],
    ["x_user: root", "X-User: root"],
    ["X-User: root", "X-User: admin"],
    ["X-Groups: admins", "X_Groups: admins"],
    ["Connection: X-User", "X-User: root"],
    ["Connection: X-User, X-Groups", "X-Groups: admins"],
    ["Connection: close, x_user", "X_User: root"],
    ["X-Auth-Subject: root", "X_Auth_Subject: root", "x-auth-method: mtls"],
]


@pytest.mark.parametrize("fields", SPOOFS)
@pytest.mark.parametrize("passes", [False, True])
async def test_no_client_says_who_it_is_whether_the_answer_says_it_or_not(
    fields: list[str], passes: bool, start_gate: StartGate
) -> None:
    named = iter([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", admit("alice")])
    route = ", pass_credentials: true" if passes else ""
    configured, _ = await start_gate(lambda _: next(named), route=route)
    for users in ([], [b"alice"]):
        assert (await configured.ask("/", *fields, "Cookie: a=1")).status == 200
        received = sent(configured)
        assert received.values(b"x-user") == users
        assert received.values(b"x-auth-subject") == (users or [b"anonymous"])
        assert received.values(b"x-auth-method") == [b"forward"]
        for name in (b"x-groups", b"x_user", b"x_groups", b"x_auth_subject"):
            assert received.values(name) == []
        assert b"root" not in received.head
        assert b"admin" not in received.head


OTHER_ROUTES = """
      - {name: open, match: {prefix: /open}, service: order_service, auth: none}
    defaults: {auth: none}
"""


@pytest.mark.parametrize("fields", SPOOFS)
async def test_nor_does_it_on_another_route_of_the_file(
    fields: list[str], start_gate: StartGate
) -> None:
    configured, service = await start_gate(others=OTHER_ROUTES)
    for path in ("/open", "/api/order/x"):
        assert (await configured.ask(path, *fields, "Cookie: a=1", "Accept: */*")).status == 200
        received = sent(configured)
        assert b"root" not in received.head
        assert b"admin" not in received.head
        assert received.values(b"cookie") == [b"a=1"]
        assert received.values(b"accept") == [b"*/*"]
    assert service.requests == []


async def test_a_credential_that_the_service_gives_replaces_the_clients_on_its_routes_alone(
    start_gate: StartGate,
) -> None:
    gives = b"HTTP/1.1 200 OK\r\nAuthorization: Bearer inside\r\nContent-Length: 0\r\n\r\n"
    way = "send: [Cookie], take: [Authorization]"
    route = ", pass_credentials: true"
    configured, _ = await start_gate(gives, way, route, others=OTHER_ROUTES)
    fields = ["Authorization: Bearer outside", "Cookie: a=1"]
    for path, arrives in (("/", b"Bearer inside"), ("/open", b"Bearer outside")):
        assert (await configured.ask(path, *fields)).status == 200
        assert sent(configured).values(b"authorization") == [arrives]


async def test_no_client_says_who_it_is_in_a_trailer_or_behind_a_body(
    start_gate: StartGate,
) -> None:
    configured, _ = await start_gate()
    request = "3\r\nabc\r\n0\r\nX-User: root\r\nX-Auth-Subject: root\r\n\r\n"
    lines = ["Transfer-Encoding: chunked", "Trailer: X-User", "Cookie: a=1"]
    head = "".join(f"{line}\r\n" for line in ("Host: a.example", *lines))
    answer = await exchange(
        configured.gateway.port, f"POST / HTTP/1.1\r\n{head}\r\n{request}".encode()
    )
    assert answer.status == 200
    received = sent(configured)
    assert received.values(b"x-user") == [b"alice"]
    assert received.body == b"abc"
    assert b"root" not in received.head + received.body


async def test_an_answer_can_not_put_fields_into_the_request_by_its_values(
    start_gate: StartGate,
) -> None:
    configured, _ = await start_gate(admit("alice\rX-Admin: 1"))
    assert (await configured.ask("/", "Cookie: a=1")).status == 503
    assert configured.upstream.requests == []


@pytest.mark.parametrize("status", ["302 Found", "401 Unauthorized", "403 Forbidden", "429 Slow"])
async def test_every_other_answer_is_the_clients(status: str, start_gate: StartGate) -> None:
    fields = [
        "Location: https://id.example/log-in",
        'WWW-Authenticate: Bearer realm="theirs"',
        "Set-Cookie: a=1; Path=/",
        "Set-Cookie: b=2; Path=/",
        "Content-Type: text/html",
        "Retry-After: 7",
    ]
    hop = ["Connection: X-Hop, keep-alive", "X-Hop: 1", "Keep-Alive: timeout=9"]
    head = "".join(f"{line}\r\n" for line in (*fields, *hop, "Content-Length: 4"))
    configured, service = await start_gate(f"HTTP/1.1 {status}\r\n{head}\r\nno!\n".encode())
    answer = await configured.ask("/", "Cookie: a=1")
    assert answer.status == int(status[:3])
    assert answer.body == b"no!\n"
    assert answer.values(b"location") == [b"https://id.example/log-in"]
    assert answer.values(b"www-authenticate") == [b'Bearer realm="theirs"']
    assert answer.values(b"set-cookie") == [b"a=1; Path=/", b"b=2; Path=/"]
    assert answer.values(b"content-type") == [b"text/html"]
    assert answer.values(b"x-hop") == answer.values(b"keep-alive") == []
    assert len(answer.values(b"x-correlation-id")) == 1
    assert len(service.requests) == 1, "redirects are not followed"
    assert configured.upstream.requests == []


async def test_what_a_refusal_says_of_cors_is_not_believed_where_the_gateway_decides_it(
    start_gate: StartGate,
) -> None:
    said = (
        b"HTTP/1.1 401 Unauthorized\r\nAccess-Control-Allow-Origin: *\r\n"
        b"access-control-allow-credentials: true\r\nAccess-Control-Max-Age: 9\r\nContent-Length: 0\r\n\r\n"
    )
    plain, _ = await start_gate(said)
    assert (await plain.ask("/")).values(b"Access-Control-Allow-Origin") == [b"*"]
    cors = '\n        cors: {origins: ["https://app.example"]}'
    configured, _ = await start_gate(said, others=cors)
    for origin, allowed in (("https://app.example", True), ("https://other.example", False)):
        answer = await configured.ask("/", f"Origin: {origin}")
        assert answer.status == 401
        told = [origin.encode()] if allowed else []
        assert answer.values(b"Access-Control-Allow-Origin") == told
        assert answer.values(b"Access-Control-Allow-Credentials") == []
        assert answer.values(b"Access-Control-Max-Age") == []


async def test_an_answer_to_head_has_no_body(start_gate: StartGate) -> None:
    configured, service = await start_gate(
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!"
    )
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await client.answer(to_head=True)).status == 403
        assert (await client.answer()).body == b"no!"
    assert service.requests[0].values(b"x-forwarded-method") == [b"HEAD"]


async def test_a_client_gets_at_most_1_mib_of_an_answer(start_gate: StartGate) -> None:
    size = 1024 * 1024
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n"
    answers = iter([head % size + b"a" * size, head % (3 * size) + b"a" * 3 * size])
    configured, _ = await start_gate(lambda _: next(answers))
    for _ in range(2):
        answer = await configured.ask("/", "Cookie: a=1")
        assert (answer.status, len(answer.body), answer.complete) == (403, size, True)


async def test_an_endless_answer_is_cut_off_before_the_time_is_up(start_gate: StartGate) -> None:
    async def endless(received: Received) -> bytes:
        return b"HTTP/1.1 403 Forbidden\r\n\r\n" + b"a" * 2**21

    configured, _ = await start_gate(endless, f"{SENDS}, timeout: 30s")
    answer = await configured.ask("/", "Cookie: a=1")
    assert (answer.status, len(answer.body)) == (403, 2**20)


INVALID = [
    b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\nRetry-After: 99\r\n\r\n",
    b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"SSH-2.0-OpenSSH\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"HTTP/1.1 200 OK\r\nX-User alice\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-User: " + b"a" * 2**17 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-User: a\r\nX-User: b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
]


@pytest.mark.parametrize("said", INVALID, ids=lambda said: said[:40])
async def test_what_is_no_decision_admits_nobody(said: bytes, start_gate: StartGate) -> None:
    async def say(received: Received) -> bytes:
        return said

    configured, _ = await start_gate(say, f"{REMEMBERS}, timeout: 5s")
    answer = await configured.ask("/", "Cookie: a=1")
    assert_unavailable(answer)
    assert configured.upstream.requests == []


async def test_a_long_field_goes_to_the_instance(start_gate: StartGate) -> None:
    long = "g" * 12_000
    configured, _ = await start_gate(admit("alice", f"X-Groups: {long}\r\n"))
    assert (await configured.ask("/", "Cookie: a=1")).status == 200
    assert sent(configured).values(b"x-groups") == [long.encode()]


async def test_status_says_how_the_service_last_failed(start_gate: StartGate) -> None:
    answers = iter([ALICE, b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n", ALICE])
    configured, _ = await start_gate(lambda _: next(answers), REMEMBERS)
    for cookie, remembered, failure in (("a", 1, None), ("b", 1, "it answers 500"), ("c", 2, None)):
        await configured.ask("/", f"Cookie: {cookie}")
        status = await configured.gateway.admin("GET", "/status")
        said = status.json()["auth"]["gate"]
        assert (said["remembered"], said["last_failure"]) == (remembered, failure)


async def test_a_service_that_breaks_off_admits_nobody(start_gate: StartGate) -> None:
    async def break_off(received: Received) -> bytes:
        raise ConnectionError

    configured, _ = await start_gate(break_off)
    assert_unavailable(await configured.ask("/", "Cookie: a=1"))


async def test_a_service_that_is_silent_or_slow_with_its_body_admits_nobody(
    start_gate: StartGate,
) -> None:
    released = asyncio.Event()

    async def wait(received: Received) -> bytes:
        if b"slow=1" in received.values(b"cookie"):
            return b"HTTP/1.1 200 OK\r\nX-User: alice\r\nContent-Length: 9\r\n\r\nabc"
        await released.wait()
        return admit()

    configured, _ = await start_gate(wait, f"{SENDS}, timeout: 100ms")
    assert_unavailable(await configured.ask("/", "Cookie: a=1"))
    assert_unavailable(await configured.ask("/", "Cookie: slow=1"))
    assert configured.upstream.requests == []
    released.set()


async def test_a_service_that_is_not_there_admits_nobody(
    start_configured: StartConfigured, unused_tcp_port: int
) -> None:
    text = (FILE % (SENDS, "")).replace("AUTH", str(unused_tcp_port))
    configured = await start_configured(text)
    assert_unavailable(await configured.ask("/", "Cookie: a=1"))


async def test_2xx_is_remembered_for_the_very_same_request_alone(start_gate: StartGate) -> None:
    configured, service = await start_gate(by_cookie, REMEMBERS)
    for _ in range(3):
        await configured.ask("/a", "Cookie: alice")
        assert sent(configured).values(b"x-user") == [b"alice"]
    assert len(service.requests) == 1
    others: list[tuple[str, list[str], dict[str, str]]] = [
        ("/b", ["Cookie: alice"], {}),
        ("/a?x=1", ["Cookie: alice"], {}),
        ("/a", ["Cookie: alice"], {"method": "POST"}),
        ("/a", ["Cookie: alice"], {"host": "b.example"}),
        ("/a", ["Cookie: bob"], {}),
        ("/a", ["Cookie: alice", "Authorization: Basic x"], {}),
    ]
    for number, (path, fields, other) in enumerate(others, 2):
        for _ in range(2):
            assert (await configured.ask(path, *fields, **other)).status == 200
            user = fields[0].removeprefix("Cookie: ").encode()
            assert sent(configured).values(b"x-user") == [user]
            assert len(service.requests) == number


async def test_by_credential_it_is_remembered_for_every_request_of_a_client(
    start_gate: StartGate,
) -> None:
    configured, service = await start_gate(by_cookie, f"{REMEMBERS}, remember_by: credential")
    await configured.ask("/a", "Cookie: alice")
    await configured.ask("/b?x=1", "Cookie: alice", host="b", method="POST")
    assert len(service.requests) == 1
    assert sent(configured).values(b"x-user") == [b"alice"]
    await configured.ask("/a", "Cookie: bob")
    assert len(service.requests) == 2
    assert sent(configured).values(b"x-user") == [b"bob"]


async def test_by_credential_nobody_is_remembered_who_has_none(start_gate: StartGate) -> None:
    def public_alone(received: Received) -> bytes:
        is_public = received.values(b"x-forwarded-uri") == [b"/public"]
        return admit() if is_public else b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"

    configured, _ = await start_gate(public_alone, f"{REMEMBERS}, remember_by: credential")
    assert (await configured.ask("/public")).status == 200
    assert (await configured.ask("/private")).status == 403


async def test_nothing_but_2xx_is_remembered(start_gate: StartGate) -> None:
    answers = iter(
        [b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % s for s in (401, 302, 503, 204)]
    )
    configured, service = await start_gate(lambda _: next(answers), REMEMBERS)
    statuses = await configured.statuses(5, "/", "Cookie: a=1")
    assert statuses == [401, 302, 503, 200, 200]
    assert len(service.requests) == 4


async def test_without_a_time_nothing_is_remembered(start_gate: StartGate) -> None:
    configured, service = await start_gate(by_cookie)
    assert await configured.statuses(2, "/", "Cookie: a=1") == [200, 200]
    assert len(service.requests) == 2


async def test_a_cookie_that_the_service_sets_is_never_sent_for_another_client(
    start_gate: StartGate,
) -> None:
    configured, service = await start_gate(admit("alice", "Set-Cookie: session=alice; Path=/\r\n"))
    await configured.ask("/", "Authorization: Bearer alice")
    await configured.ask("/")
    assert service.requests[1].values(b"cookie") == []


async def test_a_flood_of_credentials_leaves_the_memory_bounded(start_gate: StartGate) -> None:
    configured, _ = await start_gate(by_cookie, REMEMBERS)
    assert configured.gateway.gateway.ways is not None
    way: Any = configured.gateway.gateway.ways.live["gate"]
    for number in range(REMEMBERED):
        way.admitted.keep(b"%d" % number, (None, 0.0), 32)
    for number in range(20):
        await configured.ask("/", f"Cookie: {number}")
        assert sent(configured).values(b"x-user") == [b"%d" % number]
    assert len(way.admitted) == 20
    assert all(len(key) == 32 for key in way.admitted), "no credential is kept"


async def test_long_answers_leave_the_memory_bounded(start_gate: StartGate) -> None:
    def long(received: Received) -> bytes:
        return admit("alice", f"X-Groups: {'g' * 8000}\r\n")

    configured, service = await start_gate(long, REMEMBERS)
    assert configured.gateway.gateway.ways is not None
    way: Any = configured.gateway.gateway.ways.live["gate"]
    await configured.ask("/", "Cookie: 0")
    size = way._held_bytes
    assert 16_000 < size < 17_000
    way._held_bytes = MOST_HELD_BYTES - size
    await configured.ask("/", "Cookie: 1")
    assert len(way.admitted) == 2
    await configured.ask("/", "Cookie: 2")
    assert (len(way.admitted), way._held_bytes) == (1, size)
    await configured.ask("/", "Cookie: 2")
    assert len(service.requests) == 3


async def test_a_client_that_leaves_ends_the_question(start_gate: StartGate) -> None:
    async def wait_for_the_end(received: Received) -> bytes:
        await received.reader.read()
        raise ConnectionError

    configured, service = await start_gate(wait_for_the_end, f"{SENDS}, timeout: 30s")
    asking = asyncio.ensure_future(configured.ask("/", "Cookie: a=1"))
    await eventually(lambda: service.requests)
    asking.cancel()
    await eventually(lambda: service.open_connections == 0)
    assert configured.upstream.requests == []


async def test_a_field_that_is_not_utf_8_is_no_credential(start_gate: StartGate) -> None:
    configured, service = await start_gate()
    assert (await configured.ask("/", "Cookie: a=\xff")).status == 401
    assert service.requests == []


async def test_a_long_answer_that_admits_does_not_cost_its_connection_for_ever(
    start_gate: StartGate,
) -> None:
    size = 2**20
    long = b"HTTP/1.1 200 OK\r\nX-User: alice\r\nContent-Length: %d\r\n\r\n" % size + b"a" * size
    configured, service = await start_gate(lambda _: long)
    assert await configured.statuses(3, "/", "Cookie: a=1") == [200, 200, 200]
    await eventually(lambda: service.open_connections == 0)


async def test_a_kept_connection_is_used_again(start_gate: StartGate) -> None:
    configured, service = await start_gate()
    await configured.statuses(5, "/", "Cookie: a=1")
    assert len(service.connections) == 1
    assert len(service.requests) == 5


def assert_unavailable(answer: RawAnswer) -> None:
    assert answer.status == 503
    assert b'"reason":"auth_unavailable"' in answer.body
    assert answer.values(b"retry-after") == [b"1"]
    assert b"127.0.0.1" not in answer.body
