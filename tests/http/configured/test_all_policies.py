"""A route with every policy at once: each does its part, in the order of the table."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.caching import status_of
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer
from tests.support.upstreams import Received

FILE = """
    limits: {default: {requests: 50, window: 60s}}
    routes:
      - name: shop
        match: {prefix: /shop}
        service: order_service
        rewrite: {strip: /shop}
        rewrite_location: true
        cache: {default_ttl: 60s}
        compress: {over: 100, encodings: [gzip]}
        validate: report
        versions: {from: [{header: Accept-Version}], default: "1"}
        split: {by: {header: X-User}, shares: {"^1": 1, ">=2": 0}, override: {header: X-Tester}}
        mirror: {to: ">=2", share: 100, compare: {json: true, ignore: [/internal, /version]}}
        request:
          headers: {set: {X-Tenant: "{header.Foo}"}}
          query: {remove: [debug]}
        response:
          headers: {set: {X-Frame-Options: DENY}}
          json: [{remove: /internal}]
"""
PADDING = "x" * 500


class Version:
    """Tells what it was asked, and something that no client may see."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.copies: list[Received] = []
        self.requests: list[Received] = []

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        (self.copies if received.values(b"x-lockgate-mirror") else self.requests).append(received)
        told = {
            "version": self.version,
            "target": received.target.decode(),
            "tenant": [one.decode() for one in received.values(b"x-tenant")],
            "internal": "secret",
            "padding": PADDING,
        }
        body = json.dumps(told).encode()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f'ETag: "{self.version}"\r\nContent-Length: {len(body)}\r\n'
            "Content-Location: /orders/1\r\n\r\n"
        )
        writer.write(head.encode() + body)


@pytest.fixture
async def shop(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> tuple[Configured, Version, Version]:
    old, new = Version("1.0.0"), Version("2.0.0")
    configured = await start_configured(FILE, old, registers=False, RATE_LIMIT_REQUESTS="50")
    second = await start_upstream(new)
    for upstream, version in ((configured.upstream, old), (second, new)):
        await configured.gateway.register(
            "order_service",
            upstream.port,
            health_check_url="/health",
            version=version.version,
            instance_id=version.version,
        )
    return configured, old, new


def read(answer: RawAnswer) -> Any:
    body = answer.body
    if answer.values(b"content-encoding") == [b"gzip"]:
        body = gzip.decompress(body)
    return json.loads(body)


def asked(version: Version) -> list[Received]:
    return [one for one in version.requests if one.target != b"/health"]


async def test_one_kept_answer_serves_clients_with_and_without_compression(
    shop: tuple[Configured, Version, Version],
) -> None:
    configured, old, _ = shop
    packed = await configured.ask("/shop/orders?debug=1", "Accept-Encoding: gzip", "Foo: a")
    plain = await configured.ask("/shop/orders?debug=1", "Foo: a")

    assert packed.values(b"content-encoding") == [b"gzip"]
    assert plain.values(b"content-encoding") == []
    assert read(packed) == read(plain)
    assert read(plain) == {
        "version": "1.0.0",
        "target": "/orders",
        "tenant": ["a"],
        "padding": PADDING,
    }
    assert "fwd=uri-miss" in status_of(packed)
    assert "hit" in status_of(plain)
    assert len(asked(old)) == 1
    for answer in (packed, plain):
        assert answer.values(b"x-served-version") == [b"1.0.0"]
        assert answer.values(b"x-frame-options") == [b"DENY"]
        assert answer.values(b"content-location") == [b"/shop/orders/1"]
        assert answer.values(b"etag") == [b'W/"1.0.0"']
        assert answer.values(b"content-length") == [str(len(answer.body)).encode()]
        varies = b", ".join(answer.values(b"vary")).lower()
        assert b"accept-encoding" in varies
        assert b"accept-version" in varies
        assert len(answer.values(b"ratelimit")) == 1


async def test_what_tells_answers_apart_is_the_version_the_share_and_what_rules_use(
    shop: tuple[Configured, Version, Version],
) -> None:
    configured, old, new = shop
    ask = configured.ask
    assert read(await ask("/shop/orders", "Foo: a"))["tenant"] == ["a"]
    assert read(await ask("/shop/orders", "Foo: b"))["tenant"] == ["b"]
    assert read(await ask("/shop/orders", "Foo: a", "Accept-Version: 2"))["version"] == "2.0.0"
    tested = await ask("/shop/orders", "Foo: a", "X-Tester: 2")
    assert read(tested)["version"] == "2.0.0"
    assert tested.values(b"x-served-version") == [b"2.0.0"]
    assert read(await ask("/shop/orders", "Foo: a"))["version"] == "1.0.0"
    assert (len(asked(old)), len(asked(new))) == (2, 2)


async def test_a_copy_is_what_the_service_gets_and_only_of_what_goes_to_it(
    shop: tuple[Configured, Version, Version],
) -> None:
    configured, _, new = shop
    for _ in range(3):
        await configured.ask("/shop/orders?debug=1", "Foo: a")

    async def is_copied() -> bool:
        return len(new.copies) == 1

    await eventually(is_copied)
    assert new.copies[0].target == b"/orders"
    assert new.copies[0].values(b"x-tenant") == [b"a"]


async def test_a_part_is_cut_out_of_what_the_rules_have_left(
    shop: tuple[Configured, Version, Version],
) -> None:
    configured, _, _ = shop
    whole = await configured.ask("/shop/orders", "Foo: a")
    part = await configured.ask("/shop/orders", "Foo: a", "Range: bytes=5-20")
    assert (part.status, part.body) == (206, whole.body[5:21])
    assert b"secret" not in whole.body


async def test_the_order_is_told_as_it_is(shop: tuple[Configured, Version, Version]) -> None:
    configured, _, _ = shop
    told = (await configured.gateway.admin("GET", "/routes")).json()["routes"][0]
    assert told["order"] == [
        *("hygiene", "route", "version", "limits", "cache", "split", "request rules"),
        *("validate", "mirror", "candidates", "hop"),
    ]
    assert told["order_out"] == [
        *("mirror", "response rules", "served version", "split", "cache", "version"),
        *("compress", "our fields"),
    ]
