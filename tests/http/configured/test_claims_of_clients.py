"""What clients claim to be: no instance hears it, in any spelling, form of request, or kind of route."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.support.passwords import basic, htpasswd
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import Received, ScriptedUpstream

FILE = """
    auth:
      ops: {type: basic, users_file: users}
    defaults:
      auth: {any_of: [ops]}
    services:
      raw_service: {urls: ["http://127.0.0.1:PORT"], auth: none}
    routes:
      - {name: guarded, match: {prefix: /guarded}, service: order_service}
      - {name: passing, match: {prefix: /passing}, service: order_service,
         auth: {any_of: [ops], pass_credentials: true}}
      - {name: shadow, match: {prefix: /shadow}, service: order_service, auth: {any_of: [ops], shadow: true}}
      - {name: open, match: {prefix: /open}, service: order_service, auth: none}
      - {name: raw, match: {prefix: /raw}, service: raw_service, paths: as_is}
      - {name: rewritten, match: {prefix: /rewritten}, service: order_service, rewrite: {strip: /rewritten}}
"""
WITHOUT_AUTH = """
    routes:
      - {name: open, match: {prefix: /open}, service: order_service}
"""
ALICE = basic("alice", "one").encode()
#: The identity that instances hear of: nobody, or alice.
NOBODY: list[tuple[bytes, bytes]] = []
IS_ALICE = [(b"x-auth-subject", b"alice"), (b"x-auth-scopes", b""), (b"x-auth-method", b"basic")]

NAMES = [
    *(
        b"X-Auth-Subject",
        b"x-auth-subject",
        b"X_Auth_Subject",
        b"X-AUTH_SUBJECT",
        b"x_auth-subject",
    ),
    *(b"X-Auth-Scopes", b"X_AUTH_SCOPES", b"X-Auth-Method", b"x-Auth_method", b"X-Auth-Whatever"),
    *(b"Client-Cert", b"client_cert", b"CLIENT-CERT-CHAIN", b"Client_Cert-Chain"),
]
CLAIMS = b"".join(b"%b: admin\r\n%b: root\r\n" % (name, name) for name in NAMES)

Form = Callable[[bytes, bytes], bytes]


def plain(path: bytes, fields: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: h\r\n%b\r\n" % (path, fields)


def absolute(path: bytes, fields: bytes) -> bytes:
    return b"GET http://h%b HTTP/1.1\r\nHost: h\r\n%b\r\n" % (path, fields)


def http_1_0(path: bytes, fields: bytes) -> bytes:
    return b"GET %b HTTP/1.0\r\n%b\r\n" % (path, fields)


def odd_field(path: bytes, fields: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: h\r\nX-Odd: \xff\r\n%bTE: trailers\r\n\r\n" % (path, fields)


def with_body(path: bytes, fields: bytes) -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: h\r\n%bContent-Length: 2\r\n\r\nab" % (path, fields)


def with_trailers(path: bytes, fields: bytes) -> bytes:
    head = b"PUT %b HTTP/1.1\r\nHost: h\r\n%bTransfer-Encoding: chunked\r\n" % (path, fields)
    return head + b"Trailer: X-Auth-Subject\r\n\r\n2\r\nab\r\n0\r\n%b\r\n" % CLAIMS


def behind_connection(path: bytes, fields: bytes) -> bytes:
    """It names the fields that the gateway sends, so that a next hop would drop them as its own."""
    named = b", ".join(name for name, _ in IS_ALICE)
    return b"GET %b HTTP/1.1\r\nHost: h\r\n%bConnection: %b\r\n\r\n" % (path, fields, named)


FORMS = [plain, absolute, http_1_0, odd_field, with_body, with_trailers, behind_connection]


def heard(received: Received) -> list[tuple[bytes, bytes]]:
    """What an instance reads of an identity, as CGI reads names, from the head and behind it."""
    fields = [line.partition(b":")[::2] for line in received.head.split(b"\r\n")[1:] if line]
    read = [(name.lower().replace(b"_", b"-"), value.strip()) for name, value in fields]
    return [one for one in read if one[0].startswith((b"x-auth-", b"client-cert"))]


async def told(
    ports: Iterable[int], upstream: ScriptedUpstream, requests: Sequence[bytes]
) -> list[object]:
    """What the instance heard of each request that came to it; bodies have no claims either."""
    for port in ports:
        for request in requests:
            answer = await exchange(port, request)
            assert answer.status == 200, answer
    assert len(upstream.requests) == len(requests)
    assert all(b"admin" not in one.body for one in upstream.requests)
    return [heard(one) for one in upstream.requests]


@pytest.fixture(autouse=True)
def _users(tmp_path: Path) -> None:
    (tmp_path / "users").write_bytes(htpasswd(alice="one"))


@pytest.mark.parametrize("form", FORMS)
async def test_without_a_file(
    start_gateway: StartGateway, start_upstream: StartUpstream, form: Form
) -> None:
    upstream = await start_upstream()
    gateway = await start_gateway()
    await gateway.register("order_service", upstream.port, health_check_url="/health")
    requests = [form(b"/api/order/x", CLAIMS)]
    assert await told([gateway.port], upstream, requests) == [NOBODY]


@pytest.mark.parametrize("form", FORMS)
async def test_with_a_file_that_asks_nobody(start_configured: StartConfigured, form: Form) -> None:
    configured = await start_configured(WITHOUT_AUTH)
    requests = [form(path, CLAIMS) for path in (b"/open", b"/api/order/x")]
    assert await told([configured.gateway.port], configured.upstream, requests) == [NOBODY] * 2


@pytest.mark.parametrize("form", FORMS)
async def test_on_each_kind_of_route_the_instance_hears_what_the_gateway_has_found_out(
    start_configured: StartConfigured, form: Form
) -> None:
    configured = await start_configured(FILE)
    asked = [b"/guarded", b"/passing", b"/shadow", b"/rewritten/x", b"/api/order/x"]
    requests = [form(path, CLAIMS + ALICE + b"\r\n") for path in asked]
    requests += [form(path, ALICE + b"\r\n" + CLAIMS) for path in (b"/open", b"/raw/x")]
    # A shadow that refuses nobody does not believe anybody either.
    requests += [form(b"/shadow", CLAIMS)]
    assert await told([configured.gateway.port], configured.upstream, requests) == [
        *([IS_ALICE] * 5),
        *([NOBODY] * 3),
    ]


@pytest.mark.parametrize("name", NAMES)
async def test_each_name_alone(start_configured: StartConfigured, name: bytes) -> None:
    configured = await start_configured(FILE)
    for path, identity in ((b"/open", NOBODY), (b"/guarded", IS_ALICE)):
        for line in (b"%b: admin", b"%b:admin", b"%b:", b"%b:\t admin \t", b"%b: \xc3\xbc"):
            configured.upstream.requests.clear()
            fields = line % name + b"\r\n" + ALICE + b"\r\n"
            answer = await exchange(configured.gateway.port, plain(path, fields))
            assert (line, answer.status) == (line, 200)
            assert [heard(one) for one in configured.upstream.requests] == [identity]


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"X-Auth-Subject : admin",
            b" X-Auth-Subject: admin",
            b"X-A: b\r\n X-Auth-Subject: admin",
        ),
        *(b"X-A: b\nX-Auth-Subject: admin", b"X-A: b\rX-Auth-Subject: admin"),
        *(b"X-A: b\r\n\tX-Auth-Subject: admin", b"X-A: b\x00\r\nX-Auth-Subject: admin"),
        *(
            b"X-Auth\x00-Subject: admin",
            b"X-Auth-Subject\x00: admin",
            b"\xef\xbb\xbfX-Auth-Subject: admin",
        ),
    ],
)
async def test_a_line_that_readers_take_for_different_ones(
    start_configured: StartConfigured, line: bytes
) -> None:
    """It is refused, or nobody reads a claim in it."""
    configured = await start_configured(FILE)
    for path in (b"/open", b"/guarded"):
        answer = await exchange(
            configured.gateway.port, plain(path, line + b"\r\n" + ALICE + b"\r\n")
        )
        assert answer.status == 400
    assert configured.upstream.requests == []


async def test_of_an_upgrade_and_of_what_the_tunnel_carries(
    start_configured: StartConfigured,
) -> None:
    async def switch(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        )
        writer.write(await received.reader.readexactly(4))
        await writer.drain()

    configured = await start_configured(FILE, switch)
    upgrade = (
        b"Connection: Upgrade, X-Auth-Subject\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    for path, identity in ((b"/open", NOBODY), (b"/guarded", IS_ALICE)):
        configured.upstream.requests.clear()
        async with await RawClient.connect(configured.gateway.port) as client:
            await client.send(plain(path, upgrade + CLAIMS + ALICE + b"\r\n"))
            assert (await client.answer()).status == 101
            await client.send(b"ping")
            assert await client.reader.readexactly(4) == b"ping"
        assert [heard(one) for one in configured.upstream.requests] == [identity]


async def test_of_each_attempt_at_an_instance(start_configured: StartConfigured) -> None:
    """The lines of an identity are there once in each attempt, and the credential in none."""
    begun = 0

    async def breaks_off_first(_received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal begun
        begun += 1
        if begun > 2:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    retries = "order_service: {retries: {attempts: 4, on: [reset]}}\n      raw_service:"
    file = FILE.replace("raw_service:", retries)
    configured = await start_configured(file, breaks_off_first)
    await configured.gateway.register(
        "order_service", configured.upstream.port, "i2", health_check_url="/health"
    )
    answer = await exchange(configured.gateway.port, plain(b"/guarded", CLAIMS + ALICE + b"\r\n"))
    assert answer.status == 200
    assert [heard(one) for one in configured.upstream.requests] == [IS_ALICE] * 3
    assert all(one.values(b"authorization") == [] for one in configured.upstream.requests)


async def test_one_connection_does_not_lend_an_identity_to_its_next_request(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    signed = plain(b"/guarded/1", ALICE + b"\r\n")
    unsigned = plain(b"/guarded/2", CLAIMS)
    opened = plain(b"/open/3", CLAIMS)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(signed + unsigned + opened + signed)  # all at once
        statuses = [(await client.answer()).status for _ in range(4)]
    assert statuses == [200, 401, 200, 200]
    assert [heard(one) for one in configured.upstream.requests] == [IS_ALICE, NOBODY, IS_ALICE]
