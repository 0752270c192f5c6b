"""`/splits` and `lockgate split` against a real gateway."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.http.configured.split.conftest import FILE, StartCanary
from tests.http.test_command_line import lockgate
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway

STEPS = FILE + "          steps: [30, 100]\n"


def at(gateway: RunningGateway) -> list[str]:
    return ["--url", gateway.url, "--token", ADMIN_TOKEN]


async def test_it_shows_shares_and_what_follows(start_canary: StartCanary, tmp_path: Path) -> None:
    canary = await start_canary(STEPS)
    here = at(canary.gateways[0])
    status, out, _ = await lockgate(tmp_path, "split", *here)
    assert status == 0
    assert out.startswith("1 split\n")
    rows = [line.split() for line in out.splitlines()]
    assert ["orders", ">=2", "30", "30", "%", "30", "running", "file"] in [row[:8] for row in rows]
    assert "orders: >=2 gets 100 % next; " in out
    assert "s of 600 s are left of this step" in out
    status, out, _ = await lockgate(tmp_path, "split", "orders", "--json", *here)
    document = json.loads(out)
    assert (document["canary"], document["next_step"], document["behind"]) == (">=2", 100, [])


async def test_it_changes_shares_and_waits_for_all_gateways(
    start_canary: StartCanary, tmp_path: Path
) -> None:
    canary = await start_canary(gateways=2)
    status, out, error = await lockgate(
        tmp_path, "split", "orders", "2=60", *at(canary.gateways[0])
    )
    assert (status, error) == (0, "lockgate: all gateways have it\n")
    assert "60 %" in out
    assert (await canary.split(gateway=1))["shares"] == {">=2": 60, "^1": 40}
    status, out, _ = await lockgate(
        tmp_path, "split", "orders", ">=2=1", "1=3", "--json", *at(canary.gateways[1])
    )
    assert json.loads(out)["percent"] == {">=2": 25, "^1": 75}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["users"], "no route users of"),
        (["orders", "3=5"], "3=5: there is no share 3; there are >=2, ^1"),
        (["orders", "2"], "2: write a share and its weight from 0, such as 2=25"),
        (["orders", "2=x"], "2=x: write a share and its weight from 0, such as 2=25"),
        (["orders", "2=-1"], "2=-1: write a share and its weight from 0, such as 2=25"),
        (["orders", "2=nan"], "2=nan: write a share and its weight from 0, such as 2=25"),
        (["orders", "2=1", ">=2=3"], ">=2=3: >=2 has a weight already"),
        (["orders", "2=101"], "101 is more than all shares have together (100)"),
        (["orders", "2=0", "1=0"], "one share at least must be more than 0"),
    ],
)
async def test_what_makes_no_sense_is_told(
    start_canary: StartCanary, tmp_path: Path, words: list[str], said: str
) -> None:
    canary = await start_canary()
    status, out, error = await lockgate(tmp_path, "split", *words, *at(canary.gateways[0]))
    assert (status != 0, out) == (True, "")
    assert said in error


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], 'the body must be {"shares": {NAME: WEIGHT, …}}'),
        ({}, 'the body must be {"shares": {NAME: WEIGHT, …}}'),
        ({"shares": {}, "x": 1}, 'the body must be {"shares": {NAME: WEIGHT, …}}'),
        ({"shares": {}}, "shares: must be an object with a weight for at least one share"),
        ({"shares": 5}, "shares: must be an object with a weight for at least one share"),
        ({"shares": {"2": 5}}, "shares: there is no share '2'; there are >=2, ^1"),
        ({"shares": {"^1": "5"}}, "shares: ^1: must be a number from 0 to 1,000,000"),
        ({"shares": {"^1": True}}, "shares: ^1: must be a number from 0 to 1,000,000"),
        ({"shares": {"^1": -1}}, "shares: ^1: must be a number from 0 to 1,000,000"),
        ({"shares": {"^1": 0, ">=2": 0}}, "shares: one share at least must be more than 0"),
    ],
)
async def test_a_bad_body_is_told_and_changes_nothing(
    start_canary: StartCanary, body: Any, said: str
) -> None:
    canary = await start_canary()
    answer = await canary.admin("PUT", "/splits/orders", json=body)
    assert (answer.status, answer.reason) == (400, "bad_request")
    assert answer.json()["detail"] == said
    assert (await canary.split())["shares"] == {">=2": 30, "^1": 70}


async def test_calls_need_the_token_a_file_and_a_split(start_canary: StartCanary) -> None:
    canary = await start_canary()
    gateway = canary.gateways[0]
    for method, path in (("GET", "/splits"), ("PUT", "/splits/orders")):
        assert (await gateway.request(method, path)).status == 401
    answer = await canary.admin("PUT", "/splits/users", json={"shares": {"a": 1}})
    assert (answer.status, answer.reason) == (404, "split_not_found")


async def test_of_a_long_name_that_is_none_only_the_beginning_is_repeated(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary()
    answer = await canary.admin("PUT", "/splits/orders", json={"shares": {"x" * 15_000: 1}})
    assert answer.status == 400
    assert len(answer.body) < 500


async def test_an_answer_to_a_change_has_it_and_the_listing_says_the_same(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary()
    changed = (await canary.change(new=1)).json()

    async def is_everywhere() -> bool:
        return bool((await canary.split())["behind"] == [])

    await eventually(is_everywhere)
    assert await canary.split() == changed | {"behind": []}
