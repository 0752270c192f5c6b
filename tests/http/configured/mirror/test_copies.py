"""Which requests are copied, and what a copy has."""

import asyncio

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.http.configured.mirror.conftest import StartMirrored
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import OK, Received


async def test_a_copy_is_the_request_with_a_mark(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored()
    answer = await mirrored.configured.ask("/one?a=1", "X-Correlation-ID: an-id", "X-Plan: gold")
    assert answer.body == b"ok"
    report = await mirrored.reported(answered=1)
    (copy,) = mirrored.copies
    (original,) = mirrored.configured.upstream.requests
    assert copy.request_line == original.request_line == b"GET /one?a=1 HTTP/1.1"
    for name in (b"x-correlation-id", b"x-plan", b"host", b"x-forwarded-for", b"via"):
        assert copy.values(name) == original.values(name) != []
    assert copy.values(b"x-lockgate-mirror") == [b"1"]
    assert original.values(b"x-lockgate-mirror") == []
    assert (report["route"], report["mirror"]) == ("shop", "shadow")
    assert (report["same"], report["different"]) == (1, 0)


async def test_credentials_stay_here(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored()
    fields = ("Authorization: Bearer x", "Cookie: a=b", "X-API-Key: k", "X_Api_Key: k")
    await mirrored.configured.ask("/", *fields)
    await mirrored.reported(answered=1)
    (copy,) = mirrored.copies
    (original,) = mirrored.configured.upstream.requests
    for name in (b"authorization", b"cookie", b"x-api-key"):
        assert original.values(name) != []
        assert copy.values(name) == []
    assert copy.values(b"x_api_key") == []


async def test_credentials_go_along_where_they_are_allowed(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(more="credentials: true")
    await mirrored.configured.ask("/", "Authorization: Bearer x", "Cookie: a=b")
    await mirrored.reported(answered=1)
    (copy,) = mirrored.copies
    assert copy.values(b"authorization") == [b"Bearer x"]
    assert copy.values(b"cookie") == [b"a=b"]


async def test_a_client_can_not_say_that_it_is_a_copy(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored()
    await mirrored.configured.ask("/", "X-Lockgate-Mirror: 1")
    await mirrored.reported(answered=1)
    (original,) = mirrored.configured.upstream.requests
    assert original.values(b"x-lockgate-mirror") == []
    assert mirrored.copies[0].values(b"x-lockgate-mirror") == [b"1"]


async def test_a_copy_of_another_gateway_is_not_copied(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(TRUSTED_PROXIES="127.0.0.1")
    await mirrored.configured.ask("/copy", "X-Lockgate-Mirror: 1")
    await mirrored.configured.ask("/other")
    await mirrored.reported(answered=1)
    assert [copy.target for copy in mirrored.copies] == [b"/other"]
    assert mirrored.configured.upstream.requests[0].values(b"x-lockgate-mirror") == [b"1"]


@pytest.mark.parametrize(
    "field", ["Accept: text/event-stream", "Connection: Upgrade\r\nUpgrade: websocket"]
)
async def test_what_has_no_end_is_not_copied(start_mirrored: StartMirrored, field: str) -> None:
    mirrored = await start_mirrored()
    await mirrored.configured.ask("/endless", field)
    await mirrored.configured.ask("/other")
    await mirrored.reported(answered=1)
    assert [copy.target for copy in mirrored.copies] == [b"/other"]


async def test_only_safe_methods_are_copied(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        await mirrored.configured.ask("/", method=method, body="x")
    await mirrored.configured.ask("/", method="OPTIONS")
    await mirrored.reported(answered=1)
    assert [copy.request_line[:7] for copy in mirrored.copies] == [b"OPTIONS"]


async def test_methods_that_are_asked_for_are_copied_with_their_bodies(
    start_mirrored: StartMirrored,
) -> None:
    mirrored = await start_mirrored(more="methods: [POST]")
    await mirrored.configured.ask("/", method="POST", body="the body")
    await mirrored.configured.ask("/")
    await mirrored.reported(answered=1)
    (copy,) = mirrored.copies
    assert (copy.body, copy.values(b"content-length")) == (b"the body", [b"8"])


async def test_a_body_in_pieces_is_copied_as_it_passes(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(more="methods: [POST]")
    client = await RawClient.connect(mirrored.configured.gateway.port)
    await client.send(
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n"
    )
    await eventually(lambda: mirrored.configured.upstream.requests)
    await client.send(b"3\r\nand\r\n0\r\n\r\n")
    assert (await client.answer()).body == b"ok"
    client.writer.transport.abort()
    await mirrored.reported(answered=1)
    (copy,) = mirrored.copies
    assert (copy.body, copy.values(b"content-length")) == (b"fourand", [b"7"])
    assert copy.values(b"transfer-encoding") == []


async def test_a_body_over_the_cap_is_not_copied(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(more="methods: [POST], body: 1KiB")
    large = "x" * 1025
    await mirrored.configured.ask("/announced", method="POST", body=large)
    chunk = b"401\r\n" + large.encode() + b"\r\n0\r\n\r\n"
    client = await RawClient.connect(mirrored.configured.gateway.port)
    await client.send(
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
    )
    assert (await client.answer()).body == b"ok"
    client.writer.transport.abort()
    await mirrored.reported(body_too_large=2)
    assert mirrored.copies == []
    assert [len(one.body) for one in mirrored.configured.upstream.requests] == [1025, 1025]


async def test_a_body_that_breaks_off_is_not_copied(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(more="methods: [POST]")
    client = await RawClient.connect(mirrored.configured.gateway.port)
    await client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nfour")
    await eventually(lambda: mirrored.configured.upstream.requests or mirrored.shadow.requests)
    client.writer.transport.abort()
    await mirrored.reported(abandoned=1)
    assert mirrored.copies == []


async def test_a_share_of_nothing_copies_nothing(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(more="share: 0")
    assert await mirrored.configured.statuses(20, "/") == [200] * 20
    assert (await mirrored.configured.gateway.admin("GET", "/mirrors")).json() == {"mirrors": []}
    assert mirrored.copies == []


async def test_a_share_is_about_its_part(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(more="share: 50, in_flight: 200")
    await mirrored.configured.statuses(200, "/")
    # 50 of 200 or fewer would come once in 10^12 times.
    await eventually(lambda: 50 < len(mirrored.copies) < 150)


async def test_a_range_of_versions_gets_the_copies(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    file = """
        routes:
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            mirror: {to: ">=3"}
    """
    configured = await start_configured(file)
    new = await start_upstream(OK)
    await configured.gateway.register(
        "order_service", new.port, "i3", version="3.1.0", health_check_url="/health"
    )
    assert await configured.statuses(10, "/") == [200] * 10

    def copies(requests: list[Received]) -> int:
        return sum(1 for one in requests if one.values(b"x-lockgate-mirror"))

    await eventually(lambda: copies(new.requests) == 10)
    assert copies(configured.upstream.requests) == 0


async def test_the_path_is_rewritten_for_the_copy_too(start_mirrored: StartMirrored) -> None:
    file = """
        routes:
          - name: shop
            match: {prefix: /shop}
            service: order_service
            rewrite: {strip: /shop}
            limits: null
            mirror: [{to: {service: shadow}}]
    """
    mirrored = await start_mirrored(file=file)
    await mirrored.configured.ask("/shop/one?a=1")
    await mirrored.reported(answered=1)
    assert mirrored.copies[0].target == b"/one?a=1"
    assert mirrored.copies[0].values(b"x-forwarded-prefix") == [b"/shop"]


async def test_several_mirrors_get_a_copy_each(
    start_mirrored: StartMirrored, start_upstream: StartUpstream
) -> None:
    file = """
        routes:
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            mirror: [{to: {service: shadow}}, {to: {service: other}}]
    """
    mirrored = await start_mirrored(file=file)
    other = await start_upstream(OK)
    await mirrored.configured.gateway.register("other", other.port, health_check_url="/health")
    await mirrored.configured.ask("/")
    await eventually(lambda: len(mirrored.copies) == len(other.requests) == 1)


async def test_a_repeat_of_the_request_is_no_second_copy(
    start_mirrored: StartMirrored, start_upstream: StartUpstream
) -> None:
    file = """
        services:
          order_service:
            retries: {attempts: 3, on: [502], budget: 1}
        routes:
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            mirror: {to: {service: shadow}}
    """
    bad = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
    mirrored = await start_mirrored(bad, file=file)
    second = await start_upstream(bad)
    await mirrored.configured.gateway.register(
        "order_service", second.port, "i2", health_check_url="/health"
    )
    await mirrored.configured.ask("/")
    await mirrored.reported(answered=1)
    assert len(mirrored.configured.upstream.requests) + len(second.requests) == 3
    assert len(mirrored.copies) == 1


async def test_copies_are_sent_once_whatever_the_mirror_answers(
    start_mirrored: StartMirrored,
) -> None:
    mirrored = await start_mirrored(mirror=b"not HTTP")
    assert await mirrored.configured.statuses(3, "/") == [200] * 3
    await mirrored.reported(upstream_invalid=3)
    assert len(mirrored.copies) == 3


async def test_with_a_cache_in_front_only_what_goes_to_the_service_is_copied(
    start_mirrored: StartMirrored,
) -> None:
    file = """
        routes:
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            cache: {}
            mirror: {to: {service: shadow}, compare: {json: true}}
    """
    body = b'{"a":1}'
    kept = (
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Type: application/json\r\n"
        b"Content-Length: 7\r\n\r\n" + body
    )
    mirrored = await start_mirrored(kept, kept, file=file)
    answers = [await mirrored.configured.ask("/one") for _ in range(3)]
    assert {answer.body for answer in answers} == {body}
    report = await mirrored.reported(answered=1)
    assert (report["same"], report["not_compared"]) == (1, {})


async def test_a_client_that_leaves_takes_its_copy_along(start_mirrored: StartMirrored) -> None:
    async def hang(received: Received, _writer: asyncio.StreamWriter) -> None:
        await received.reader.read()  # until the gateway closes

    mirrored = await start_mirrored(hang, hang)
    client = await RawClient.connect(mirrored.configured.gateway.port)
    await client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    await eventually(lambda: mirrored.copies and mirrored.configured.upstream.requests)
    client.writer.transport.abort()
    await mirrored.reported(abandoned=1)
    await eventually(lambda: mirrored.shadow.open_connections == 0)


async def test_a_copy_that_was_answered_before_its_client_left_is_counted_once(
    start_mirrored: StartMirrored,
) -> None:
    async def hang(received: Received, _writer: asyncio.StreamWriter) -> None:
        await received.reader.read()

    mirrored = await start_mirrored(hang)
    client = await RawClient.connect(mirrored.configured.gateway.port)
    await client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")

    async def answered() -> bool:
        return bool((await mirrored.report())["copies"])

    await eventually(answered)
    client.writer.transport.abort()
    report = await mirrored.reported(answered=1)
    assert report["not_compared"] == {"client_left": 1}
