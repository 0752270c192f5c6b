"""CORS preflights, QUERY, and changes through another route, where answers are kept."""

import asyncio
from itertools import count

import pytest

from tests.http.configured.cache.test_poisoning import hit
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.raw_clients import RawAnswer
from tests.support.upstreams import Received, Script

FILE = """
    routes:
      - {name: shop, match: {prefix: /}, service: order_service, limits: null, cache: {}}
      - {name: lax, match: {host: lax.example}, service: order_service, limits: null, cache: {vary_headers: ["*"]}}
      - {name: admin, match: {prefix: /admin}, service: order_service, limits: null, cache: {stale_if_error: 1h}}
      - name: cors
        match: {prefix: /cors}
        service: order_service
        limits: null
        cache: {}
        cors: {origins: ["https://a.example"], methods: [PUT], max_age: 10m}
"""
PREFLIGHT = ("Origin: https://a.example", "Access-Control-Request-Method: PUT")


def numbered(*fields: str) -> Script:
    """A service that says which request this is, and that anybody may have that for five minutes."""
    numbers = count(1)

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        body = str(next(numbers))
        head = ("HTTP/1.1 200 OK", "Cache-Control: public, max-age=300", *fields)
        writer.write("\r\n".join((*head, f"Content-Length: {len(body)}", "", body)).encode())

    return answer


async def test_a_preflight_that_the_gateway_answers_is_not_kept_and_changes_nothing(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, numbered())
    assert (await configured.ask("/cors")).body == b"1"
    for _ in range(2):
        answer = await configured.ask("/cors", *PREFLIGHT, method="OPTIONS")
        assert answer.status == 200
        assert answer.body == b""
        assert answer.values(b"access-control-allow-origin") == [b"https://a.example"]
        assert answer.values(b"age") == []
    refused = await configured.ask(
        "/cors", "Origin: https://b.example", PREFLIGHT[1], method="OPTIONS"
    )
    assert refused.values(b"access-control-allow-origin") == []
    assert (await configured.ask("/cors")).body == b"1"
    assert len(configured.upstream.requests) == 1


async def test_a_preflight_that_the_service_answers_is_its_own_each_time(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, numbered())
    bodies = [(await configured.ask("/a", *PREFLIGHT, method="OPTIONS")).body for _ in range(2)]
    assert bodies == [b"1", b"2"]
    answer = await configured.ask("/a", PREFLIGHT[0])
    assert (answer.body, hit(answer)) == (b"3", False)
    await configured.ask("/a", *PREFLIGHT, method="OPTIONS")
    assert (await configured.ask("/a", PREFLIGHT[0])).body == b"3"


async def query(configured: Configured, body: str, *fields: str, host: str) -> RawAnswer:
    return await configured.ask("/a", *fields, method="QUERY", body=body, host=host)


@pytest.mark.parametrize("host", ["a.example", "lax.example"])
async def test_a_query_is_another_one_by_its_body_and_by_what_that_is(
    start_configured: StartConfigured, host: str
) -> None:
    """The latter also where all fields are left to Vary (RFC 10008)."""
    configured = await start_configured(FILE, numbered())
    queries = [
        ("a=1", ["Content-Type: text/plain"]),
        ("a=2", ["Content-Type: text/plain"]),
        ("a=1", ["Content-Type: application/json"]),
        ("a=1", ["Content-Type: text/plain", "Content-Encoding: gzip"]),
        ("a=1", ["Content-Type: text/plain", "Content-Language: de"]),
        ("a=1", []),
    ]
    for hits in (False, True):
        for number, (body, fields) in enumerate(queries, 1):
            answer = await query(configured, body, *fields, host=host)
            assert (answer.body, hit(answer)) == (b"%d" % number, hits), fields
    assert not hit(await configured.ask("/a", host=host))


@pytest.mark.parametrize("name", ["Location", "Content-Location"])
async def test_what_an_answer_names_ends_on_another_route_too(
    start_configured: StartConfigured, name: str
) -> None:
    configured = await start_configured(FILE, numbered(f"{name}: /admin/b"))
    assert (await configured.ask("/admin/b")).body == b"1"
    assert (await configured.ask("/admin/c")).body == b"2"
    await configured.ask("/a", method="POST", body="x")
    assert (await configured.ask("/admin/b")).body == b"4"
    assert (await configured.ask("/admin/c")).body == b"2"
