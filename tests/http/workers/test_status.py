"""`GET /status` of a gateway with workers, whichever of them is asked."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other

_CONTRACT = {"pid", "ready", "started_at", "view_age_s", "in_flight", "connections"}


async def status(gateway: GatewayOfWorkers) -> dict[str, Any]:
    document: dict[str, Any] = (await gateway.request("GET", "/status")).json()
    return document


async def with_all_ready(gateway: GatewayOfWorkers) -> dict[str, Any] | None:
    """What is said once all workers have answered whoever is asked; None: one has not."""
    said = await status(gateway)
    return said if all(one["ready"] for one in said["workers"]) else None


async def test_all_workers_are_listed_whichever_is_asked(tmp_path: Path, registry_url: str) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        asked = set()
        async with aiohttp.ClientSession() as held:  # so that the workers take turns
            while len(asked) < 2:
                async with held.get(f"http://127.0.0.1:{gateway.port}/health"):
                    # One that does not answer in time is listed as not ready.
                    said = await eventually(lambda: with_all_ready(gateway), within_s=30)
                asked.add(said["worker"]["pid"])
                workers = said["workers"]
                assert [one["pid"] for one in workers] == gateway.workers
                assert all(one.keys() >= _CONTRACT for one in workers)
                assert all(one["view_age_s"] is not None for one in workers)
                assert sum(one["connections"] for one in workers) >= 1
                assert said["worker"]["workers"] == 2


async def test_no_pid_is_told_without_the_token(tmp_path: Path, registry_url: str) -> None:
    async with (
        gateway_of_workers(tmp_path, registry_url) as gateway,
        aiohttp.ClientSession() as anybody,
        anybody.get(f"http://127.0.0.1:{gateway.port}/status") as answer,
    ):
        said = await answer.json()

    assert len(said["workers"]) == 2
    assert not any("pid" in one for one in (said["worker"], *said["workers"]))


async def test_a_crash_is_told_of_the_slot_whichever_is_asked(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        unharmed, killed = gateway.workers
        os.kill(killed, signal.SIGKILL)
        _, new = await gateway.all_ready(without=[killed])

        for _ in range(4):
            listed = {one["pid"]: one for one in (await status(gateway))["workers"]}
            assert listed[unharmed]["ended_before"] is None
            ended = listed[new]["ended_before"]
            assert (ended["why"], ended["in_a_row"]) == ("crashed", 1)
            assert ended["at"] <= listed[new]["started_at"]


async def test_a_worker_that_does_not_answer_is_listed_as_not_ready(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        hangs, other = gateway.workers
        os.kill(hangs, signal.SIGSTOP)
        try:
            said = await status(gateway)
        finally:
            with suppress(ProcessLookupError):
                os.kill(hangs, signal.SIGCONT)

        assert said["worker"]["pid"] == other
        found = {one["pid"]: one for one in said["workers"]}
        assert found[other]["ready"]
        assert not found[hangs]["ready"]
        assert found[hangs]["started_at"]
        assert {found[hangs][name] for name in ("view_age_s", "in_flight", "connections")} == {None}
