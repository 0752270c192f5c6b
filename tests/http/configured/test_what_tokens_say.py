"""What a valid token says reaches an instance as it is meant, or not at all: no claim puts in a line or a name."""

import json
import time
from pathlib import Path

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.api_keys import make_key
from tests.support.passwords import basic, htpasswd
from tests.support.tokens import AUDIENCE, ISSUER, P256_KEY, claims, jwk, token

FILE = f"""
    auth:
      users: {{type: jwt, issuer: "{ISSUER}", audience: {AUDIENCE}, jwks_file: keys.json, algorithms: [ES256]}}
      keys: {{type: api_key}}
      ops: {{type: basic, users_file: users}}
    routes:
      - {{name: tokens, match: {{prefix: /tokens}}, service: order_service, auth: {{any_of: [users]}}}}
      - {{name: scoped, match: {{prefix: /scoped}}, service: order_service,
         auth: {{any_of: [users], scopes: {{all: [orders:read]}}, claims: {{role: [admin]}}}}}}
      - {{name: all, match: {{prefix: /all}}, service: order_service, auth: {{any_of: [users, keys, ops]}}}}
"""
NAMES = (b"x-auth-subject", b"x-auth-scopes", b"x-auth-method")


@pytest.fixture
async def door(start_configured: StartConfigured, tmp_path: Path) -> Configured:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk(P256_KEY)]}))
    (tmp_path / "users").write_bytes(htpasswd(ada="one"))
    return await start_configured(FILE)


def bearer(**said: object) -> str:
    return f"Authorization: Bearer {token(claims(time.time(), **said)).decode()}"


@pytest.mark.parametrize(
    "subject",
    [
        *(
            "ada\r\nX-Auth-Scopes: root",
            "ada\nx",
            "ada\rx",
            "ada\0",
            "\x7f",
            "a\tb",
            "\u2028",
            "\u202eada",
        ),
        *(" ", " ada", "ada "),
        *("", "a" * 257, "ü" * 129, "\ud800", "\x85", "ada\x1b[31m"),
        *(7, True, None, ["ada"], {"name": "ada"}, 1.5),
    ],
)
async def test_a_subject_that_is_none_admits_nobody(door: Configured, subject: object) -> None:
    answer = await door.ask("/tokens", bearer(sub=subject))
    assert answer.status == 401
    assert door.upstream.requests == []


@pytest.mark.parametrize(
    "subject", ["ada", "zoë", "a b", "auth0|5f7c", "ada@example.com", "a" * 256]
)
async def test_a_subject_reaches_the_instance_as_it_is(door: Configured, subject: str) -> None:
    assert (await door.ask("/tokens", bearer(sub=subject))).status == 200
    (received,) = door.upstream.requests
    assert received.values(b"x-auth-subject") == [subject.encode()]


@pytest.mark.parametrize(
    "scope",
    [
        *(
            "orders:read\r\nX-Auth-Subject: root",
            "orders:read\nx",
            "orders:read\tx",
            "orders:read\0",
        ),
        *(
            ["orders:read", "x\r\nX-Auth-Subject: root"],
            ["orders:read", "a b"],
            ["orders:read", ""],
        ),
        *(["orders:read", 7], ["orders:read", None], ["orders:read", ["x"]], [["orders:read"]]),
        *(
            {"orders:read": True},
            7,
            True,
            None,
            "",
            " ",
            [],
            "\u00a0orders:read",
            "orders:read\u2028",
        ),
    ],
)
async def test_no_scope_puts_in_a_line_or_grants_what_it_does_not_say(
    door: Configured, scope: object
) -> None:
    """Whatever becomes of such scopes, each field is there once and in one line."""
    plain = await door.ask("/tokens", bearer(scope=scope))
    assert plain.status in (200, 401)
    for received in door.upstream.requests:
        assert [received.values(name) for name in NAMES][::2] == [[b"ada"], [b"jwt"]]
        (scopes,) = received.values(b"x-auth-scopes")
        assert set(scopes.decode().split(" ")) <= {"", "orders:read", "x", "a", "b", "7"}
        assert b"root" not in received.head.replace(scopes, b"")


@pytest.mark.parametrize(
    ("role", "status"),
    [
        *(("admin", 200), (["admin", "x"], 200), (["x", "admin"], 200)),
        *(("Admin", 403), ("admin ", 403), ("admin,x", 403), ("x admin", 403), (["x"], 403)),
        *(
            ([["admin"]], 403),
            ({"admin": True}, 403),
            (None, 403),
            (True, 403),
            ("", 403),
            ([], 403),
        ),
    ],
)
async def test_a_claim_is_its_whole_value(door: Configured, role: object, status: int) -> None:
    answer = await door.ask("/scoped", bearer(scope="orders:read", role=role))
    assert answer.status == status


@pytest.mark.parametrize(
    "scope", ["orders:rea", "orders:read2", "orders:*", "*", "ORDERS:READ", "orders"]
)
async def test_a_scope_is_its_whole_name(door: Configured, scope: str) -> None:
    answer = await door.ask("/scoped", bearer(scope=scope, role="admin"))
    assert (answer.status, b"orders:read" in answer.body) == (403, True)


async def test_one_name_by_three_ways_is_told_apart_by_the_method(door: Configured) -> None:
    key = (await make_key(door.gateway, "ada"))["key"]
    for line in (
        bearer(),
        f"X-API-Key: {key}",
        f"Authorization: Bearer {key}",
        basic("ada", "one"),
    ):
        assert (await door.ask("/all", line)).status == 200
    told = [[one.values(name) for name in NAMES] for one in door.upstream.requests]
    assert [one[0] for one in told] == [[b"ada"]] * 4
    assert [one[2] for one in told] == [[b"jwt"], [b"api_key"], [b"api_key"], [b"basic"]]


async def test_no_two_credentials_are_one(door: Configured) -> None:
    key = (await make_key(door.gateway, "ada"))["key"]
    api_key, ada = f"X-API-Key: {key}", bearer()
    for lines in (
        *((api_key, ada), (ada, api_key), (api_key, basic("ada", "one")), (api_key, api_key)),
        *((ada, ada), (api_key, "Authorization: x"), (api_key, "Authorization:")),
    ):
        answer = await door.ask("/all", *lines)
        assert (lines, answer.status) == (lines, 400)
    assert door.upstream.requests == []
