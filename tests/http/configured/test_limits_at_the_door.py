"""Limits where it is known who asks: failed log-ins count, also the gateway's own, and subjects have their own."""

import asyncio
from pathlib import Path

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.http.configured.test_limit_kinds import metric, reason
from tests.support.api_keys import make_key
from tests.support.passwords import basic, htpasswd
from tests.support.upstreams import Received, ScriptedUpstream

FILE = """
    discover: false
    limits:
      usual: {requests: 4, window: 60s}
      logins: {requests: 3, window: 60s, counts: [401, 403]}
      plan: {requests: 2, window: 60s, by: subject}
      failed: {requests: 2, window: 60s, by: subject, counts: [404]}
    auth:
      ops: {type: basic, users_file: users}
    defaults:
      auth: {any_of: [ops]}
    routes:
      - {name: a, match: {prefix: /a}, service: order_service, limits: [usual, logins]}
      - {name: b, match: {prefix: /b}, service: order_service, limits: [plan]}
      - {name: c, match: {prefix: /c}, service: order_service, limits: [plan], auth: none}
      - {name: d, match: {prefix: /d}, service: order_service, limits: [failed, logins]}
"""
ALICE, BOB = basic("alice", "one"), basic("bob", "two")
WRONG = basic("alice", "wrong")


def service_url(service: ScriptedUpstream) -> str:
    return f"http://127.0.0.1:{service.port}/check"


@pytest.fixture(autouse=True)
def _users(tmp_path: Path) -> None:
    (tmp_path / "users").write_bytes(htpasswd(alice="one", bob="two"))


async def test_wrong_passwords_count_and_then_none_is_looked_at(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    assert await configured.statuses(3, "/a", WRONG) == [401, 401, 401]
    assert await configured.statuses(5, "/a", ALICE) == [429] * 5
    assert await configured.statuses(2, "/a", WRONG) == [429] * 2
    assert configured.upstream.requests == []
    assert (
        await metric(configured, "gateway_auth_decisions_total", decision="refused", way="ops") == 3
    )

    refused = await configured.ask("/a", ALICE)
    assert reason(refused) == "rate_limited"
    assert 1 <= int(refused.values(b"Retry-After")[0]) <= 61
    assert refused.values(b"WWW-Authenticate") == []


async def test_requests_without_a_credential_count_too(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE)
    assert await configured.statuses(4, "/a") == [401, 401, 401, 429]


async def test_a_refusal_at_the_door_costs_nothing_of_the_limits_behind_it(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    assert await configured.statuses(2, "/a", WRONG) == [401, 401]
    assert await configured.statuses(5, "/a", ALICE) == [200, 200, 200, 200, 429]


async def test_failures_that_the_service_tells_count_together_with_those_of_the_gateway(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(
        FILE, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    )
    assert await configured.statuses(2, "/a", ALICE) == [403, 403]
    assert await configured.statuses(2, "/a", WRONG) == [401, 429]


async def test_clients_are_told_of_the_limits_on_both_sides_of_the_door(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    refused = await configured.ask("/a", WRONG)
    assert refused.values(b"RateLimit-Policy") == [b'"logins";q=3;w=60']
    admitted = await configured.ask("/a", ALICE)
    assert admitted.values(b"RateLimit-Policy") == [b'"logins";q=3;w=60, "usual";q=4;w=60']
    assert admitted.values(b"RateLimit")[0].startswith(b'"logins";r=2;t=')
    assert b'"usual";r=3;t=' in admitted.values(b"RateLimit")[0]
    await configured.statuses(3, "/a", ALICE)
    behind = await configured.ask("/a", ALICE)
    assert behind.status == 429
    assert behind.values(b"RateLimit-Policy") == [b'"usual";q=4;w=60, "logins";q=3;w=60']


async def test_each_subject_has_its_own_count(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE)
    assert await configured.statuses(3, "/b", ALICE) == [200, 200, 429]
    assert await configured.statuses(3, "/b", BOB) == [200, 200, 429]


async def test_a_request_without_a_subject_is_counted_by_its_client(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    assert await configured.statuses(2, "/b", ALICE) == [200, 200]
    # Nobody has looked at the credential, so it is nobody's.
    assert await configured.statuses(3, "/c", ALICE) == [200, 200, 429]
    assert await configured.statuses(1, "/c", BOB) == [429]


async def test_a_limit_that_counts_answers_by_subject_stands_behind_the_door(
    start_configured: StartConfigured,
) -> None:
    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    configured = await start_configured(FILE, answer)
    assert await configured.statuses(3, "/d", ALICE) == [404, 404, 429]
    assert await configured.statuses(1, "/d", BOB) == [404]
    assert await configured.statuses(1, "/d") == [401]


async def test_a_limit_by_subject_is_not_warned_of_where_there_is_a_way(
    start_configured: StartConfigured,
) -> None:
    from gateway.config.file.loading import read_file

    configured = await start_configured(FILE)
    assert read_file(str(configured.file)).mistakes == ()


async def test_what_a_deciding_service_refuses_counts_and_then_it_is_not_asked(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    service = await start_upstream(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    file = FILE.replace(
        "{type: basic, users_file: users}", f"{{type: forward, url: '{service_url(service)}'}}"
    )
    configured = await start_configured(file)
    assert await configured.statuses(5, "/a", ALICE) == [401, 401, 401, 429, 429]
    assert len(service.requests) == 3


async def test_a_key_has_its_own_limit_beside_those_of_the_route(
    start_configured: StartConfigured,
) -> None:
    file = FILE.replace("{type: basic, users_file: users}", "{type: api_key}")
    configured = await start_configured(file)
    limit = {"requests": 2, "window": "60s"}
    limited, free = [
        f"X-API-Key: {(await make_key(configured.gateway, name, **more))['key']}"
        for name, more in (("limited", {"limit": limit}), ("free", {}))
    ]
    assert await configured.statuses(3, "/a", limited) == [200, 200, 429]
    assert await configured.statuses(3, "/a", free) == [
        200,
        200,
        429,
    ]  # the limit usual of the client
    # It counts on all routes together.
    assert await configured.statuses(1, "/d", limited) == [429]
