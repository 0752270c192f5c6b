"""All workers take a changed file, or none does, whoever asked for it."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers, in_the_end
from tests.support.raw_clients import RawClient

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other

ROUTE = "routes:\n  - {{name: r, match: {{path: /r}}, respond: {{status: 200, body: '{}'}}}}\n"
GET = b"GET /r HTTP/1.1\r\nHost: h\r\n\r\n"


@asynccontextmanager
async def of_file(
    folder: Path, registry_url: str, text: str = "one", **environment: str
) -> AsyncIterator[tuple[GatewayOfWorkers, Path]]:
    file = folder / "lockgate.yaml"
    file.write_text(ROUTE.format(text))
    async with gateway_of_workers(
        folder, registry_url, GATEWAY_CONFIG=str(file), RATE_LIMIT_REQUESTS="0", **environment
    ) as gateway:
        yield gateway, file


async def bodies(gateway: GatewayOfWorkers, count: int = 24) -> set[bytes]:
    """What many connections get, which all workers share."""
    clients = [await RawClient.connect(gateway.port) for _ in range(count)]
    for client in clients:
        await client.send(GET)
    answers = {(await client.answer()).body for client in clients}
    for client in clients:
        await client.close()
    return answers


async def all_answer(gateway: GatewayOfWorkers, body: bytes) -> None:
    """Wait until all workers do; one of them tells of a reload in the log, maybe before the others have it."""

    async def look() -> bool:
        return await bodies(gateway) == {body}

    await in_the_end(look)


async def reload(gateway: GatewayOfWorkers) -> tuple[int, Any]:
    answer = await gateway.request("POST", "/config/reload")
    return answer.status, answer.json()


def told(gateway: GatewayOfWorkers) -> list[str]:
    return [one["event"] for one in gateway.logs() if one["event"].startswith("config.")]


async def test_each_way_to_reload_reaches_all_workers_and_is_told_once(
    tmp_path: Path, registry_url: str
) -> None:
    async with of_file(tmp_path, registry_url) as (gateway, file):
        assert await bodies(gateway) == {b"one"}

        file.write_text(ROUTE.format("two"))
        status, said = await reload(gateway)
        assert status == 200
        # The watcher may have been quicker.
        assert said["result"] in ("changed", "unchanged")
        assert await bodies(gateway) == {b"two"}

        file.write_text(ROUTE.format("three"))
        await eventually(lambda: told(gateway).count("config.changed") == 2, within_s=20)
        await all_answer(gateway, b"three")

        gateway.process.send_signal(signal.SIGHUP)
        await eventually(lambda: "config.unchanged" in told(gateway), within_s=20)
        assert told(gateway).count("config.changed") == 2


async def test_a_mistake_keeps_all_on_the_table_before_and_all_say_so(
    tmp_path: Path, registry_url: str
) -> None:
    async with of_file(tmp_path, registry_url) as (gateway, file):
        file.write_text(ROUTE.format("two") + "wrong: 1\n")
        status, said = await reload(gateway)
        assert status == 422
        assert "wrong" in said["mistakes"][0]
        assert await bodies(gateway) == {b"one"}
        states = [(await gateway.request("GET", "/status")).json()["config"] for _ in range(12)]
        assert all(state == states[0] for state in states)
        assert states[0]["mistakes"] == said["mistakes"]


async def test_what_one_worker_can_not_load_no_worker_takes(
    tmp_path: Path, registry_url: str
) -> None:
    async with of_file(tmp_path, registry_url) as (gateway, file):
        unable, able = gateway.workers
        before = resource.prlimit(unable, resource.RLIMIT_NOFILE)
        resource.prlimit(unable, resource.RLIMIT_NOFILE, (3, before[1]))
        file.write_text(ROUTE.format("two"))
        await eventually(lambda: "config.rejected" in told(gateway), within_s=20)
        resource.prlimit(unable, resource.RLIMIT_NOFILE, before)

        (rejected, *_) = gateway.logs("config.rejected")
        assert f"(pid {unable})" in rejected["mistakes"][0]
        assert "Too many open files" in rejected["mistakes"][0]
        assert str(able) not in rejected["mistakes"][0]
        assert await bodies(gateway) == {b"one"}

        status, _ = await reload(gateway)
        assert status == 200
        assert await bodies(gateway) == {b"two"}


async def test_a_roll_brings_a_file_that_only_the_new_workers_can_load(
    tmp_path: Path, registry_url: str
) -> None:
    async with of_file(tmp_path, registry_url) as (gateway, file):
        unable = gateway.workers[1]
        _, hard = resource.prlimit(unable, resource.RLIMIT_NOFILE)
        resource.prlimit(unable, resource.RLIMIT_NOFILE, (3, hard))
        file.write_text(ROUTE.format("two"))
        await in_the_end(lambda: "config.rejected" in told(gateway))

        ended = await gateway.roll()
        assert ended["event"] == "roll.done", ended
        await in_the_end(lambda: told(gateway)[-1] != "config.rejected")
        await all_answer(gateway, b"two")

        async def all_are_current() -> bool:
            said = [(await gateway.request("GET", "/status")).json()["config"] for _ in range(8)]
            return all((one["current"], one["mistakes"]) == (True, []) for one in said)

        await in_the_end(all_are_current)


async def test_the_worker_that_replaces_a_crashed_one_has_what_is_in_force_not_a_broken_file(
    tmp_path: Path, registry_url: str
) -> None:
    async with of_file(tmp_path, registry_url) as (gateway, file):
        file.write_text(ROUTE.format("two"))
        await reload(gateway)
        file.write_text("broken: [")
        await eventually(lambda: "config.rejected" in told(gateway), within_s=20)
        killed = gateway.workers
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        await gateway.all_ready(without=killed)
        assert await bodies(gateway) == {b"two"}
        status = (await gateway.request("GET", "/status")).json()["config"]
        assert not status["current"]

        # A roll reads the file anew, so it ends with the mistake.
        ended = await gateway.roll()
        assert ended["event"] == "roll.failed"
        assert "lockgate.yaml:1:" in ended["reason"]
        assert await bodies(gateway) == {b"two"}


async def test_requests_go_on_while_the_file_changes_many_times(
    tmp_path: Path, registry_url: str
) -> None:
    async with of_file(tmp_path, registry_url) as (gateway, file):
        done = asyncio.Event()

        async def ask() -> None:
            async with await RawClient.connect(gateway.port) as client:
                while not done.is_set():
                    await client.send(GET)
                    assert (await client.answer()).status == 200

        async with asyncio.TaskGroup() as clients:
            for _ in range(4):
                clients.create_task(ask())
            for number in range(10):
                file.write_text(ROUTE.format(number))
                assert (await reload(gateway))[0] == 200
                assert await bodies(gateway, 8) == {str(number).encode()}
            done.set()


async def test_without_a_file_there_is_nothing_to_reload(tmp_path: Path, registry_url: str) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        gateway.process.send_signal(signal.SIGHUP)
        (ignored,) = await eventually(lambda: gateway.logs("signal.ignored"))
        assert ignored["detail"] == "GATEWAY_CONFIG names no file to reload"
        assert (await gateway.request("POST", "/config/reload")).status in (404, 409)
