"""`lockgate keys` against a real gateway."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.configured.test_api_keys import FILE
from tests.http.test_command_line import lockgate
from tests.support.api_keys import make_key, status_with
from tests.support.gateways import ADMIN_TOKEN, RunningGateway


@pytest.fixture
async def configured(start_configured: StartConfigured) -> Configured:
    return await start_configured(FILE)


@pytest.fixture
def gateway(configured: Configured) -> RunningGateway:
    return configured.gateway


def at(gateway: RunningGateway) -> list[str]:
    return ["--url", gateway.url, "--token", ADMIN_TOKEN]


async def listed(gateway: RunningGateway) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = (await gateway.admin("GET", "/keys")).json()["keys"]
    return keys


async def test_create_prints_the_key_alone_so_that_a_script_can_take_it(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    status, out, error = await lockgate(
        tmp_path,
        *("keys", "create", "orders batch", "--scope", "orders:read", "--scope", "b"),
        *("--expires", "90d", "--limit", "100/60s", *at(gateway)),
    )
    assert status == 0
    assert out.count("\n") == 1
    assert await status_with(gateway, out.strip(), "/read") == 200
    (key,) = await listed(gateway)
    assert f"the key {key['id']} of orders batch, valid until {key['expires_at']}" in error
    assert "shown this once" in error
    assert (key["scopes"], key["limit"]) == (
        ["orders:read", "b"],
        {"requests": 100, "window": "60s"},
    )


async def test_create_as_json(gateway: RunningGateway, tmp_path: Path) -> None:
    status, out, error = await lockgate(tmp_path, "keys", "create", "n", "--json", *at(gateway))
    document = json.loads(out)
    assert (status, error, document["name"]) == (0, "", "n")
    assert await status_with(gateway, document["key"]) == 200


async def test_list_shows_every_key_and_no_secret(gateway: RunningGateway, tmp_path: Path) -> None:
    made = await make_key(gateway, "batch", scopes=["a", "b"], limit="5/1m")
    await make_key(gateway, "other", expires="2199-01-01T00:00:00Z")
    status, out, error = await lockgate(tmp_path, "keys", "list", *at(gateway))
    assert (status, error) == (0, "")
    for text in ("2 keys", made["id"], "batch", "a b", "5/60s", "2199-01-01T00:00:00Z", "never"):
        assert text in out
    assert "lg_" not in out
    status, out, _ = await lockgate(tmp_path, "keys", "list", "--json", *at(gateway))
    document = json.loads(out)
    assert (status, document["count"]) == (0, 2)
    assert [one["name"] for one in document["keys"]] == ["batch", "other"]


@pytest.mark.parametrize("by", ["id", "name"])
async def test_rotate_prints_a_new_key_and_says_until_when_the_old_one_is_valid(
    gateway: RunningGateway, tmp_path: Path, by: str
) -> None:
    made = await make_key(gateway, "batch")
    status, out, error = await lockgate(
        tmp_path, "keys", "rotate", made[by], "--overlap", "1h", *at(gateway)
    )
    assert status == 0
    assert out.strip() != made["key"]
    assert [await status_with(gateway, key) for key in (made["key"], out.strip())] == [200, 200]
    (key,) = await listed(gateway)
    assert f"the key before it is valid until {key['old_key_ends_at']}" in error


async def test_rotate_without_an_overlap_ends_the_old_key(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    made = await make_key(gateway)
    status, out, _ = await lockgate(
        tmp_path, "keys", "rotate", made["id"], "--overlap", "0", *at(gateway)
    )
    assert status == 0
    assert [await status_with(gateway, key) for key in (made["key"], out.strip())] == [401, 200]


@pytest.mark.parametrize("by", ["id", "name"])
async def test_revoke_ends_a_key(gateway: RunningGateway, tmp_path: Path, by: str) -> None:
    made = await make_key(gateway, "batch")
    status, out, error = await lockgate(tmp_path, "keys", "revoke", made[by], *at(gateway))
    assert (status, out, error) == (0, f"revoked: {made['id']}\n", "")
    assert await status_with(gateway, made["key"]) == 401
    assert await listed(gateway) == []


async def test_a_name_of_two_keys_is_not_guessed_about(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    ids = [(await make_key(gateway, "batch"))["id"] for _ in range(2)]
    status, _, error = await lockgate(tmp_path, "keys", "revoke", "batch", *at(gateway))
    assert status == 2
    assert "batch is the name of 2 keys" in error
    assert all(one in error for one in ids)
    assert len(await listed(gateway)) == 2


@pytest.mark.parametrize(
    ("words", "exits", "says"),
    [
        (("revoke", "nobody"), 1, "has no key nobody; `lockgate keys list` shows all"),
        (("rotate", "nobody"), 1, "has no key nobody"),
        (("create", "n", "--expires", "soon"), 1, "expires: must be a duration such as 90d"),
        (("create", "n", "--limit", "many"), 1, "limit: must be"),
        (("create", "n", "--scope", "a b"), 1, "scopes[0]: must be a scope such as orders:read"),
        (("create", ""), 1, "name: must be printable"),
        (("create",), 2, "Missing argument 'NAME'"),
        (("remove", "k"), 2, "No such command 'remove'"),
    ],
)
async def test_a_mistake_is_told_in_one_line(
    gateway: RunningGateway, tmp_path: Path, words: tuple[str, ...], exits: int, says: str
) -> None:
    options = at(gateway) if words[0] != "remove" else ()
    status, out, error = await lockgate(tmp_path, "keys", *words, *options)
    assert (status, out) == (exits, "")
    assert says in error
    assert error.count("\n") == 1


async def test_without_a_token_the_command_says_how_to_give_one(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    status, _, error = await lockgate(tmp_path, "keys", "list", "--url", gateway.url)
    assert status == 2
    assert "give it with --token or ADMIN_TOKEN" in error
