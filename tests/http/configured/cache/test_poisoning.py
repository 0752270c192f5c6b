"""Nothing that one client sends reaches another one out of the cache.

The service tells everything that it sees, and says that anybody may have that for five minutes; it names nothing
in Vary.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.forwarders import Forwarder
from tests.support.passwords import basic, htpasswd
from tests.support.raw_clients import RawAnswer, RawClient, exchange
from tests.support.upstreams import Received

FILE = """
    defaults:
      cache: {ignore_query: [utm_source], ignore_headers: [X-Ignored],
              stale_while_revalidate: 10s, stale_if_error: 1h}
    routes:
      - {name: all, match: {prefix: /}, service: order_service}
      - {name: gold, match: {prefix: /, headers: {X-Plan: evil}}, service: order_service}
      - {name: strict, match: {host: strict.example, prefix: /}, service: order_service, cache: {key_headers: ["*"]}}
      - {name: as_is, match: {host: raw.example, prefix: /}, service: order_service, paths: as_is}
"""
WITH_USERS = """
    auth:
      users: {type: basic, users_file: users}
    defaults:
      auth: {any_of: [users]}
    routes:
      - {name: own, match: {prefix: /own}, service: order_service, cache: {by: subject}}
      - {name: passing, match: {prefix: /passing}, service: order_service,
         auth: {any_of: [users], pass_credentials: true}, cache: {by: subject}}
      - {name: shared, match: {prefix: /shared}, service: order_service, cache: {}}
      - {name: open, match: {prefix: /open}, service: order_service, auth: none, cache: {}}
"""
EVIL = b"evil"


def telling(
    *fields: bytes, status: bytes = b"200 OK"
) -> Callable[[Received, asyncio.StreamWriter], Awaitable[None]]:
    """A service whose answer is all that it sees; `fields` are more lines of it."""

    async def tell(received: Received, writer: asyncio.StreamWriter) -> None:
        seen = received.head + received.body
        lines = b"".join(line + b"\r\n" for line in (b"Cache-Control: max-age=300", *fields))
        head = b'HTTP/1.1 %b\r\n%bETag: "1"\r\nContent-Length: %d\r\n\r\n'
        whole = head % (status, lines, len(seen)) + seen
        writer.write(whole[: -len(seen)] if received.request_line.startswith(b"HEAD ") else whole)
        await writer.drain()

    return tell


@dataclass(frozen=True)
class Sent:
    """A request as bytes; `target` is what the service sees of its target."""

    line: bytes
    fields: tuple[bytes, ...] = ()
    host: bytes | None = b"shop.example"
    body: bytes = b""
    target: bytes = b""

    @property
    def data(self) -> bytes:
        lines = (() if self.host is None else (b"Host: " + self.host,)) + self.fields
        return b"\r\n".join((self.line, *lines, b"", self.body))

    @property
    def seen_target(self) -> bytes:
        return self.target or self.line.split(b" ")[1]


def get(
    target: str = "/a",
    *fields: str,
    method: str = "GET",
    host: str | None = "shop.example",
    body: str = "",
    version: str = "HTTP/1.1",
    seen: str = "",
) -> Sent:
    return Sent(
        f"{method} {target} {version}".encode("latin-1"),
        tuple(field.encode("latin-1") for field in fields),
        None if host is None else host.encode("latin-1"),
        body.encode("latin-1"),
        seen.encode("latin-1"),
    )


def fat(target: str, *fields: str, method: str = "GET", body: str = "evil=1") -> Sent:
    length = f"Content-Length: {len(body)}"
    return get(target, *fields, length, method=method, body=body)


async def ask(configured: Configured, sent: Sent) -> RawAnswer:
    return await exchange(
        configured.gateway.port, sent.data, to_head=sent.line.startswith(b"HEAD ")
    )


def hit(answer: RawAnswer) -> bool:
    return b"; hit" in b", ".join(answer.values(b"cache-status"))


async def nothing_came_across(configured: Configured, evil: Sent, plain: Sent) -> None:
    """The second client gets what the service says to it alone, also when that comes out of the cache."""
    await ask(configured, evil)
    # What could not be kept leaves a mark, with which the next one is passed on.
    for _ in range(3):
        answer = await ask(configured, plain)
        assert answer.status == 200, answer
        assert answer.complete
        method = plain.line.split(b" ")[0]
        assert answer.body.startswith(b"%b %b HTTP/1.1\r\n" % (method, plain.seen_target)), answer
        assert EVIL not in answer.head + answer.body, answer
    assert hit(answer), answer


#: The field of the first client, which the second one does not send.
FIELDS = [
    "Cookie: session=evil",
    "Origin: https://evil.example",
    "X-Forwarded-Host: evil.example",
    "x-forwarded-host: evil.example",
    "X_Forwarded_Host: evil.example",
    "X-Forwarded-Scheme: evil",
    "X-Forwarded-Proto: evil",
    "X-Forwarded-Port: 1evil",
    "X-Forwarded-Server: evil.example",
    "X-Forwarded-Prefix: /evil",
    "X-Forwarded-Path: /evil",
    "X-Forwarded-For: evil",
    "Forwarded: for=1.2.3.4;host=evil.example",
    "X-Host: evil.example",
    "X-Original-Host: evil.example",
    "X-HTTP-Host-Override: evil.example",
    "X-Original-URL: /evil",
    "X-Rewrite-URL: /evil",
    "X-Request-Uri: /evil",
    "Request-Uri: /evil",
    "Base-Url: https://evil.example",
    "X-HTTP-Method-Override: evil",
    "X-HTTP-Method: evil",
    "X-Method-Override: evil",
    "X-Real-IP: evil",
    "True-Client-IP: evil",
    "Client-IP: evil",
    "CF-Connecting-IP: evil",
    "Fastly-Client-IP: evil",
    "Front-End-Https: evil",
    "X-WAP-Profile: https://evil.example",
    "Profile: https://evil.example",
    "X-Requested-With: evil",
    "X-User: evil",
    "X-Tenant: evil",
    "Tenant: evil",
    "X-Debug: evil",
    "X-Plan: evil",
    "X-Anything-At-All: evil",
    "Accept-Version: evil",
    "Api-Version: evil",
    "Prefer: evil",
    "Depth: evil",
    "Destination: https://evil.example",
    "Content-Type: text/evil",
    "Content-Language: evil",
    "Baggage: tenant=evil",
    "X-Request-ID: <evil>",
    "Traceparent: <evil>",
    "X-Ignored: evil",
    "X-Auth-Subject: evil",
    "X_Auth_Subject: evil",
    "Client-Cert: :evil:",
    "Max-Forwards: evil" + "1" * 3000,
    "User-Agent: evil" + "a" * 3000,
    "Accept: evil" + "a" * 3000,
    "X-\xe9: evil",
]


@pytest.mark.parametrize("field", FIELDS, ids=[field[:40] for field in FIELDS])
async def test_a_field(start_configured: StartConfigured, field: str) -> None:
    configured = await start_configured(FILE, telling())
    await nothing_came_across(configured, get("/a", field), get("/a"))
    # The other way round, and hidden behind a field that says that it is of this connection alone.
    name = field.partition(":")[0]
    await nothing_came_across(configured, get("/b", field, f"Connection: {name}"), get("/b"))
    plain = await ask(configured, get("/c"))
    assert plain.status == 200
    other = await ask(configured, get("/c", field))
    assert hit(other) == (EVIL not in other.body) or other.status == 400


@pytest.mark.parametrize("field", ["Foo: evil", "Req-Num: evil", "Quux: evil"])
async def test_any_field_at_all_on_a_strict_route(
    start_configured: StartConfigured, field: str
) -> None:
    configured = await start_configured(FILE, telling())
    strict = "strict.example"
    await nothing_came_across(configured, get("/a", field, host=strict), get("/a", host=strict))


LEFT_TO_VARY = [
    *("Accept: evil", "Accept-Encoding: evil", "Accept-Language: evil", "User-Agent: evil"),
    *("Referer: https://evil.example", "Sec-Fetch-Site: evil", "Sec-CH-UA: evil", "DNT: evil"),
    *("Foo: evil", "Save-Data: evil", "Traceparent: evil", "X-Request-ID: evil", "Priority: evil"),
]


@pytest.mark.parametrize("field", LEFT_TO_VARY)
async def test_a_field_that_http_leaves_to_vary_where_the_service_says_so(
    start_configured: StartConfigured, field: str
) -> None:
    name = field.partition(":")[0]
    configured = await start_configured(FILE, telling(b"Vary: " + name.upper().encode()))
    await nothing_came_across(configured, get("/a", field), get("/a"))
    hidden = get("/b", field, f"Connection: {name}")
    await nothing_came_across(configured, hidden, get("/b"))
    # Whoever sends it does not get what was made for somebody whose own was hidden.
    answer = await ask(configured, get("/b", field))
    assert EVIL in answer.body


@pytest.mark.parametrize(
    "vary", ["*", "Foo, *", "X-Forwarded-For", "Via", "X-Auth-Subject", "a b", "x," * 40]
)
async def test_a_vary_that_no_later_request_is_known_to_match(
    start_configured: StartConfigured, vary: str
) -> None:
    value = vary.encode() if vary.count(",") < 9 else b",".join(b"a%d" % n for n in range(40))
    configured = await start_configured(FILE, telling(b"Vary: " + value))
    await ask(configured, get("/a", "Foo: evil", "User-Agent: evil"))
    answer = await ask(configured, get("/a"))
    assert EVIL not in answer.body
    assert not hit(answer)


#: What is asked first, and what another client asks.
PAIRS = {
    "another member": (get("/a?x=evil"), get("/a")),
    "an empty query": (get("/a?"), get("/a")),
    "a member twice": (get("/a?x=1&x=evil"), get("/a?x=1")),
    "a member twice in another order": (get("/a?x=2&x=1"), get("/a?x=1&x=2")),
    "members in another order": (get("/a?y=1&x=1"), get("/a?x=1&y=1")),
    "a member in brackets": (get("/a?x[]=1"), get("/a?x=1")),
    "a member behind a semicolon": (get("/a?x=1;y=evil"), get("/a?x=1")),
    "a member behind an encoded ampersand": (get("/a?x=1%26y=evil"), get("/a?x=1&y=1")),
    "an encoded name": (get("/a?%78=1"), get("/a?x=1")),
    "an encoded value": (get("/a?x=%31"), get("/a?x=1")),
    "escapes in lower case": (get("/a?x=%2f"), get("/a?x=%2F")),
    "a plus in place of a space": (get("/a?x=1+2"), get("/a?x=1%202")),
    "a second question mark": (get("/a?x=1?y=evil"), get("/a?x=1")),
    "an ignored member": (get("/a?utm_source=evil", seen="/a"), get("/a")),
    "an ignored member with another behind a semicolon": (
        get("/a?utm_source=1;callback=evil"),
        get("/a"),
    ),
    "an ignored member that is encoded": (get("/a?utm%5Fsource=evil"), get("/a")),
    "an ignored member in brackets": (get("/a?utm_source[]=evil"), get("/a")),
    "an ignored member in upper case": (get("/a?UTM_SOURCE=evil"), get("/a")),
    "a path in upper case": (get("/A"), get("/a")),
    "a slash at the end": (get("/a/"), get("/a")),
    "an escape in the path": (get("/%61"), get("/a")),
    "an escape in lower case": (get("/%c3%a9"), get("/%C3%A9")),
    "a byte that is not encoded": (get("/\xc3\xa9"), get("/%C3%A9")),
    "an encoded question mark": (get("/a%3Fx=evil"), get("/a?x=1")),
    "an encoded NUL": (get("/a%00evil"), get("/a")),
    "an encoded line feed": (get("/a%0D%0AX-Evil:%20evil"), get("/a")),
    "a double slash": (get("//a", host="raw.example"), get("/a", host="raw.example")),
    "a dot segment": (get("/b/../a", host="raw.example"), get("/a", host="raw.example")),
    "an encoded dot segment": (
        get("/b/%2e%2e/a", host="raw.example"),
        get("/a", host="raw.example"),
    ),
    "a backslash": (get("/a\\evil", host="raw.example"), get("/a", host="raw.example")),
    "a semicolon": (get("/a;evil", host="raw.example"), get("/a", host="raw.example")),
    "a static name behind a semicolon": (
        get("/a;evil.css", "Cookie: session=evil", host="raw.example"),
        get("/a;evil.css".replace("evil", "e"), host="raw.example"),
    ),
    "an encoded slash": (get("/a%2Fb", host="raw.example"), get("/a/b", host="raw.example")),
    "a refused path": (get("/a/../evil"), get("/a")),
    "another host": (get(host="evil.example"), get()),
    "a host with a port": (get(host="shop.example:6666"), get()),
    "a host in upper case": (get(host="SHOP.example"), get()),
    "a host with a dot": (get(host="shop.example."), get()),
    "no host": (get(host=None, version="HTTP/1.0"), get()),
    "a host in the target": (get("http://evil.example/a", seen="/a"), get()),
    "a host in the target alone": (
        get("http://shop.example/a", host="evil.example", seen="/a"),
        get(),
    ),
    "another host behind one in the target": (
        get("http://evil.example/a", host="shop.example", seen="/a"),
        get(),
    ),
    "two hosts": (get("/a", "Host: evil.example"), get()),
    "a GET with a body": (fat("/a"), get()),
    "a HEAD with a body": (fat("/a", method="HEAD"), get()),
    "a GET with a body in chunks": (
        get("/a", "Transfer-Encoding: chunked", body="4\r\nevil\r\n0\r\n\r\n"),
        get(),
    ),
    "a form in a GET": (fat("/a", "Content-Type: application/x-www-form-urlencoded"), get()),
    "a POST": (fat("/a", method="POST"), get()),
    "a PUT": (fat("/a", method="PUT"), get()),
    "an unknown method": (get("/a", "X-Evil: evil", method="EVIL"), get()),
    "a method in lower case": (get("/a", "X-Evil: evil", method="get"), get()),
    "a QUERY": (fat("/a", "Content-Type: text/plain", method="QUERY"), get()),
    "a QUERY with another body": (
        fat("/a", "Content-Type: text/plain", method="QUERY", body="evil"),
        fat("/a", "Content-Type: text/plain", method="QUERY", body="good"),
    ),
    "a QUERY with another type": (
        fat("/a", "Content-Type: text/evil", method="QUERY", body="good"),
        fat("/a", "Content-Type: text/plain", method="QUERY", body="good"),
    ),
    "an OPTIONS": (get("/a", "X-Evil: evil", method="OPTIONS"), get()),
    "a TRACE": (get("/a", "X-Evil: evil", method="TRACE"), get()),
    "HEAD first": (get("/a", method="HEAD"), get()),
    "a range": (get("/a", "Range: bytes=0-3"), get()),
    "a range from the end": (get("/a", "Range: bytes=-4"), get()),
    "many ranges": (get("/a", "Range: bytes=0-0,2-2,4-4"), get()),
    "a range that can't be met": (get("/a", "Range: bytes=99999999-"), get()),
    "a range of another unit": (get("/a", "Range: evil=0-3"), get()),
    "a condition that holds for all": (get("/a", "If-None-Match: *"), get()),
    "a condition on a tag": (get("/a", 'If-None-Match: "1"'), get()),
    "a condition that fails": (get("/a", 'If-Match: "evil"'), get()),
    "a condition on a date": (
        get("/a", "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT"),
        get(),
    ),
    "an If-Range": (get("/a", "Range: bytes=0-3", 'If-Range: "evil"'), get()),
    "a time-out": (get("/a", "X-Request-Timeout: 9"), get()),
    "a credential": (get("/a", "Authorization: Bearer evil"), get()),
    "a credential for a proxy": (get("/a", "Proxy-Authorization: Basic evil"), get()),
    "an API key": (get("/a", "X-API-Key: evil"), get()),
    "a cookie on a path with a static name": (get("/a/b.css", "Cookie: evil"), get("/a/b.css")),
    "no-store": (get("/a", "Cache-Control: no-store", "X-Evil: evil"), get()),
    "an upgrade": (get("/a", "Connection: Upgrade", "Upgrade: evil"), get()),
    "a field with a blank before the colon": (get("/a", "X-Evil : evil"), get()),
    "a field that is folded": (get("/a", "X-A: 1\r\n evil: 2"), get()),
    "a field behind a bare line feed": (get("/a", "X-A: 1\nX-Forwarded-Host: evil"), get()),
    "a field behind a bare carriage return": (get("/a", "X-A: 1\rX-Forwarded-Host: evil"), get()),
    "a NUL in a field": (get("/a", "X-A: \0evil"), get()),
    "two lines of one name": (get("/a", "X-A: 1", "X-A: evil"), get("/a", "X-A: 1")),
    "two lines in another order": (
        get("/a", "X-A: 2", "X-A: 1", "X-Evil: evil"),
        get("/a", "X-A: 1", "X-A: 2"),
    ),
    "lines that are joined": (
        get("/a", "X-A: 1, 2", "Accept: evil"),
        get("/a", "X-A: 1", "X-A: 2"),
    ),
    "a value that ends as the next name begins": (
        get("/a", "X-A: 1X-B: evil"),
        get("/a", "X-A: 1", "X-B: 2"),
    ),
}


@pytest.mark.parametrize(("evil", "plain"), PAIRS.values(), ids=list(PAIRS))
async def test_a_request(start_configured: StartConfigured, evil: Sent, plain: Sent) -> None:
    configured = await start_configured(FILE, telling())
    await nothing_came_across(configured, evil, plain)


SMUGGLED = b"GET /a HTTP/1.1\r\nHost: evil.example\r\nX-Evil: evil\r\n\r\n"
SMUGGLING = {
    "both lengths": (b"Content-Length: %d" % len(SMUGGLED), b"Transfer-Encoding: chunked"),
    "two lengths": (b"Content-Length: 0", b"Content-Length: %d" % len(SMUGGLED)),
    "a length with a sign": (b"Content-Length: +%d" % len(SMUGGLED),),
    "a length behind a blank": (b"Content-Length : %d" % len(SMUGGLED),),
    "an unknown coding": (b"Transfer-Encoding: xchunked",),
    "a coding behind a tab": (b"Transfer-Encoding:\tchunked\t, identity",),
    "a coding in a folded line": (b"X-A: 1\r\n Transfer-Encoding: chunked",),
    "a length that is hidden": (
        b"Connection: Content-Length",
        b"Content-Length: %d" % len(SMUGGLED),
    ),
    "no length at all": (),
}


@pytest.mark.parametrize("fields", SMUGGLING.values(), ids=list(SMUGGLING))
async def test_a_request_in_the_body_of_another(
    start_configured: StartConfigured, fields: tuple[bytes, ...]
) -> None:
    configured = await start_configured(FILE, telling())
    first = b"\r\n".join((b"GET /a HTTP/1.1", b"Host: shop.example", *fields, b"", SMUGGLED))
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(first)
        await client.answer()
    await nothing_came_across(configured, get("/b"), get("/a"))


BROKEN = {
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nContent-Length: 4\r\nContent-Length: 2\r\n\r\nevil"
    ),
    "a length and chunks": (
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"
    ),
    "a body that breaks off": (
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nContent-Length: 9\r\n\r\nevil"
    ),
    "chunks that break off": (
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n"
    ),
    "a bare line feed": (
        b"HTTP/1.1 200 OK\r\nX-A: 1\nX-B: evil\r\nCache-Control: max-age=300\r\nContent-Length: 4\r\n\r\nevil"
    ),
    "a head without an end": b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nX-Evil: evil",
    "an interim answer without a final one": b"HTTP/1.1 103 Early Hints\r\nLink: evil\r\n\r\n",
    "a part that nobody asked for": (
        b"HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=300\r\nContent-Range: bytes 0-3/9\r\n"
        b"Content-Length: 4\r\n\r\nevil"
    ),
    "a 304 that nobody asked for": (
        b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=300\r\nX-Evil: evil\r\n\r\n"
    ),
    "a cookie": (
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nSet-Cookie: session=evil\r\nContent-Length: 0\r\n\r\n"
    ),
    "nothing about caches": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    "not fresh": b"HTTP/1.1 200 OK\r\nCache-Control: max-age=0\r\nContent-Length: 4\r\n\r\nevil",
    "past": b"HTTP/1.1 200 OK\r\nExpires: 0\r\nContent-Length: 4\r\n\r\nevil",
    "an error with a tag": (
        b'HTTP/1.1 400 Bad Request\r\nETag: "1"\r\nContent-Length: 4\r\n\r\nevil'
    ),
    "for one alone": b"HTTP/1.1 200 OK\r\nCache-Control: private, max-age=300\r\nContent-Length: 4\r\n\r\nevil",
    "for nobody": b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300, no-store\r\nContent-Length: 4\r\n\r\nevil",
    "an error without a word about caches": (
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nevil"
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
async def test_an_answer_that_must_not_be_kept(
    start_configured: StartConfigured, broken: bytes
) -> None:
    """A client makes the service say it once; nobody else hears of it."""
    tell = telling()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if EVIL in received.head:
            writer.write(broken)
            await writer.drain()
        else:
            await tell(received, writer)

    # User-Agent is in no key.
    configured = await start_configured(FILE, answer)
    await nothing_came_across(configured, get("/a", "User-Agent: evil"), get("/a"))


async def test_an_answer_with_another_one_behind_it(start_configured: StartConfigured) -> None:
    """A client has put the end of the answer's head, and an answer of its own, into a field of it."""
    tell = telling()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if EVIL in received.head:
            head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nContent-Length: "
            writer.write(head + b"2\r\n\r\nok" + head + b"4\r\n\r\nevil")
            await writer.drain()
        else:
            await tell(received, writer)

    configured = await start_configured(FILE, answer)
    await nothing_came_across(configured, get("/a?evil"), get("/a"))
    await nothing_came_across(configured, get("/a?evil"), get("/b"))
    assert (await ask(configured, get("/a?evil"))).body == b"ok"


async def test_a_request_that_goes_in_circles_waits_for_nobody(
    start_configured: StartConfigured,
) -> None:
    """A service whose instance leads back here, as one behind another proxy may."""
    configured = await start_configured(FILE, telling(), registers=False)
    gateway = configured.gateway
    async with Forwarder(gateway.port) as around:
        await gateway.register("order_service", around.port, health_check_url="/health")
        assert (await ask(configured, get())).status == 508
    await gateway.admin("DELETE", "/services/order_service/instances/i1")
    await gateway.register("order_service", configured.upstream.port, health_check_url="/health")
    assert (await ask(configured, get())).status == 200


async def test_a_client_without_a_host_is_served(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, telling())
    without = get(host=None, version="HTTP/1.0")
    await nothing_came_across(configured, get("/a", "X-A: evil"), get())
    answers = [await ask(configured, without) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert [hit(answer) for answer in answers] == [False, True]


@pytest.mark.parametrize("path", ["/own", "/passing", "/shared"])
@pytest.mark.parametrize("says", [b"X-Nothing: 1", b"Cache-Control: private"])
async def test_another_subject(
    start_configured: StartConfigured, tmp_path: Path, path: str, says: bytes
) -> None:
    (tmp_path / "users").write_bytes(htpasswd(evil="one", bob="one"))
    configured = await start_configured(WITH_USERS, telling(says))
    await ask(configured, get(path, basic("evil", "one")))
    for _ in range(2):
        answer = await ask(configured, get(path, basic("bob", "one")))
        assert b"X-Auth-Subject: bob\r\n" in answer.body
        assert EVIL not in answer.body
    nobody = await ask(configured, get(path))
    assert nobody.status == 401
    assert EVIL not in nobody.head + nobody.body
    assert b"bob" not in nobody.head + nobody.body


async def test_a_subject_with_a_credential_that_the_route_does_not_read(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    (tmp_path / "users").write_bytes(htpasswd(bob="one"))
    configured = await start_configured(WITH_USERS, telling(b"Cache-Control: private"))
    bob = basic("bob", "one")
    await ask(configured, get("/own", bob, "X-API-Key: evil"))
    answer = await ask(configured, get("/own", bob))
    assert answer.status == 200
    assert EVIL not in answer.body


CREDENTIALS = ["Authorization: Bearer 1", "X-API-Key: 1", "Proxy-Authorization: Basic 1"]


@pytest.mark.parametrize("field", CREDENTIALS)
async def test_a_client_with_a_credential_gets_nothing_that_was_made_for_nobody(
    start_configured: StartConfigured, field: str
) -> None:
    """The service sees the credential, and the key lacks it."""
    configured = await start_configured(FILE, telling())
    await ask(configured, get("/a", "User-Agent: evil"))
    for _ in range(2):
        answer = await ask(configured, get("/a", field))
        assert field.encode() in answer.body
        assert EVIL not in answer.body
    # What is kept stays kept for all others, and none of them waits for nothing.
    assert hit(await ask(configured, get("/a")))
    await ask(configured, get("/b", field))
    assert b"stored" in (await ask(configured, get("/b"))).values(b"cache-status")[0]
    assert hit(await ask(configured, get("/b")))


@pytest.mark.parametrize("field", CREDENTIALS)
async def test_what_is_for_all_is_for_those_with_a_credential_too(
    start_configured: StartConfigured, field: str
) -> None:
    configured = await start_configured(FILE, telling(b"Cache-Control: public"))
    await ask(configured, get("/a"))
    assert hit(await ask(configured, get("/a", field)))
    await ask(configured, get("/b", field))
    assert hit(await ask(configured, get("/b")))


FROM_A_PROXY = [
    *("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Forwarded-Port: 1evil"),
    *("X-Forwarded-Server: evil", "X-Forwarded-Scheme: evil", "X-Forwarded-Anything: evil"),
    *("Forwarded: host=evil.example", "Forwarded: for=1.2.3.4;proto=evil"),
]


@pytest.mark.parametrize("field", FROM_A_PROXY)
async def test_what_a_trusted_proxy_says_of_one_client(
    start_configured: StartConfigured, field: str
) -> None:
    configured = await start_configured(FILE, telling(), TRUSTED_PROXIES="127.0.0.1")
    first = await ask(configured, get("/a", field))
    assert field.partition(": ")[2].encode() in first.body
    await nothing_came_across(configured, get("/a", field), get("/a"))
    answer = await ask(configured, get("/a"))
    assert b"https" not in answer.body


@pytest.mark.parametrize(
    "field", ["Authorization: Bearer evil", "X-API-Key: evil", "Cookie: evil", "Range: bytes=0-3"]
)
async def test_a_client_that_waits_for_the_same_answer(
    start_configured: StartConfigured, field: str
) -> None:
    """While the first one's answer is on its way, a second one asks."""
    tell, came, go_on = telling(), asyncio.Event(), asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        came.set()
        await go_on.wait()
        await tell(received, writer)

    configured = await start_configured(FILE, answer)
    async with asyncio.TaskGroup() as group:
        evil = group.create_task(ask(configured, get("/a", field)))
        await came.wait()
        plain = group.create_task(ask(configured, get("/a")))
        async with await RawClient.connect(configured.gateway.port) as third:
            await third.send(get("/health").data)
            await third.answer()
        go_on.set()
    assert plain.result().status == 200
    assert EVIL not in plain.result().body
    assert plain.result().body.startswith(b"GET /a HTTP/1.1\r\n")
    assert evil.result().status in (200, 206)
