"""Each client gets the version of its share, on every gateway and after each restart."""

import asyncio

import pytest

from tests.http.configured.split.conftest import FILE, SERVICE, StartCanary, Version, shares_of
from tests.support.eventually import eventually

USERS = range(120)


async def test_clients_are_shared_out_and_stay_where_they_are(start_canary: StartCanary) -> None:
    canary = await start_canary(gateways=2)
    first = await canary.served(USERS)
    assert 20 <= shares_of(first)["v2"] <= 55  # 36 are meant
    assert shares_of(first)["v1"] + shares_of(first)["v2"] == len(USERS)
    assert await canary.served(USERS, gateway=1) == first
    third = await canary.start_gateway()
    await canary.knows(third, "1.0.0")
    await canary.knows(third, "2.0.0")
    assert await canary.served(USERS, gateway=2) == first


async def test_a_change_holds_on_all_gateways_and_moves_only_what_it_must(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary(gateways=2)
    before = await canary.served(USERS)
    changed = await canary.change(new=60)
    assert changed.status == 200
    assert changed.json()["shares"] == {">=2": 60, "^1": 40}

    async def is_everywhere() -> bool:
        return bool((await canary.split())["behind"] == [])

    await eventually(is_everywhere)
    after = await canary.served(USERS, gateway=1)
    assert await canary.served(USERS) == after
    moved = {(before[user], after[user]) for user in USERS if before[user] != after[user]}
    assert moved == {("v1", "v2")}


async def test_a_change_outlives_restarts_and_reloads_of_the_same_section(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary()
    await canary.change(new=0)
    await canary.gateways[0].stop()
    canary.gateways.clear()
    gateway = await canary.start_gateway()
    await canary.knows(gateway, "1.0.0")
    await canary.knows(gateway, "2.0.0")
    assert shares_of(await canary.served(range(30))) == {"v1": 30}
    await canary.reload(canary.file.read_text() + "\n# something else\n")
    assert (await canary.split())["shares"] == {">=2": 0, "^1": 100}


async def test_another_section_of_the_file_begins_anew_also_when_it_comes_back(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary()
    text = canary.file.read_text()
    await canary.change(new=0)
    await canary.reload(text.replace('">=2": 30', '">=2": 100'))
    assert shares_of(await canary.served(range(30)))["v2"] > 10
    await canary.reload(text)

    async def is_as_in_the_file() -> bool:
        return bool((await canary.split())["shares"] == {">=2": 30, "^1": 70})

    await eventually(is_as_in_the_file)


async def test_another_order_in_the_file_changes_nothing(start_canary: StartCanary) -> None:
    canary = await start_canary()
    await canary.change(new=0)
    reordered = canary.file.read_text().replace('{">=2": 30, "^1": 70}', '{"^1": 70.0, ">=2": 30}')
    assert reordered != canary.file.read_text()
    await canary.reload(reordered)
    assert shares_of(await canary.served(range(30))) == {"v1": 30}
    assert (await canary.split())["shares"] == {">=2": 0, "^1": 100}


async def test_of_two_changes_at_once_each_keeps_what_the_other_has_said(
    start_canary: StartCanary,
) -> None:
    text = FILE.replace('{">=2": 30, "^1": 70}', '{">=3": 0, "2": 0, "^1": 100}')
    canary = await start_canary(text, gateways=2)
    bodies = [{"shares": {">=3": 10}}, {"shares": {"2": 30}}]
    answers = await asyncio.gather(
        *(
            canary.admin("PUT", "/splits/orders", gateway=gateway, json=body)
            for gateway, body in enumerate(bodies)
        )
    )
    assert [answer.status for answer in answers] == [200, 200]
    last = max((answer.json() for answer in answers), key=lambda one: one["revision"])
    assert last["revision"] == 2
    # The second one shares what is left: it may take a part of what the first one has said, and not all.
    assert 0 < last["shares"][">=3"] <= 10
    assert 0 < last["shares"]["2"] <= 30


async def test_testers_choose_a_share_also_one_of_nothing(start_canary: StartCanary) -> None:
    canary = await start_canary()
    await canary.change(new=0)
    for value in (">=2", "2", "2.0.0", "v2", "3"):
        answer = await canary.ask(1, f"X-Version: {value}")
        assert answer.body == b"v2", value
    for value in ("1", "0.9", "", "x" * 100):
        assert (await canary.ask(1, f"X-Version: {value}")).body == b"v1"


async def test_a_version_that_is_gone_leaves_its_clients_to_the_other_one(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary()
    before = await canary.served(USERS)
    path = f"/services/{SERVICE}/instances/i2.0.0"
    assert (await canary.admin("DELETE", path)).status in (200, 204)
    await eventually(
        lambda: f"{SERVICE}/i2.0.0" not in canary.gateways[0].member.view.services[SERVICE]
    )
    assert shares_of(await canary.served(range(40))) == {"v1": 40}
    await canary.register(canary.new, "2.0.0")
    assert await canary.served(USERS) == before


async def test_no_request_fails_while_a_version_is_taken_away_under_load(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary()
    statuses: list[int] = []
    stop = asyncio.Event()

    async def load(user: int) -> None:
        while not stop.is_set():
            statuses.append((await canary.ask(user)).status)

    async with asyncio.TaskGroup() as group:
        for user in range(8):
            group.create_task(load(user))
        await eventually(lambda: len(statuses) > 50)
        await canary.upstreams["2.0.0"].stop()  # it is killed, and still registered
        seen = len(statuses)
        await eventually(lambda: len(statuses) > seen + 100)
        stop.set()
    assert set(statuses) == {200}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_can_not_be_reached_is_stood_in_for_with_the_whole_request(
    start_canary: StartCanary, method: str
) -> None:
    canary = await start_canary(HEALTH_CHECK_INTERVAL="60")
    await canary.change(new=99)
    user = next(user for user, version in (await canary.served(USERS)).items() if version == "v2")
    await canary.upstreams["2.0.0"].stop()
    body = "" if method == "GET" else "x" * 100
    answer = await canary.ask(user, method=method, body=body)
    assert (answer.status, answer.body) == (200, b"v1")


async def test_shares_may_be_other_services(start_canary: StartCanary) -> None:
    canary = await start_canary(
        """
        defaults: {limits: null}
        routes:
          - name: orders
            match: {prefix: /}
            service: order_service
            split: {by: {header: X-User}, shares: {order_service: 50, order_v3: 50}}
        """
    )
    assert (await canary.split())["file"] == {"order_service": 50, "order_v3": 50}
    assert "v3" not in (await canary.served(range(20))).values()
    await canary.register(Version("v3"), "3.0.0", "order_v3")
    served = shares_of(await canary.served(range(60)))
    assert served["v3"] > 15
    assert served["v1"] + served["v2"] > 15


async def test_a_cache_keeps_the_answers_of_each_share_apart(start_canary: StartCanary) -> None:
    canary = await start_canary(
        FILE + "        cache: {default_ttl: 60s, ignore_headers: [X-User]}\n"
    )
    first = await canary.served(USERS)
    assert shares_of(first)["v2"] > 10
    assert (canary.old.asked, canary.new.asked) == (1, 1)
    assert await canary.served(USERS) == first
    await canary.change(new=0)
    assert shares_of(await canary.served(USERS)) == {"v1": len(USERS)}
    assert (canary.old.asked, canary.new.asked) == (1, 1)


async def test_what_another_share_has_answered_is_not_kept_for_the_first(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary(
        FILE + "        cache: {default_ttl: 60s, ignore_headers: [X-User]}\n",
        HEALTH_CHECK_INTERVAL="60",
    )
    await canary.change(new=99)
    await canary.upstreams["2.0.0"].stop()
    answers = [await canary.ask(user) for user in range(4)]
    assert [answer.body for answer in answers] == [b"v1"] * 4
    assert any(b"other-share" in answer.values(b"cache-status")[0] for answer in answers)


async def test_a_client_that_names_a_version_gets_it_and_one_that_names_none_gets_its_share(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary(
        FILE + '        versions: {from: [{header: Accept-Version}], default: "1"}\n'
    )
    served = await canary.served(USERS)
    assert shares_of(served)["v2"] > 10
    assert shares_of(await canary.served(range(20), "Accept-Version: 1")) == {"v1": 20}
    assert shares_of(await canary.served(range(20), "Accept-Version: 2")) == {"v2": 20}
    await canary.change(new=0)
    assert shares_of(await canary.served(range(20), "Accept-Version: 2")) == {"v2": 20}
