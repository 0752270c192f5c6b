"""A cache keeps what the rules make of an answer, for those to whom the rules give the same."""

import asyncio

from tests.http.configured.conftest import StartConfigured
from tests.support.upstreams import Received

FILE = """
    defaults: {limits: null}
    routes:
      - name: shop
        match: {prefix: /shop}
        service: order_service
        rewrite: {strip: /shop}
        cache: {default_ttl: 1h, ignore_headers: ["*"]}
        rewrite_location: true
        request: {headers: {set: {X-Plan: "{header.X-Who}"}}, query: {set: {v: "2"}}}
        response: {headers: {set: {X-Told: "{header.X-Who}"}, remove: [X-Secret]}}
"""


async def telling(received: Received, writer: asyncio.StreamWriter) -> None:
    plan = b",".join(received.values(b"X-Plan"))
    writer.write(
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\nX-Secret: 1\r\nLink: </a>\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(plan), plan)
    )
    await writer.drain()


async def test_answers_are_kept_for_each_value_that_a_rule_uses(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, telling)
    for who in ("a", "b", "a", "b"):
        answer = await configured.ask("/shop/x", f"X-Who: {who}")
        assert answer.body == who.encode()
        assert answer.values(b"X-Told") == [who.encode()]
        assert answer.values(b"Link") == [b"</shop/a>"]
        assert answer.values(b"X-Secret") == []
    assert [one.target for one in configured.upstream.requests] == [b"/x?v=2"] * 2
    assert b"hit" in answer.values(b"Cache-Status")[0]


async def test_rules_see_members_that_the_cache_ignores(start_configured: StartConfigured) -> None:
    configured = await start_configured(
        """
        defaults: {limits: null}
        routes:
          - name: shop
            match: {prefix: /shop}
            service: order_service
            cache: {default_ttl: 1h, ignore_query: [utm]}
            request: {headers: {set: {X-Plan: "{query.utm}"}}}
            response: {headers: {set: {X-Told: "{query.utm}"}}}
        """,
        telling,
    )
    for utm in ("a", "b", "a"):
        answer = await configured.ask(f"/shop/x?utm={utm}&q=1")
        assert (answer.body, answer.values(b"X-Told")) == (utm.encode(), [utm.encode()])
    assert [one.target for one in configured.upstream.requests] == [b"/shop/x?q=1"] * 2
