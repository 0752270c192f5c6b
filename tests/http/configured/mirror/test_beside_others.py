"""Mirrors on routes that also change, split or compress requests and answers."""

import asyncio
import json

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.http.configured.mirror.conftest import Mirrored, StartMirrored
from tests.support.eventually import eventually
from tests.support.upstreams import OK, Received

BODY = json.dumps({"secret": 1, "items": list(range(1000))}).encode()
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)


def route(*keys: str) -> str:
    return """
        routes:
          - name: shop
            match: {{prefix: /}}
            service: order_service
            limits: null
            mirror: {{to: {{service: shadow}}, methods: [GET, POST], compare: {{json: true}}}}
            {}
    """.format("\n            ".join(keys))


async def test_copies_have_what_rules_have_changed(start_mirrored: StartMirrored) -> None:
    request = (
        "{headers: {set: {X-Tenant: a, X-API-Key: own}, remove: [X-Debug]}, query: {set: {v: '2'}},"
        " path: '/v2/{path.rest}'}"
    )
    mirrored = await start_mirrored(file=route(f"request: {request}"))
    await mirrored.configured.ask("/one?a=1", "X-Debug: 1")
    await mirrored.reported(answered=1)
    (copy,) = mirrored.copies
    (original,) = mirrored.configured.upstream.requests
    assert copy.request_line == original.request_line == b"GET /v2/one?a=1&v=2 HTTP/1.1"
    assert copy.values(b"x-tenant") == original.values(b"x-tenant") == [b"a"]
    assert copy.values(b"x-debug") == original.values(b"x-debug") == []
    assert original.values(b"x-api-key") == [b"own"]
    assert copy.values(b"x-api-key") == []


async def test_copies_have_the_body_that_rules_have_made(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(file=route("request: {json: [{remove: /debug}]}"))
    body = '{"debug": 1, "a": 2}'
    await mirrored.configured.ask("/", "Content-Type: application/json", method="POST", body=body)
    await mirrored.reported(answered=1)
    (copy,) = mirrored.copies
    (original,) = mirrored.configured.upstream.requests
    assert json.loads(copy.body) == {"a": 2}
    assert copy.body == original.body
    assert copy.values(b"content-length") == original.values(b"content-length")


@pytest.mark.parametrize(
    "keys",
    [
        ["response: {json: [{remove: /secret}]}"],
        ["compress: {}"],
        ["cache: {default_ttl: 1h}"],
        ["cache: {default_ttl: 1h}", "compress: {}", "response: {json: [{remove: /secret}]}"],
    ],
)
async def test_what_is_compared_is_what_the_instance_has_answered(
    start_mirrored: StartMirrored, keys: list[str]
) -> None:
    mirrored = await start_mirrored(JSON, JSON, file=route(*keys))
    answer = await mirrored.configured.ask("/one", "Accept-Encoding: gzip")
    assert answer.status == 200
    assert answer.complete
    report = await mirrored.reported(answered=1)
    assert (report["same"], report["not_compared"]) == (1, {})


async def reset(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def test_a_request_that_a_split_moves_to_another_share_is_copied_once(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    file = """
        routes:
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            split: {shares: {"2": 1000000, "1": 1}}
            mirror: {to: {service: shadow}}
    """
    configured = await start_configured(file, registers=False)
    gateway, shadow, canary = (
        configured.gateway,
        await start_upstream(OK),
        await start_upstream(reset),
    )
    for name, upstream, version in (
        ("i1", configured.upstream, "1.0.0"),
        ("i2", canary, "2.0.0"),
    ):
        await gateway.register(
            "order_service", upstream.port, name, version=version, health_check_url="/health"
        )
    await gateway.register("shadow", shadow.port, health_check_url="/health")
    assert await configured.statuses(3, "/") == [200] * 3
    assert canary.requests
    mirrored = Mirrored(configured, shadow)

    async def all_counted() -> bool:
        report = await mirrored.report()
        return bool(report["copies"] == {"answered": 3})

    await eventually(all_counted)
    assert len(shadow.requests) == 3
    report = await mirrored.reported(answered=3)
    assert (report["same"], report["not_compared"]) == (3, {})


async def test_the_parts_of_a_composition_are_copied_where_their_services_have_mirrors(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    file = """
        services:
          order_service: {mirror: {to: {service: shadow}, compare: {json: true}}}
        routes:
          - name: page
            match: {prefix: /page}
            limits: null
            respond:
              compose:
                parts: {orders: {service: order_service, path: /orders}}
    """
    configured = await start_configured(file, JSON)
    shadow = await start_upstream(JSON)
    await configured.gateway.register("shadow", shadow.port, health_check_url="/health")
    answer = await configured.ask("/page", "Authorization: Basic c2VjcmV0")
    assert json.loads(answer.body) == {"orders": json.loads(BODY)}
    mirrored = Mirrored(configured, shadow)
    report = await mirrored.reported(answered=1)
    assert (report["route"], report["same"], report["not_compared"]) == (
        "page.orders",
        1,
        {},
    )
    (copy,) = shadow.requests
    assert copy.request_line == b"GET /orders HTTP/1.1"
    assert copy.values(b"x-lockgate-mirror") == [b"1"]
    assert copy.values(b"authorization") == []
