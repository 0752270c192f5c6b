"""`/keys`: who may call it, and what it answers; a gateway without a file makes keys for those that have one."""

import json
import re
from typing import Any

import pytest

from middlewares.auth.ways.api_keys import store
from tests.conftest import StartGateway
from tests.support.api_keys import make_key, revoke
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.registry_servers import RegistryServer

KEY = re.compile(r"lg_[0-9A-Za-z]{49}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CALLS = [
    ("POST", "/keys"),
    ("GET", "/keys"),
    ("DELETE", "/keys/k1"),
    ("POST", "/keys/k1/rotate"),
]


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway()


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_each_call_needs_the_admin_token(
    gateway: RunningGateway, start_gateway: StartGateway, method: str, path: str
) -> None:
    answer = await gateway.request(method, path, json={"name": "n"})
    assert (answer.status, answer.reason) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    wrong = {"Authorization": f"Bearer {ADMIN_TOKEN}x"}
    assert (await gateway.request(method, path, headers=wrong)).status == 401
    without = await start_gateway(ADMIN_TOKEN="")
    answer = await without.admin(method, path)
    assert (answer.status, answer.reason) == (403, "forbidden")


async def test_a_key_itself_is_no_admin_token(gateway: RunningGateway) -> None:
    key = (await make_key(gateway))["key"]
    answer = await gateway.get("/keys", headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 401


async def test_a_new_key_is_shown_once(gateway: RunningGateway) -> None:
    answer = await gateway.admin(
        "POST",
        "/keys",
        json={"name": "orders", "scopes": ["a"], "expires": "90d", "limit": "100/60s"},
    )
    made = answer.json()
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(made)[:2] == ["id", "key"]
    assert KEY.fullmatch(made.pop("key"))
    assert TIME.fullmatch(made["created_at"])
    assert TIME.fullmatch(made["expires_at"])
    (listed,) = (await gateway.admin("GET", "/keys")).json()["keys"]
    assert listed == {**made, "expired": False}


async def test_keys_are_listed_by_name_without_those_that_are_revoked(
    gateway: RunningGateway,
) -> None:
    made = [await make_key(gateway, name) for name in ("b", "c", "a")]
    assert (await revoke(gateway, made[1]["id"])).status == 204
    document = (await gateway.admin("GET", "/keys")).json()
    assert document["count"] == 2
    assert [one["name"] for one in document["keys"]] == ["a", "b"]


async def test_all_keys_are_listed_however_many_calls_that_takes(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "IDS_PER_CALL", 2)
    monkeypatch.setattr(store.KeyStore.changes, "__defaults__", (2,))
    for number in range(5):
        await make_key(gateway, f"n{number}")
    keys = (await gateway.admin("GET", "/keys")).json()["keys"]
    assert [one["name"] for one in keys] == [f"n{number}" for number in range(5)]


@pytest.mark.parametrize("id_", ["unknown", "k0000000000000000", "%20", "a%2Fb", "x" * 300])
async def test_a_key_that_is_not_there_is_404(gateway: RunningGateway, id_: str) -> None:
    for method, path in (("DELETE", f"/keys/{id_}"), ("POST", f"/keys/{id_}/rotate")):
        answer = await gateway.admin(method, path)
        assert (answer.status, answer.reason) == (404, "key_not_found")


async def test_a_revoked_key_is_not_there_any_more(gateway: RunningGateway) -> None:
    made = await make_key(gateway)
    assert [(await revoke(gateway, made["id"])).status for _ in range(2)] == [204, 404]
    answer = await gateway.admin("POST", f"/keys/{made['id']}/rotate")
    assert answer.reason == "key_not_found"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"overlap": "24h"}', b'{"overlap": null}'])
async def test_a_rotation_has_the_same_id_a_new_key_and_an_overlap_of_a_day(
    gateway: RunningGateway, body: bytes
) -> None:
    made = await make_key(gateway, scopes=["a"], expires="90d", limit="5/1s")
    answer = await gateway.admin("POST", f"/keys/{made['id']}/rotate", data=body)
    rotated = answer.json()
    assert answer.status == 201
    assert KEY.fullmatch(rotated["key"])
    assert rotated["key"] != made["key"]
    assert TIME.fullmatch(rotated.pop("old_key_ends_at"))
    same = {name: value for name, value in made.items() if name not in ("key", "old_key_ends_at")}
    assert {name: rotated[name] for name in same} == same


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff", "not UTF-8"),
        (b'{"name": "a", "name": "b"}', "given twice"),
        (b'{"name": "n", "expires": NaN}', "expires"),
        (b'{"name": "n", "colour": 1}', "unknown key 'colour'"),
        (b"[" * 100_000, "too large"),
    ],
)
async def test_a_body_that_says_something_else_is_refused(
    gateway: RunningGateway, body: bytes, says: str
) -> None:
    answer = await gateway.admin("POST", "/keys", data=body)
    assert answer.status in (400, 413)
    if answer.status == 400:
        assert says in answer.json()["detail"]
    assert (await gateway.admin("GET", "/keys")).json()["count"] == 0


async def test_a_rotation_of_an_expired_key_is_refused(gateway: RunningGateway) -> None:
    made = await make_key(gateway, expires="1s")

    async def has_expired() -> bool:
        (key,) = (await gateway.admin("GET", "/keys")).json()["keys"]
        return bool(key["expired"])

    await eventually(has_expired)
    answer = await gateway.admin("POST", f"/keys/{made['id']}/rotate")
    assert (answer.status, answer.reason) == (400, "bad_request")
    assert "has expired" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/keys", "GET,HEAD,POST"), ("/keys/k1", "DELETE"), ("/keys/k1/rotate", "POST")],
)
async def test_other_methods_are_not_allowed(
    gateway: RunningGateway, path: str, allowed: str
) -> None:
    answer = await gateway.admin("PUT", path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)


async def test_while_the_registry_is_away_each_call_says_so(
    start_gateway: StartGateway, own_registry: RegistryServer
) -> None:
    gateway = await start_gateway(REDIS_URL=own_registry.url)
    own_registry.kill()
    for method, path in CALLS:
        body: Any = {"name": "n"} if path == "/keys" else {}
        answer = await gateway.admin(method, path, json=body)
        assert (answer.status, answer.reason) == (503, "registry_unavailable")
        assert answer.headers["Retry-After"] == "1"
        assert str(own_registry.port) not in json.dumps(answer.json())
