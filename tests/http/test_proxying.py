"""The hop with sockets on both sides: what the client sent, what the upstream got, what came back."""

import asyncio
import gzip
import io
from collections.abc import AsyncIterator

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.http.conftest import StartHop
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import OK, Received, ScriptedUpstream

pytestmark = pytest.mark.both_loops

GET = b"GET /api/orders/x HTTP/1.1\r\nHost: h\r\n\r\n"


async def echo(received: Received, writer: asyncio.StreamWriter) -> None:
    """Answer with the request's own body."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(received.body))
    writer.write(received.body)
    await writer.drain()


# The target


async def test_path_and_query_pass_byte_for_byte(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()

    target = b"/a%2Fb//c;v=1/%c3%a9?x=1%2F2&x=%20&y=a+b"
    answer = await exchange(gateway.port, b"GET /api/orders%b HTTP/1.1\r\nHost: h\r\n\r\n" % target)

    assert (answer.status, answer.body) == (200, b"ok")
    assert upstream.requests[0].target == target


@pytest.mark.parametrize(
    "target",
    [
        b"/a/../b/./c",
        b"/../../health",
        b"/%2e%2e/%2E%2E/health",
        b"//evil.example/x",
        b"/%0A%0D%00",
        b'/[]{}|^`"<>\\',
        b"/?",
        b"/??&&==",
        b"/x?http://a/b?c",
        b"/" + b"y" * 8000,
    ],
)
async def test_odd_targets_pass_untouched(start_hop: StartHop, target: bytes) -> None:
    gateway, upstream = await start_hop()

    answer = await exchange(gateway.port, b"GET /api/orders%b HTTP/1.1\r\nHost: h\r\n\r\n" % target)

    assert answer.status == 200
    assert upstream.requests[0].target == target


@pytest.mark.parametrize(
    ("asked", "seen"),
    [(b"", b"/"), (b"/", b"/"), (b"?x=1", b"/?x=1"), (b"/?x=1", b"/?x=1"), (b"//", b"//")],
)
async def test_a_bare_segment_is_the_root(start_hop: StartHop, asked: bytes, seen: bytes) -> None:
    gateway, upstream = await start_hop()

    await exchange(gateway.port, b"GET /api/orders%b HTTP/1.1\r\nHost: h\r\n\r\n" % asked)

    assert upstream.requests[0].target == seen


async def test_an_absolute_form_target_names_the_host(start_hop: StartHop) -> None:
    """RFC 9112 §3.2.2: the Host field is then ignored."""
    gateway, upstream = await start_hop()

    request = b"GET http://shop.example:81/api/orders/x?y HTTP/1.1\r\nHost: other\r\n\r\n"
    answer = await exchange(gateway.port, request)

    assert answer.status == 200
    assert upstream.requests[0].target == b"/x?y"
    assert upstream.requests[0].values(b"host") == [b"shop.example:81"]
    assert upstream.requests[0].values(b"x-forwarded-host") == [b"shop.example:81"]


@pytest.mark.parametrize(
    "method",
    [
        *("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "MKCOL"),
        *("PURGE", "REPORT", "SEARCH", "LINK"),
    ],
)
async def test_every_method_passes(start_hop: StartHop, method: str) -> None:
    gateway, upstream = await start_hop()

    request = b"%b /api/orders/x HTTP/1.1\r\nHost: h\r\n\r\n" % method.encode()
    answer = await exchange(gateway.port, request)

    assert answer.status == 200
    assert upstream.requests[0].request_line == b"%b /x HTTP/1.1" % method.encode()


# Which service


async def test_a_service_with_the_suffix_comes_before_one_without(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway()
    plain = await start_upstream(OK)
    await gateway.register("orders", plain.port)
    first = await exchange(gateway.port, GET)
    suffixed = await start_upstream(OK)
    await gateway.register("orders_service", suffixed.port)
    second = await exchange(gateway.port, GET)
    await exchange(gateway.port, GET.replace(b"orders", b"orders_service"))

    assert (first.status, second.status) == (200, 200)
    assert (len(plain.requests), len(suffixed.requests)) == (1, 2)


async def test_an_escaped_prefix_is_another_path(start_hop: StartHop) -> None:
    """It once passed the route layer without a route, and the hop answered 500."""
    gateway, _ = await start_hop()

    answer = await exchange(gateway.port, GET.replace(b"/api", b"/%61pi"))
    other = await exchange(gateway.port, GET.replace(b"/api", b"ftp://h/api"))

    assert (answer.status, other.status) == (404, 404)


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing/x", "/api/ORDERS/x", "/api//orders", "/api/%6Frders/x"]
)
async def test_what_is_not_registered_is_not_found(start_hop: StartHop, path: str) -> None:
    gateway, upstream = await start_hop()

    request = b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode()
    answer = await exchange(gateway.port, request)

    assert answer.status == 404
    assert b'"reason":"route_not_found"' in answer.body
    assert upstream.requests == []


# The request's fields


async def test_request_fields_keep_order_case_number_and_bytes(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()
    fields = [
        (b"X-b", b"1"),
        (b"host", b"Shop.example:81"),
        (b"x-A", b"caf\xe9 \xc3\xa9"),
        (b"X-B", b"2"),
        (b"Cookie", b"a=1"),
        (b"aCCept", b""),
        (b"cookie", b"b=2"),
        (b"Authorization", b"Basic eDp5"),
        (b"User-Agent", b"raw/1"),
    ]

    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    answer = await exchange(gateway.port, b"GET /api/orders HTTP/1.1\r\n%b\r\n" % lines)

    assert answer.status == 200
    assert upstream.requests[0].fields[: len(fields)] == fields


async def test_nothing_is_added_to_a_request_but_what_is_documented(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()

    await exchange(gateway.port, GET)

    assert sorted(name.lower() for name, _ in upstream.requests[0].fields) == [
        b"host",
        b"via",
        b"x-correlation-id",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
    ]


async def test_fields_of_the_connection_and_of_other_protocols_stay_here(
    start_hop: StartHop,
) -> None:
    gateway, upstream = await start_hop()
    request = (
        b"GET /api/orders HTTP/1.1\r\nHost: h\r\n"
        b"Connection: X-One,x-two\r\nconnection: HTTP2-Settings, Upgrade\r\n"
        b"X-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n"
        b"Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\n"
        b"HTTP2-Settings: AAA\r\nUpgrade: h2c\r\n\r\n"
    )

    answer = await exchange(gateway.port, request)

    names = {name.lower() for name, _ in upstream.requests[0].fields}
    assert answer.status == 200
    assert b"x-three" in names
    assert names.isdisjoint(
        [b"x-one", b"x-two", b"keep-alive", b"proxy-connection", b"te", b"http2-settings"]
    )
    assert b"upgrade" not in names


async def test_a_name_with_an_underscore_passes_unless_it_reads_as_one_of_ours(
    start_hop: StartHop,
) -> None:
    """Amazon's metadata and ASP.NET's tokens have underscores; all these fields vanished silently."""
    gateway, upstream = await start_hop()
    good = b"x-amz-meta-realm_id: 1\r\n__RequestVerificationToken: 2\r\n"
    claims = b"X_Forwarded_For: 6.6.6.6\r\ncontent_length: 5\r\nX-Auth_Subject: root\r\n"
    claims += b"X-Auth-Subject: root\r\nClient-Cert: :AA==:\r\n"

    for _ in range(2):
        await exchange(gateway.port, GET[:-2] + good + claims + b"\r\n")

    metrics = await gateway.request("GET", "/metrics")
    for seen in upstream.requests:
        names = {name.lower() for name, _ in seen.fields}
        assert {b"x-amz-meta-realm_id", b"__requestverificationtoken"} <= names
        assert seen.values(b"__RequestVerificationToken") == [b"2"]
        assert names.isdisjoint([b"x_forwarded_for", b"content_length", b"x-auth_subject"])
        assert names.isdisjoint([b"x-auth-subject", b"client-cert"])
    assert b"gateway_fields_dropped_total 10.0\n" in metrics.body


async def test_connection_can_not_name_host_or_the_framing_away(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()

    answer = await exchange(
        gateway.port,
        b"POST /api/orders HTTP/1.1\r\nHost: h\r\n"
        b"Connection: host, content-length, x-forwarded-for, close\r\n"
        b"Content-Length: 2\r\n\r\nhi",
    )

    assert answer.status == 200
    assert upstream.requests[0].body == b"hi"
    assert upstream.requests[0].values(b"host") == [b"h"]
    assert upstream.requests[0].values(b"x-forwarded-for") == [b"127.0.0.1"]


CLAIMS = (
    b"GET /api/orders HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"
    b"X-Forwarded-Host: shop.example\r\nX-Forwarded-Prefix: /evil\r\nX-Forwarded-Port: 1\r\n"
    b"Forwarded: for=192.0.2.1\r\n\r\n"
)


async def test_forwarded_fields_of_an_untrusted_client_are_dropped(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()

    await exchange(gateway.port, CLAIMS)

    seen = upstream.requests[0]
    assert seen.values(b"x-forwarded-for") == [b"127.0.0.1"]
    assert seen.values(b"x-forwarded-proto") == [b"http"]
    assert seen.values(b"x-forwarded-host") == [b"h"]
    assert seen.values(b"x-forwarded-prefix") == [b"/api/orders"]
    assert seen.values(b"x-forwarded-port") == []
    assert seen.values(b"forwarded") == []


async def test_forwarded_fields_of_a_trusted_proxy_are_kept_and_appended_to(
    start_hop: StartHop,
) -> None:
    gateway, upstream = await start_hop(TRUSTED_PROXIES="127.0.0.0/8")

    await exchange(gateway.port, CLAIMS)

    seen = upstream.requests[0]
    assert seen.values(b"x-forwarded-for") == [b"192.0.2.1, 127.0.0.1"]
    assert seen.values(b"x-forwarded-proto") == [b"https"]
    assert seen.values(b"x-forwarded-host") == [b"shop.example"]
    assert seen.values(b"x-forwarded-prefix") == [b"/api/orders"]
    assert seen.values(b"forwarded") == [b"for=192.0.2.1"]


async def test_each_client_is_said_to_be_itself(start_hop: StartHop) -> None:
    """The added fields are remembered; without the peer in the key a later client got another's address."""
    gateway, upstream = await start_hop()
    clients = ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"]

    for client in clients:
        await exchange(gateway.port, GET, source=client)

    said = [seen.values(b"x-forwarded-for") for seen in upstream.requests]
    assert said == [[client.encode()] for client in clients]


async def test_each_route_is_said_to_be_itself(start_hop: StartHop) -> None:
    """Without the prefix in the key, an application would make links with another one's path."""
    gateway, upstream = await start_hop()
    await gateway.register("bills_service", upstream.port)

    for name in (b"orders", b"bills", b"orders", b"bills"):
        await exchange(gateway.port, GET.replace(b"orders", name))

    said = [seen.values(b"x-forwarded-prefix")[0] for seen in upstream.requests]
    assert said == [b"/api/orders", b"/api/bills"] * 2


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_via_stands_after_an_existing_one(start_hop: StartHop, version: bytes) -> None:
    gateway, upstream = await start_hop()

    request = b"GET /api/orders HTTP/%b\r\nHost: h\r\nVia: 1.0 a\r\nVia: 2 b (x)\r\n\r\n"
    await exchange(gateway.port, request % version)

    via = b", ".join(upstream.requests[0].values(b"via"))
    assert via == b"1.0 a, 2 b (x), %b lockgate" % version


async def test_a_trace_passes_as_it_is(start_hop: StartHop) -> None:
    """A service that follows its parent's sampling made no span for an invented parent."""
    gateway, upstream = await start_hop()
    parent = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    trace = b"traceparent: %b\r\ntracestate: a=1\r\nTraceState: b=2\r\n\r\n" % parent
    await exchange(gateway.port, GET[:-2] + trace)

    assert upstream.requests[0].values(b"traceparent") == [parent]
    assert upstream.requests[0].values(b"tracestate") == [b"a=1", b"b=2"]


async def test_client_and_upstream_get_the_same_correlation_id(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()

    answer = await exchange(gateway.port, GET)

    assert answer.values(b"x-correlation-id") == upstream.requests[0].values(b"x-correlation-id")


# The request's body


async def test_a_client_that_sends_all_of_its_body_first_reads_an_early_answer(
    start_hop: StartHop,
) -> None:
    """A close with unread bytes would reset the connection and lose the answer."""
    size = 4 * 2**20

    async def refuse(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")

    gateway, upstream = await start_hop(refuse, read_body=False)
    client = await RawClient.connect(gateway.port)
    head = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size
    await client.send(head + b"hello")
    await eventually(lambda: upstream.requests and not upstream.open_connections)

    await client.send(bytes(size - 5))  # it reads only after this

    answer = await client.answer()
    assert (answer.status, answer.body) == (413, b"big")
    await client.close()


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 11", b"hello world"),
        (b"Content-Length: 0", b""),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: Chunked", b"0\r\nX-Trailer: 1\r\n\r\n"),
    ],
)
async def test_a_request_body_arrives_whole(
    start_hop: StartHop, framing: bytes, body: bytes
) -> None:
    gateway, upstream = await start_hop(echo)

    request = b"POST /api/orders HTTP/1.1\r\nHost: h\r\n%b\r\n\r\n%b" % (framing, body)
    answer = await exchange(gateway.port, request)

    assert answer.body == (b"hello world" if len(body) > 10 and body[0:1] != b"0" else b"")
    name, _, value = framing.partition(b": ")
    assert upstream.requests[0].values(name) == [value.lower()]


@pytest.mark.parametrize(
    ("framing", "first", "rest"),
    [
        (b"Content-Length: 10", b"first", b" last"),
        (b"Transfer-Encoding: chunked", b"5\r\nfirst\r\n", b"5\r\n last\r\n0\r\n\r\n"),
    ],
)
async def test_a_request_body_arrives_while_it_is_sent(
    start_hop: StartHop, framing: bytes, first: bytes, rest: bytes
) -> None:
    begun = asyncio.Event()

    async def upstream(received: Received, writer: asyncio.StreamWriter) -> None:
        seen = await received.reader.readuntil(b"first")
        begun.set()
        seen += await received.reader.readuntil(b" last")
        writer.write(OK)
        await writer.drain()

    gateway, _ = await start_hop(upstream, read_body=False)
    client = await RawClient.connect(gateway.port)

    await client.send(b"POST /api/orders HTTP/1.1\r\nHost: h\r\n%b\r\n\r\n%b" % (framing, first))
    async with asyncio.timeout(5):
        await begun.wait()
    await client.send(rest)

    assert (await client.answer()).status == 200
    await client.close()


async def test_a_compressed_request_body_is_not_touched(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()
    body = gzip.compress(b"x" * 1000)

    answer = await gateway.request(
        "POST", "/api/orders", data=body, headers={"Content-Encoding": "gzip"}
    )

    assert answer.status == 200
    assert upstream.requests[0].body == body
    assert upstream.requests[0].values(b"content-encoding") == [b"gzip"]
    assert upstream.requests[0].values(b"content-length") == [b"%d" % len(body)]


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
async def test_large_bodies_pass_both_ways(start_hop: StartHop, framing: str) -> None:
    gateway, upstream = await start_hop(echo)
    body = bytes(range(256)) * (20 * 1024 * 4)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 100_000):
            yield body[at : at + 100_000]

    data = io.BytesIO(body) if framing == "content-length" else pieces()
    answer = await gateway.request("POST", "/api/orders", data=data)

    assert len(body) == 20 * 1024 * 1024
    assert answer.body == body
    assert upstream.requests[0].body == body


async def test_continue_is_sent_when_the_body_is_wanted_and_expect_stays_here(
    start_hop: StartHop,
) -> None:
    gateway, upstream = await start_hop(echo)
    client = await RawClient.connect(gateway.port)

    await client.send(
        b"POST /api/orders HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
    )
    interim = await client.answer()
    await client.send(b"hi")
    answer = await client.answer()

    assert interim.head == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (answer.status, answer.body) == (200, b"hi")
    assert upstream.requests[0].values(b"expect") == []
    await client.close()


@pytest.mark.parametrize(
    ("path", "status"), [(b"/api/nothing", 404), (b"/api/idle", 503), (b"/api/orders", 413)]
)
async def test_no_body_is_asked_for_where_none_is_wanted(
    start_hop: StartHop, path: bytes, status: int
) -> None:
    gateway, upstream = await start_hop(MAX_BODY_BYTES="10")
    await gateway.register("idle_service", upstream.port, weight=0)

    head = b"POST %b HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n"
    answer = await exchange(gateway.port, head % path)

    assert answer.status == status


async def test_an_unknown_expectation_is_refused(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop()

    answer = await exchange(gateway.port, GET[:-2] + b"Expect: miracles\r\n\r\n")

    assert answer.status == 417
    assert b'"reason":"expectation_failed"' in answer.body
    assert upstream.requests == []


async def test_an_early_answer_reaches_a_client_that_still_sends(start_hop: StartHop) -> None:
    async def refuse(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
        writer.write_eof()
        while await received.reader.read(65536):
            pass

    gateway, _ = await start_hop(refuse, read_body=False)
    client = await RawClient.connect(gateway.port)

    await client.send(b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\nhello")
    answer = await client.answer()

    assert (answer.status, answer.body) == (413, b"big")
    await client.close()


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 11", b"hello world"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
    ],
)
async def test_a_body_above_the_limit_is_refused(
    start_hop: StartHop, framing: bytes, body: bytes
) -> None:
    gateway, upstream = await start_hop(MAX_BODY_BYTES="10")

    request = b"POST /api/orders HTTP/1.1\r\nHost: h\r\n%b\r\n\r\n%b" % (framing, body)
    answer = await exchange(gateway.port, request)

    assert answer.status == 413
    assert b'"reason":"body_too_large"' in answer.body
    assert all(received.body == b"" for received in upstream.requests)


async def test_a_body_at_the_limit_passes(start_hop: StartHop) -> None:
    gateway, upstream = await start_hop(MAX_BODY_BYTES="10")

    answer = await gateway.request("POST", "/api/orders", data=b"0123456789")

    assert answer.status == 200
    assert upstream.requests[0].body == b"0123456789"


# The response


async def test_response_fields_keep_order_case_number_and_bytes(start_hop: StartHop) -> None:
    """The gateway adds no Server, Content-Type or Location, even if the upstream's are odd or missing."""
    fields = [
        (b"sERVER", b"nginx"),
        (b"Set-Cookie", b"a=1"),
        (b"Date", b"Mon, 01 Jan 2001 00:00:00 GMT"),
        (b"set-cookie", b"b=2"),
        (b"Location", b"http://127.0.0.1:8001/internal"),
        (b"X-Latin", b"caf\xe9"),
        (b"X-Empty", b""),
        (b"content-length", b"2"),
        (b"Access-Control-Allow-Origin", b"*"),
    ]
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    gateway, _ = await start_hop(b"HTTP/1.1 302 Go There\r\n%b\r\nok" % lines)

    answer = await exchange(gateway.port, GET)

    assert answer.head.startswith(b"HTTP/1.1 302 Go There\r\n")
    assert answer.body == b"ok"
    assert answer.fields[:-1] == fields
    assert answer.fields[-1][0] == b"X-Correlation-ID"


async def test_a_date_is_added_where_there_is_none(start_hop: StartHop) -> None:
    gateway, _ = await start_hop()

    answer = await exchange(gateway.port, GET)

    names = sorted(name.lower() for name, _ in answer.fields)
    assert names == [b"content-length", b"date", b"x-correlation-id"]


async def test_fields_of_the_upstreams_connection_stay_here(start_hop: StartHop) -> None:
    gateway, _ = await start_hop(
        b"HTTP/1.1 200 OK\r\nConnection: close, X-Drop\r\nX-Drop: 1\r\nX-Keep: 1\r\n"
        b"Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nUpgrade: h2\r\n"
        b"Content-Length: 2\r\n\r\nok"
    )
    client = await RawClient.connect(gateway.port)

    await client.send(GET)
    answer = await client.answer()
    await client.send(GET)
    again = await client.answer()

    names = {name.lower() for name, _ in answer.fields}
    assert b"x-keep" in names
    assert names.isdisjoint(
        [b"x-drop", b"keep-alive", b"proxy-connection", b"upgrade", b"connection"]
    )
    assert again.status == 200
    await client.close()


@pytest.mark.parametrize(
    ("framing", "first", "rest"),
    [
        (b"Content-Length: 10", b"first", b" last"),
        (b"Transfer-Encoding: chunked", b"5\r\nfirst\r\n", b"5\r\n last\r\n0\r\n\r\n"),
        (b"X-Framing: none", b"first", b" last"),
    ],
)
async def test_a_response_body_arrives_while_it_is_sent(
    start_hop: StartHop, framing: bytes, first: bytes, rest: bytes
) -> None:
    seen = asyncio.Event()

    async def upstream(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (framing, first))
        await seen.wait()
        writer.write(rest)
        await writer.drain()

    gateway, _ = await start_hop(upstream)

    async with gateway.session.get(gateway.url + "/api/orders") as response:
        async with asyncio.timeout(5):
            begun = await response.content.readexactly(5)
        seen.set()
        ended = await response.content.read()

    assert (begun, ended) == (b"first", b" last")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_without_body_ends_with_its_head(
    start_hop: StartHop, status: bytes
) -> None:
    gateway, _ = await start_hop(b"HTTP/1.1 %b\r\nETag: x\r\n\r\n" % status)
    client = await RawClient.connect(gateway.port)

    for _ in range(2):
        await client.send(GET)
        answer = await client.answer()
        assert answer.head.startswith(b"HTTP/1.1 %b\r\nETag: x\r\n" % status)
        assert answer.values(b"transfer-encoding") == answer.values(b"content-length") == []
    await client.close()


@pytest.mark.parametrize("framing", [b"Content-Length: 1234", b"Transfer-Encoding: chunked"])
async def test_an_answer_to_head_has_the_fields_of_get_and_no_body(
    start_hop: StartHop, framing: bytes
) -> None:
    gateway, upstream = await start_hop(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing)
    client = await RawClient.connect(gateway.port)

    for _ in range(2):
        await client.send(GET.replace(b"GET", b"HEAD"))
        answer = await client.answer(to_head=True)
        assert answer.status == 200
        if framing.startswith(b"Content-Length"):
            assert answer.values(b"content-length") == [b"1234"]
    assert upstream.requests[0].request_line == b"HEAD /x HTTP/1.1"
    await client.close()


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_body_until_the_close_is_chunked_and_keeps_the_clients_connection(
    start_hop: StartHop, version: bytes
) -> None:
    gateway, _ = await start_hop(b"HTTP/%b 200 OK\r\n\r\nhello" % version)
    client = await RawClient.connect(gateway.port)

    for _ in range(2):
        await client.send(GET)
        answer = await client.answer()
        assert (answer.body, answer.complete) == (b"hello", True)
        assert answer.values(b"transfer-encoding") == [b"chunked"]
    await client.close()


@pytest.mark.parametrize(
    "framed",
    [
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"X-Framing: none\r\n\r\nhello",
        b"Content-Length: 5\r\n\r\nhello",
    ],
)
async def test_a_client_of_http_1_0_gets_no_chunks(start_hop: StartHop, framed: bytes) -> None:
    gateway, upstream = await start_hop(b"HTTP/1.1 200 OK\r\n" + framed)
    client = await RawClient.connect(gateway.port)

    await client.send(b"GET /api/orders HTTP/1.0\r\n\r\n")
    answer = await client.answer()

    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.values(b"transfer-encoding") == []
    assert upstream.requests[0].request_line == b"GET / HTTP/1.1"
    assert upstream.requests[0].values(b"host") == [b"127.0.0.1:%d" % upstream.port]
    assert await client.closed()
    await client.close()


async def test_a_client_of_http_1_0_may_keep_its_connection(start_hop: StartHop) -> None:
    gateway, _ = await start_hop()
    client = await RawClient.connect(gateway.port)

    for _ in range(2):
        await client.send(b"GET /api/orders HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")
        answer = await client.answer()
        assert answer.values(b"connection") == [b"keep-alive"]
        assert answer.body == b"ok"
    await client.close()


async def test_interim_answers_of_the_upstream_come_before_the_one_that_counts(
    start_hop: StartHop,
) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    gateway, _ = await start_hop(interim + OK)

    answer = await gateway.get("/api/orders")

    assert (answer.status, answer.body) == (200, b"ok")
    assert "Link" not in answer.headers


async def test_bytes_behind_the_upstreams_answer_reach_nobody(start_hop: StartHop) -> None:
    """Response splitting: they would be read as the answer to the next request."""
    gateway, _ = await start_hop(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    client = await RawClient.connect(gateway.port)

    for _ in range(3):
        await client.send(GET)
        assert (await client.answer()).body == b"ok"
    await client.close()


async def test_pipelined_requests_are_answered_in_their_order(start_hop: StartHop) -> None:
    async def name_it(received: Received, writer: asyncio.StreamWriter) -> None:
        body = received.target
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    gateway, _ = await start_hop(name_it)
    client = await RawClient.connect(gateway.port)

    await client.send(GET + GET.replace(b"/x", b"/y") + GET.replace(b"/x", b"/z"))

    assert [(await client.answer()).body for _ in range(3)] == [b"/x", b"/y", b"/z"]
    await client.close()


# The choice


async def test_a_new_instance_has_the_very_next_request(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """A new instance had to wait until it was drawn at random, sometimes for sixteen requests."""
    gateway = await start_gateway()
    there: list[ScriptedUpstream] = []
    for number in range(6):
        upstream = await start_upstream()
        await gateway.register("orders", upstream.port, f"i{number}", health_check_url="/health")
        there.append(upstream)

        await gateway.get("/api/orders/")

        assert [len(one.requests) for one in there] == [1] * len(there)
