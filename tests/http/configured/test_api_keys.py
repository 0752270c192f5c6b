"""API keys at the door of a gateway: who comes in, with which fields, and what an instance hears."""

import json
import re
from pathlib import Path

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.api_keys import make_key, revoke, status_with
from tests.support.eventually import eventually
from tests.support.keyrings import new_key
from tests.support.registry_servers import RegistryServer

FILE = """\
auth: {keys: {type: api_key}}
defaults: {auth: {any_of: [keys]}}
routes:
  - {name: read, match: {prefix: /read}, service: order_service, auth: {any_of: [keys], scopes: {all: [orders:read]}}}
  - {name: kept, match: {prefix: /kept}, service: order_service, auth: {any_of: [keys], pass_credentials: true}}
  - {name: open, match: {prefix: /open}, service: order_service, auth: none}
  - {name: a, match: {prefix: /a}, service: order_service}
"""
KEY = re.compile(r"lg_[0-9A-Za-z]{43}[0-9A-Za-z]{6}")


@pytest.fixture
async def configured(start_configured: StartConfigured) -> Configured:
    return await start_configured(FILE)


async def test_a_key_comes_in_by_x_api_key_and_as_a_bearer_token(configured: Configured) -> None:
    key = (await make_key(configured.gateway))["key"]
    assert KEY.fullmatch(key)
    for field in (
        f"X-API-Key: {key}",
        f"Authorization: Bearer {key}",
        f"authorization: bEARER {key}",
    ):
        assert (await configured.ask("/a", field)).status == 200


async def test_without_a_key_nobody_comes_in_and_the_challenge_says_what_is_wanted(
    configured: Configured,
) -> None:
    answer = await configured.ask("/a")
    assert answer.status == 401
    assert answer.values(b"www-authenticate") == [b'ApiKey realm="lockgate"']
    assert json.loads(answer.body)["reason"] == "unauthorized"


async def test_a_key_in_the_query_is_no_credential(configured: Configured) -> None:
    key = (await make_key(configured.gateway))["key"]
    for query in (f"api_key={key}", f"X-API-Key={key}", f"key={key}", f"access_token={key}"):
        assert (await configured.ask(f"/a?{query}")).status == 401


async def test_unknown_revoked_expired_replaced_and_mistyped_keys_get_the_same_answer(
    configured: Configured,
) -> None:
    gateway = configured.gateway
    expired = await make_key(gateway, expires="1s")
    unknown, revoked, replaced = [await make_key(gateway) for _ in range(3)]

    async def has_expired() -> bool:
        return await status_with(gateway, expired["key"]) == 401

    await eventually(has_expired)
    await revoke(gateway, revoked["id"])
    await gateway.admin("POST", f"/keys/{replaced['id']}/rotate", json={"overlap": 0})
    keys = [revoked["key"], expired["key"], replaced["key"]]
    keys += [
        new_key()[0],
        unknown["key"][:-1] + ("a" if unknown["key"][-1] != "a" else "b"),
        "lg_",
        "",
        "x" * 52,
    ]
    answers = [await configured.ask("/a", f"X-API-Key: {key}") for key in keys]
    documents = [json.loads(answer.body) for answer in answers]
    for document in documents:
        del document["correlation_id"]
    assert [one["status"] for one in documents] == [401] * len(keys)
    assert documents == [documents[0]] * len(keys)


async def test_what_a_key_may_do_is_told_to_the_instance_and_the_key_is_not(
    configured: Configured,
) -> None:
    made = await make_key(configured.gateway, "orders batch", scopes=["orders:read", "a"])
    for field in (f"X-API-Key: {made['key']}", f"Authorization: Bearer {made['key']}"):
        await configured.ask("/a", field, "X-Auth-Subject: root", "x_auth_scopes: all")
        head = configured.upstream.requests[-1].head.decode()
        assert made["key"] not in head
        lines = [line for line in head.splitlines() if line.lower().startswith("x-auth")]
        assert lines == [
            "X-Auth-Subject: orders batch",
            "X-Auth-Scopes: a orders:read",
            "X-Auth-Method: api_key",
        ]


async def test_a_key_is_passed_on_where_the_route_says_so(configured: Configured) -> None:
    key = (await make_key(configured.gateway))["key"]
    await configured.ask("/kept", f"X-API-Key: {key}")
    assert key in configured.upstream.requests[-1].head.decode()


async def test_a_missing_scope_is_named(configured: Configured) -> None:
    gateway = configured.gateway
    reader, other = (
        await make_key(gateway, "r", scopes=["orders:read"]),
        await make_key(gateway, "o", scopes=["orders:readall"]),
    )
    assert await status_with(gateway, reader["key"], "/read") == 200
    answer = await gateway.get("/read", headers={"X-API-Key": other["key"]})
    assert (answer.status, answer.reason) == (403, "forbidden")
    assert "orders:read" in answer.json()["detail"]


async def test_two_keys_in_one_request_are_one_too_many(configured: Configured) -> None:
    key = (await make_key(configured.gateway))["key"]
    for fields in (
        (f"X-API-Key: {key}", f"X-API-Key: {key}"),
        (f"Authorization: Bearer {key}", f"Authorization: Bearer {key}"),
        (f"X-API-Key: {key}", f"Authorization: Bearer {key}"),
    ):
        answer = await configured.ask("/a", *fields)
        assert (answer.status, json.loads(answer.body)["reason"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "value", ["\xff" * 52, "lg_\x80\xff", "lg_" + "a" * 60_000, "lg_" + "é" * 49, "Basic abc", "{}"]
)
async def test_odd_bytes_are_refused(configured: Configured, value: str) -> None:
    for field in ("X-API-Key: ", "Authorization: Bearer "):
        answer = await configured.ask("/a", field + value)
        assert answer.status in (401, 431)
        assert value.encode("latin-1") not in answer.body


async def test_a_bearer_token_that_begins_like_a_key_is_one_beside_tokens_of_an_issuer(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    secret = tmp_path / "jwt.secret"
    secret.write_bytes(b"s" * 64)
    secret.chmod(0o600)
    users = (
        "{type: jwt, issuer: 'https://id.example', audience: a, algorithms: [HS256], "
        f"secret_file: {secret}}}"
    )
    text = FILE.replace("{type: api_key}}", f"{{type: api_key}}, users: {users}}}")
    configured = await start_configured(text.replace("any_of: [keys]", "any_of: [users, keys]"))
    gateway = configured.gateway
    key, unknown = (await make_key(gateway))["key"], new_key()[0]
    assert (await configured.ask("/a", f"Authorization: Bearer {key}")).status == 200
    for token in (unknown, "lg_", "eyJhbGciOiJub25lIn0.e30."):
        answer = await configured.ask("/a", f"Authorization: Bearer {token}")
        assert answer.status == 401
        challenges = b", ".join(answer.values(b"www-authenticate"))
        assert b"ApiKey" in challenges
        assert b"Bearer" in challenges


async def test_a_rotation_leaves_two_keys_valid_at_once(configured: Configured) -> None:
    gateway = configured.gateway
    first = await make_key(gateway)
    answer = await gateway.admin("POST", f"/keys/{first['id']}/rotate", json={"overlap": "1h"})
    second = answer.json()
    assert (answer.status, second["id"]) == (201, first["id"])
    assert second["key"] != first["key"]
    assert [await status_with(gateway, one["key"]) for one in (first, second)] == [200, 200]
    await revoke(gateway, first["id"])
    assert [await status_with(gateway, one["key"]) for one in (first, second)] == [401, 401]


async def test_a_key_that_was_replaced_ends_with_the_overlap(configured: Configured) -> None:
    gateway = configured.gateway
    first = await make_key(gateway)
    answer = await gateway.admin("POST", f"/keys/{first['id']}/rotate", json={"overlap": "1500ms"})
    second = answer.json()

    async def has_ended() -> bool:
        return await status_with(gateway, first["key"]) == 401

    assert await status_with(gateway, first["key"]) == 200
    await eventually(has_ended)
    assert await status_with(gateway, second["key"]) == 200


async def test_the_last_use_is_shown_to_the_minute(configured: Configured) -> None:
    gateway = configured.gateway
    made = await make_key(gateway)
    await status_with(gateway, made["key"])

    async def last_used() -> str | None:
        (key,) = (await gateway.admin("GET", "/keys")).json()["keys"]
        used: str | None = key["last_used_at"]
        return used

    assert (await eventually(last_used) or "").endswith(":00Z")


async def test_no_key_is_in_the_log_or_in_metrics(
    configured: Configured, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = configured.gateway
    made = await make_key(gateway)
    rotated = (await gateway.admin("POST", f"/keys/{made['id']}/rotate")).json()
    mistyped = made["key"][:-2] + made["key"][-1] + made["key"][-2]
    for key in (made["key"], rotated["key"], mistyped):
        await configured.ask("/a", f"X-API-Key: {key}")
        await configured.ask("/a", f"Authorization: Bearer {key}")
    await revoke(gateway, made["id"])
    listed = (await gateway.admin("GET", "/keys")).body
    texts = [
        *capsys.readouterr(),
        (await gateway.admin("GET", "/metrics")).body.decode(),
        (await gateway.admin("GET", "/status")).body.decode(),
        listed.decode(),
    ]
    for text in texts:
        assert "lg_" not in text


async def test_a_key_that_a_client_puts_elsewhere_is_blotted_out_in_the_log(
    configured: Configured, capsys: pytest.CaptureFixture[str]
) -> None:
    key = (await make_key(configured.gateway))["key"]
    long = "a" * 1000
    for path, *fields in (
        (f"/a/{key}/x",),
        (f"/a/{long}{key}",),
        (f"/nowhere/{key}?k={key}",),
        ("/a", f"User-Agent: client {key}"),
        # The field that the parser reads, and the line that the plain reader does.
        ("/a", f"User-Agent: {key}", "TE: trailers"),
        ("/a", f"X-Correlation-ID: {key}"),
        ("/a", f"Referer: http://h/?k={key}"),
    ):
        answer = await configured.ask(path, *fields)
        assert key not in repr(answer)
    logged = capsys.readouterr().out
    assert "/a/lg_***/x" in logged
    assert key[:30] not in logged
    assert all(key not in one.path for one in configured.gateway.gateway.recent)


async def test_known_keys_go_on_while_the_registry_is_away_and_the_status_says_so(
    start_configured: StartConfigured, own_registry: RegistryServer
) -> None:
    configured = await start_configured(FILE, REDIS_URL=own_registry.url)
    gateway = configured.gateway
    made, other = await make_key(gateway), await make_key(gateway, "never used before")
    assert (await gateway.admin("GET", "/status")).json()["auth"]["keys"]["current"] is True
    own_registry.kill()

    async def is_away() -> bool:
        return not (await gateway.admin("GET", "/status")).json()["auth"]["keys"]["current"]

    await eventually(is_away)
    assert (await gateway.admin("GET", "/status")).json()["auth"]["keys"]["known"] == 2
    assert await status_with(gateway, made["key"]) == 200
    assert await status_with(gateway, other["key"]) == 200
    answer = await gateway.get("/a", headers={"X-API-Key": new_key()[0]})
    assert (answer.status, answer.reason) == (503, "auth_unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert await status_with(gateway, "lg_mistyped") == 401
    answer = await gateway.admin("POST", "/keys", json={"name": "x"})
    assert (answer.status, answer.reason) == (503, "registry_unavailable")


async def test_known_keys_go_on_under_another_name_of_their_way_too(
    start_configured: StartConfigured, own_registry: RegistryServer
) -> None:
    configured = await start_configured(FILE, REDIS_URL=own_registry.url)
    gateway = configured.gateway
    made, gone = await make_key(gateway), await make_key(gateway)
    await revoke(gateway, gone["id"])
    own_registry.kill()

    async def is_away() -> bool:
        ways = (await gateway.admin("GET", "/status")).json()["auth"]
        return not any(way["current"] for way in ways.values())

    await eventually(is_away)
    for name in ("programs", "keys"):
        configured.write(FILE.replace("keys:", f"{name}:").replace("[keys]", f"[{name}]"))
        assert (await gateway.admin("POST", "/config/reload")).status == 200
        ways = gateway.gateway.ways
        assert ways is not None
        assert list(ways.live) == [name]
        assert await status_with(gateway, made["key"]) == 200
        assert await status_with(gateway, gone["key"]) == 401
        assert await status_with(gateway, new_key()[0]) == 503


async def test_a_gateway_that_starts_without_its_registry_decides_about_no_key(
    start_configured: StartConfigured, own_registry: RegistryServer, tmp_path: object
) -> None:
    configured = await start_configured(FILE, REDIS_URL=own_registry.url)
    made = await make_key(configured.gateway)
    await configured.gateway.stop()
    own_registry.kill()
    text = configured.file.read_text() + (
        f"services: {{order_service: {{urls: ['http://127.0.0.1:{configured.upstream.port}']}}}}\n"
    )
    again = await start_configured(
        text, registers=False, view_within_s=0.1, REDIS_URL=own_registry.url
    )
    answer = await again.gateway.get("/a", headers={"X-API-Key": made["key"]})
    assert (answer.status, answer.reason) == (503, "auth_unavailable")


async def test_a_reload_that_changes_other_things_asks_nobody_for_known_keys(
    configured: Configured,
) -> None:
    gateway = configured.gateway
    made = await make_key(gateway)
    assert await status_with(gateway, made["key"]) == 200
    ways = gateway.gateway.ways
    assert ways is not None
    before = ways.live["keys"]
    configured.write(FILE.replace("prefix: /open", "prefix: /free"))
    answer = await gateway.admin("POST", "/config/reload")
    assert answer.status == 200
    assert ways.live["keys"] is before
    assert await status_with(gateway, made["key"]) == 200
