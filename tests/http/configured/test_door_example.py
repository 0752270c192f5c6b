"""The example file of the door: each of its routes admits whom it says, and nobody else."""

import json
import time
from pathlib import Path

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.api_keys import make_key
from tests.support.example_files import copied
from tests.support.passwords import basic, htpasswd
from tests.support.tokens import P256_KEY, claims, jwk, token

EXAMPLE = Path(__file__).parents[3] / "docs/examples/door.yaml"
FORGED = "Authorization: Bearer e30.e30.e30"


def bearer(subject: str, **more: object) -> str:
    said = {"iss": "https://id.example.com", "aud": "shop", "sub": subject, **more}
    return f"Authorization: Bearer {token(claims(time.time(), **said)).decode()}"


async def key(configured: Configured, name: str, *scopes: str, **more: object) -> str:
    made = await make_key(configured.gateway, name, scopes=list(scopes), **more)
    return f"X-API-Key: {made['key']}"


@pytest.fixture
async def shop(start_configured: StartConfigured, tmp_path: Path) -> Configured:
    contents = {
        "keys.json": json.dumps({"keys": [jwk(P256_KEY)]}).encode(),
        "users.htpasswd": htpasswd(olga="s3cret"),
    }
    copied(EXAMPLE, tmp_path, contents)
    return await start_configured(EXAMPLE.read_text())


async def test_programs_read_orders_by_a_key_with_the_scope(shop: Configured) -> None:
    reader = await key(shop, "reader", "orders:read")
    assert await shop.statuses(1, "/orders/7", reader) == [200]
    (received,) = shop.upstream.requests
    assert received.values(b"x-auth-subject") == [b"reader"]
    assert received.values(b"x-auth-scopes") == [b"orders:read"]
    assert received.values(b"x-auth-method") == [b"api_key"]
    assert received.values(b"x-api-key") == []

    refused = await shop.ask("/orders/7", await key(shop, "another"))
    assert refused.status == 403
    assert b"orders:read" in refused.body
    # The route for other methods takes no keys: there it is a field of the service's own.
    assert (await shop.ask("/orders/7", reader, method="DELETE")).status == 401


async def test_people_change_orders_by_a_token_with_scope_and_role(shop: Configured) -> None:
    for role, scope, status in (
        *(("clerk", "orders:write", 200), (["guest", "admin"], "orders:read orders:write", 200)),
        *(("guest", "orders:write", 403), ("clerk", "orders:read", 403)),
    ):
        line = bearer("ada", role=role, scope=scope)
        assert (await shop.ask("/orders/7", line, method="PUT", body="x")).status == status
    without = await shop.ask("/orders/7", method="PUT")
    assert without.status == 401
    (challenge,) = without.values(b"WWW-Authenticate")
    assert challenge.startswith(b"Bearer ")
    assert [one.values(b"x-auth-subject") for one in shop.upstream.requests] == [[b"ada"], [b"ada"]]


async def test_operators_have_passwords_and_nobody_elses_credential_is_one(
    shop: Configured,
) -> None:
    olga = basic("olga", "s3cret")
    assert await shop.statuses(1, "/operators", olga) == [200]
    assert await shop.statuses(1, "/account", olga) == [401]
    assert await shop.statuses(1, "/operators", bearer("ada")) == [401]


async def test_a_redirect_stands_behind_the_door_and_the_greeting_before_it(
    shop: Configured,
) -> None:
    assert await shop.statuses(1, "/my/orders") == [401]
    moved = await shop.ask("/my/orders", bearer("ada"))
    assert (moved.status, moved.values(b"Location")) == (302, [b"http://a.example/account/orders"])
    hello = await shop.ask("/")
    assert (hello.status, hello.body, hello.values(b"RateLimit")) == (200, b"hello", [])


async def test_who_guesses_is_refused_before_a_credential_is_looked_at(shop: Configured) -> None:
    assert await shop.statuses(11, "/account", FORGED) == [401] * 10 + [429]
    assert await shop.statuses(1, "/account", bearer("ada")) == [429]
    assert shop.upstream.requests == []


async def test_each_subject_has_its_plan_and_a_key_may_have_one_of_its_own(
    shop: Configured,
) -> None:
    answer = await shop.ask("/account", bearer("ada"))
    assert b'"plan";r=99' in answer.values(b"RateLimit")[0]
    answer = await shop.ask("/account", bearer("bob"))
    assert b'"plan";r=99' in answer.values(b"RateLimit")[0]
    limited = await key(shop, "limited", limit={"requests": 2, "window": "60s"})
    first = await shop.ask("/account", limited)
    assert b'"key";q=2;w=60' in first.values(b"RateLimit-Policy")[0]
    assert await shop.statuses(2, "/account", limited) == [200, 429]
    assert await shop.statuses(1, "/account", await key(shop, "limited")) == [200]
