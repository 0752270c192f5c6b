"""`/cache`: who may call it, what it counts, and what it says of a request."""

import asyncio
from typing import Any

import pytest

from gateway.endpoints.cache_showing import NOTHING_KEPT
from tests.conftest import StartGateway
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.caching import HOST, Numbered, ask, purge, status_of
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /shop}
        service: order_service
        limits: null
        cache: {stale_while_revalidate: 10s, ignore_query: [utm_source]}
      - name: own
        match: {prefix: /own}
        service: order_service
        limits: null
        cache: {by: subject}
      - name: plain
        match: {prefix: /plain}
        service: order_service
        limits: null
"""
CALLS = [("GET", "/cache"), ("POST", "/cache/purge"), ("GET", "/cache/show?url=/x")]


@pytest.fixture
def upstream() -> Numbered:
    return Numbered()


@pytest.fixture
async def configured(start_configured: StartConfigured, upstream: Numbered) -> Configured:
    return await start_configured(FILE, upstream)


@pytest.fixture
def gateway(configured: Configured) -> RunningGateway:
    return configured.gateway


async def shown(gateway: RunningGateway, path: str, *headers: str, **more: str) -> dict[str, Any]:
    asked = [("url", f"http://{HOST}{path}"), *more.items()]
    asked += [("header", header) for header in headers]
    answer = await gateway.admin("GET", "/cache/show", params=asked)
    assert answer.status == 200
    document: dict[str, Any] = answer.json()
    return document


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_each_call_needs_the_admin_token(
    gateway: RunningGateway, start_gateway: StartGateway, method: str, path: str
) -> None:
    answer = await gateway.request(method, path, json={"url": "/x"})
    assert (answer.status, answer.reason) == (401, "unauthorized")
    wrong = {"Authorization": f"Bearer {ADMIN_TOKEN}x"}
    assert (await gateway.request(method, path, headers=wrong)).status == 401
    without = await start_gateway(ADMIN_TOKEN="")
    assert (await without.admin(method, path)).reason == "forbidden"


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_a_gateway_without_a_file_has_no_cache(
    start_gateway: StartGateway, method: str, path: str
) -> None:
    gateway = await start_gateway()
    answer = await gateway.admin(method, path, json={"url": "/x"})
    assert (answer.status, answer.reason) == (404, "no_configuration")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"url": "items"}', "url: must be a URL such as"),
        (b'{"url": "/a", "url": "/b"}', "given twice"),
        (b'{"url": "/a", "tag": "b"}', "one of url, prefix, tag, and one alone"),
        (b'{"tag": "a", "soft": "yes"}', "soft: must be true or false"),
    ],
)
async def test_a_purge_that_makes_no_sense_is_400_and_says_why(
    gateway: RunningGateway, body: bytes, why: str
) -> None:
    answer = await gateway.admin("POST", "/cache/purge", data=body)
    assert (answer.status, answer.reason) == (400, "bad_request")
    assert why in answer.json()["detail"]


async def test_a_body_that_is_too_long_is_refused(gateway: RunningGateway) -> None:
    answer = await gateway.admin("POST", "/cache/purge", data=b" " * 70_000)
    assert answer.status == 413


async def test_what_was_answered_and_kept_is_counted(
    gateway: RunningGateway, upstream: Numbered
) -> None:
    for _ in range(3):
        await ask(gateway, "/shop/1")
    upstream.fields = {b"Cache-Control": b"private"}
    await ask(gateway, "/shop/2")
    await purge(gateway, prefix="/shop/")
    document = (await gateway.admin("GET", "/cache")).json()
    assert document["hits"] == {"fresh": 2}
    assert document["misses"] == {"uri-miss": 2}
    assert document["not_stored"] == {"private": 1}
    assert (document["hit_ratio"], document["stored"]) == (0.5, 1)
    assert document["routes"]["shop"]["hits"] == 2
    assert document["memory"]["entries"] == 0
    assert document["memory"]["max_bytes"] == 64 * 1024 * 1024
    assert document["redis"] is None
    assert document["purges"]["purged"] == 1
    metrics = (await gateway.get("/metrics")).body.decode()
    for line in (
        'gateway_cache_hits_total{kind="fresh",route="shop"} 2.0',
        'gateway_cache_misses_total{route="shop",why="uri-miss"} 2.0',
        'gateway_cache_stored_total{route="shop"} 1.0',
        'gateway_cache_not_stored_total{route="shop",why="private"} 1.0',
        "gateway_cache_entries 0.0",
        "gateway_cache_purged_total 1.0",
    ):
        assert line in metrics
    status = (await gateway.admin("GET", "/status")).json()["cache"]
    assert (status["hits"], status["misses"]) == (2, 2)


async def test_show_says_what_the_next_request_gets(gateway: RunningGateway) -> None:
    before = await shown(gateway, "/shop/1")
    assert before == {
        "route": "shop",
        "url": f"http://{HOST}/shop/1",
        "served": False,
        "why": NOTHING_KEPT,
    }
    await ask(gateway, "/shop/1")
    after = await shown(gateway, "/shop/1?utm_source=x")
    assert (after["served"], after["status"], after["bytes"]) == (True, 200, 1)
    assert after["why"].startswith("it is fresh for another ")
    answer = await ask(gateway, "/shop/1")
    assert status_of(answer).startswith("lockgate; hit; ttl=")
    assert after["cache_status"].startswith("lockgate; hit; ttl=")


async def test_show_sends_nothing_and_counts_nothing(
    gateway: RunningGateway, configured: Configured
) -> None:
    await shown(gateway, "/shop/1")
    assert configured.upstream.requests == []
    assert (await gateway.admin("GET", "/cache")).json()["misses"] == {}


@pytest.mark.parametrize(
    ("path", "headers", "more", "why"),
    [
        ("/elsewhere", (), {}, "no route of the configuration file takes this request"),
        ("/status", (), {}, "the path is one of the gateway's own"),
        ("/plain/1", (), {}, "the route plain has no cache"),
        ("/shop/1", (), {"method": "POST"}, "only GET, HEAD and QUERY are answered from a cache"),
        ("/shop/1", ("Cache-Control: no-store",), {}, "the request says no-store"),
        ("/shop/1", ("Upgrade: websocket", "Connection: upgrade"), {}, "for another protocol"),
        ("/own/1", (), {}, "each subject has its own"),
    ],
)
async def test_show_says_why_a_request_is_not_answered_from_the_cache(
    gateway: RunningGateway, path: str, headers: tuple[str, ...], more: dict[str, str], why: str
) -> None:
    document = await shown(gateway, path, *headers, **more)
    assert document["served"] is False
    assert why in document["why"]


async def test_show_says_why_the_last_answer_was_not_kept(
    gateway: RunningGateway, upstream: Numbered
) -> None:
    upstream.fields = {b"Cache-Control": b"no-store"}
    await ask(gateway, "/shop/1")
    assert (await shown(gateway, "/shop/1"))["why"] == "the last answer could not be kept: no-store"


async def test_show_says_it_of_a_request_with_a_credential_too(
    gateway: RunningGateway,
) -> None:
    credential = "Authorization: Bearer x"
    await ask(gateway, "/shop/1", credential)
    document = await shown(gateway, "/shop/1", credential)
    assert document["why"] == "the last answer could not be kept: authorization"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({b"Cache-Control": b"max-age=0", b"ETag": b'"v1"'}, "is asked whether it has changed"),
        ({b"Cache-Control": b"max-age=0, stale-if-error=60"}, "this answer is served if it fails"),
    ],
)
async def test_show_says_what_the_service_is_asked_for(
    gateway: RunningGateway, upstream: Numbered, fields: dict[bytes, bytes], why: str
) -> None:
    upstream.fields = fields
    await ask(gateway, "/shop/1")
    assert (await shown(gateway, "/shop/1"))["why"].endswith(why)


async def test_show_says_by_what_an_answer_varies(
    gateway: RunningGateway, upstream: Numbered
) -> None:
    upstream.fields = {b"Vary": b"Accept-Language"}
    await ask(gateway, "/shop/1", "Accept-Language: de")
    document = await shown(gateway, "/shop/1")
    assert (document["served"], document["vary"]) == (False, ["accept-language"])
    assert "is kept for other values of these" in document["why"]
    assert (await shown(gateway, "/shop/1", "Accept-Language: de"))["served"] is True


async def test_show_says_what_is_done_with_a_stale_answer(
    gateway: RunningGateway, upstream: Numbered
) -> None:
    upstream.fields = {b"Cache-Control": b"max-age=600, stale-while-revalidate=60"}
    await ask(gateway, "/shop/1")
    await purge(gateway, url="/shop/1", soft=True)
    document = await shown(gateway, "/shop/1", "Cache-Control: no-cache")
    assert (document["served"], document["why"]) == (False, "the request wants a fresher one")
    document = await shown(gateway, "/shop/1")
    assert document["why"].startswith("it was purged softly")


async def test_show_says_that_an_answer_is_validated_each_time(
    gateway: RunningGateway, upstream: Numbered
) -> None:
    upstream.fields = {b"Cache-Control": b"no-cache", b"ETag": b'"v1"'}
    await ask(gateway, "/shop/1")
    document = await shown(gateway, "/shop/1")
    assert (document["served"], document["etag"]) == (False, '"v1"')
    assert "no-cache" in document["why"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "url: is missing"),
        ("url=/items", "url: must have its scheme and host"),
        ("url=http://a/%20", "url: has a space"),
        ("url=http://a/&method=G%20T", "method: must be that of a request"),
        ("url=http://a/&header=de", "header: must be a name and a value"),
        ("url=http://a/&header=a%20b:c", "header: must be a name and a value"),
        ("url=http://a/" + "&header=a:b" * 101, "header: there may be 100 at most"),
    ],
)
async def test_a_request_that_cant_be_shown_is_400(
    gateway: RunningGateway, query: str, why: str
) -> None:
    answer = await gateway.admin("GET", f"/cache/show?{query}")
    assert (answer.status, answer.reason) == (400, "bad_request")
    assert why in answer.json()["detail"]


async def test_a_purge_goes_by_the_url_without_what_the_route_ignores(
    gateway: RunningGateway,
) -> None:
    await ask(gateway, "/shop/1?utm_source=mail&a=b")
    answer = await purge(gateway, url=f"http://{HOST}/shop/1?a=b&utm_source=other")
    assert answer.json() == {"purged": 1}


async def test_an_unsafe_request_drops_the_url_without_what_the_route_ignores(
    gateway: RunningGateway,
) -> None:
    await ask(gateway, "/shop/1?a=b")
    await ask(gateway, "/shop/1?a=b&utm_source=x", "Content-Length: 0", method="POST")
    assert (await shown(gateway, "/shop/1?a=b"))["served"] is False


REDIS_FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {stores: redis}
"""


async def test_what_all_gateways_keep_is_counted_shown_and_purged(
    start_configured: StartConfigured, start_gateway: StartGateway, upstream: Numbered
) -> None:
    configured = await start_configured(REDIS_FILE, upstream)
    first = configured.gateway
    await ask(first, "/1")

    async def redis() -> dict[str, Any]:
        document: dict[str, Any] = (await first.admin("GET", "/cache")).json()["redis"]
        return document

    async def is_shared() -> bool:
        return bool((await redis())["entries"] == 1)

    await eventually(is_shared)
    assert (await redis())["away"] is False
    assert (await redis())["max_bytes"] == 256 * 1024 * 1024
    assert "gateway_cache_redis_up 1.0" in (await first.get("/metrics")).body.decode()
    second = await start_gateway(GATEWAY_CONFIG=str(configured.file))
    document = await shown(second, "/1")
    assert (document["served"], document["store"]) == (True, "redis")
    assert (await shown(first, "/1"))["store"] == "memory"
    purged = (await purge(second, url="/1")).json()["purged"]
    assert purged == 2, "one in Redis, and one in the memory of the first"
    assert (await redis())["entries"] == 0
    assert (await shown(first, "/1"))["why"] == NOTHING_KEPT
    assert (await shown(second, "/1"))["why"] == NOTHING_KEPT


async def test_show_says_that_another_gateway_could_not_keep_the_answer(
    start_configured: StartConfigured, start_gateway: StartGateway, upstream: Numbered
) -> None:
    upstream.fields = {b"Cache-Control": b"private"}
    configured = await start_configured(REDIS_FILE, upstream)
    await ask(configured.gateway, "/1")
    second = await start_gateway(GATEWAY_CONFIG=str(configured.file))

    async def is_said() -> bool:
        said = (await shown(second, "/1"))["why"]
        return bool(said == "the last answer to any gateway could not be kept")

    await eventually(is_said)


@pytest.mark.parametrize("status", [b"304 Not Modified", b"206 Partial Content"])
async def test_what_one_client_asks_for_is_no_reason_not_to_keep_the_next_answer(
    start_configured: StartConfigured, status: bytes
) -> None:
    answers = [b"200 OK", b"200 OK", status]

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        length = b"" if answers[0][:3] == b"304" else b"Content-Length: 0\r\n"
        writer.write(b"HTTP/1.1 %b\r\nCache-Control: private\r\n%b\r\n" % (answers.pop(0), length))

    configured = await start_configured(FILE, answer)
    for fields in ((), (), ('If-None-Match: "a"',)):
        await configured.ask("/shop/a", *fields, host=HOST)
    document = await shown(configured.gateway, "/shop/a")
    assert document["why"] == "the last answer could not be kept: private"


async def test_show_says_that_a_caller_gets_no_answer_that_was_made_for_nobody(
    gateway: RunningGateway,
) -> None:
    await ask(gateway, "/shop/1")
    document = await shown(gateway, "/shop/1", "Authorization: Bearer x")
    assert document["served"] is False
    assert "the request says who calls" in document["why"]
    answer = await ask(gateway, "/shop/1", "Authorization: Bearer x")
    assert "hit" not in status_of(answer)
