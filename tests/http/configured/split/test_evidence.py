"""A split goes on by what requests say of the canary, on all gateways together."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from tests.http.configured.split.conftest import Canary, StartCanary, shares_of
from tests.support.eventually import eventually

FILE = """
    defaults: {limits: null}
    routes:
      - name: orders
        match: {prefix: /}
        service: order_service
        split:
          by: {header: X-User}
          shares: {">=2": 30, "^1": 70}
          rollback: {errors: 0.02, latency: 1.5, over: 3s}
"""
STEPS = FILE + "          steps: [30, 60, 100]\n          over: 1s\n          requests: 20\n"


@asynccontextmanager
async def load(canary: Canary) -> AsyncIterator[None]:
    """Requests of many users to all gateways in turn, for as long as the block lasts."""

    async def send(begin: int) -> None:
        user = begin
        while True:
            user += 8
            await canary.ask(user, gateway=user // 8 % len(canary.gateways))

    tasks = [asyncio.create_task(send(begin)) for begin in range(8)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("on_breach", ["rollback", "freeze"])
async def test_a_failing_canary_is_rolled_back_or_frozen_everywhere_and_told_of_once(
    start_canary: StartCanary, on_breach: str
) -> None:
    canary = await start_canary(FILE + f"          on_breach: {on_breach}\n", gateways=2)
    status = "rolled_back" if on_breach == "rollback" else "frozen"
    canary.new.status = "500 Oops"
    with capture_logs() as logs:
        async with load(canary):
            there = await canary.becomes(status)
            other = await canary.becomes(status, gateway=1)
    told = [one for one in logs if one["event"] == f"split.{status}"]
    assert len(told) == 1
    assert told[0]["breach"] == "errors"
    assert told[0]["share"] == ">=2"
    assert told[0]["canary"]["failed"] > 0
    assert told[0]["p"] < told[0]["alpha"]
    assert there["shares"] == other["shares"]
    assert there["shares"] == (
        {">=2": 0, "^1": 100} if status == "rolled_back" else {">=2": 30, "^1": 70}
    )
    assert there["evidence"]["breach"] == "errors"
    shown = (await canary.gateways[0].get("/status")).json()["splits"]["orders"]
    assert (shown["status"], shown["evidence"]["breach"]) == (status, "errors")
    if status == "rolled_back":
        assert shares_of(await canary.served(range(30))) == {"v1": 30}


async def test_a_slow_canary_is_rolled_back(start_canary: StartCanary) -> None:
    # So much slower, and looked at for so long, that a busy machine which slows down both does not hide it.
    canary = await start_canary(FILE.replace("over: 3s", "over: 10s"))
    canary.old.delay_s, canary.new.delay_s = 0.01, 1.0
    async with load(canary):
        there = await canary.becomes("rolled_back")
    assert there["evidence"]["breach"] == "latency"


async def test_one_that_does_not_answer_is_rolled_back_and_no_request_fails(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary(FILE)
    await canary.upstreams["2.0.0"].stop()
    async with load(canary):
        await canary.becomes("rolled_back")


async def test_a_healthy_canary_takes_its_steps(start_canary: StartCanary) -> None:
    canary = await start_canary(STEPS, gateways=2)
    with capture_logs() as logs:
        async with load(canary):

            async def has_all() -> bool:
                return bool((await canary.split())["shares"] == {">=2": 100, "^1": 0})

            await eventually(has_all, within_s=30)
    told = [one for one in logs if one["event"] == "split.promoted"]
    assert [(one["from"], one["to"]) for one in told] == [(30, 60), (60, 100)]
    assert (await canary.split())["next_step"] is None


async def test_people_go_on_after_a_roll_back(start_canary: StartCanary) -> None:
    canary = await start_canary(FILE)
    canary.new.status = "503 Oops"
    async with load(canary):
        await canary.becomes("rolled_back")
    canary.new.status = "200 OK"
    changed = await canary.change(new=30)
    assert (changed.json()["status"], changed.json()["changed_by"]) == ("running", "api")
    assert "evidence" not in changed.json()


async def test_what_testers_get_is_no_evidence(start_canary: StartCanary) -> None:
    canary = await start_canary(FILE + "          override: {header: X-Version}\n")
    canary.new.status = "500 Oops"
    for user in range(40):
        await canary.ask(user, "X-Version: 2")
    assert (await canary.split())["window"]["canary"]["requests"] == 0


async def test_while_the_registry_is_away_shares_stay_and_own_evidence_rolls_back(
    start_canary: StartCanary,
) -> None:
    canary = await start_canary(FILE)
    before = await canary.served(range(60))
    canary.registry.kill()

    async def is_away() -> bool:
        return bool((await canary.split())["registry"] == "away")

    await eventually(is_away)
    assert await canary.served(range(60)) == before
    answer = await canary.change(new=50)
    assert (answer.status, answer.reason) == (503, "registry_unavailable")
    canary.new.status = "500 Oops"
    with capture_logs() as logs:
        async with load(canary):
            await canary.becomes("rolled_back")
    (told,) = [one for one in logs if one["event"] == "split.rolled_back"]
    assert told["registry"] == "away: this worker has decided alone"
    canary.registry.start()

    async def is_known() -> bool:
        there = await canary.split()
        return bool(there["registry"] == "current" and there["behind"] == [])

    await eventually(is_known, within_s=30)
    assert (await canary.split())["status"] == "rolled_back"
    other = await canary.start_gateway()
    assert (await canary.split(gateway=1))["status"] == "rolled_back"
    assert json.dumps(other.gateway.splitting.describe())  # type: ignore[union-attr]
