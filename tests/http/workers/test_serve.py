"""`lockgate serve --workers` runs the workers under the command that has the log and the registry."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayOfWorkers, gateway_process, in_the_end

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[1])


async def test_its_workers_are_replaced_and_stopped_by_signals_to_the_command(
    tmp_path: Path, registry_url: str
) -> None:
    module = ("-m", "lockgate", "serve", "--workers", "2", "--data-dir", str(tmp_path / "data"))
    async with gateway_process(tmp_path, registry_url, module=module, started=False) as process:
        gateway = GatewayOfWorkers(tmp_path, process.process, process.port)
        first = await gateway.all_ready()
        await eventually(lambda: "Lockgate listens at" in gateway.stderr, within_s=20)

        assert (await gateway.roll())["event"] == "roll.done"
        second = await gateway.all_ready(without=first)
        process.process.send_signal(signal.SIGTERM)
        assert await process.exit_status(60) == 0
        for pid in (*first, *second):
            assert not await asyncio.to_thread(os.path.exists, f"/proc/{pid}")


async def test_where_the_master_is_killed_the_command_says_so_and_leaves_nothing_behind(
    tmp_path: Path, registry_url: str
) -> None:
    module = ("-m", "lockgate", "serve", "--workers", "2", "--data-dir", str(tmp_path / "data"))
    async with gateway_process(tmp_path, registry_url, module=module, started=False) as process:
        gateway = GatewayOfWorkers(tmp_path, process.process, process.port)
        workers = await gateway.all_ready()
        os.kill(await asyncio.to_thread(parent_of, workers[0]), signal.SIGKILL)
        assert await process.exit_status(60) == 1
        assert "the master of the gateway's workers: ended by signal SIGKILL" in process.stderr
        await in_the_end(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))


async def test_a_number_that_makes_no_sense_is_refused(tmp_path: Path, registry_url: str) -> None:
    module = ("-m", "lockgate", "serve", "--workers", "none", "--data-dir", str(tmp_path / "data"))
    async with gateway_process(tmp_path, registry_url, module=module, started=False) as process:
        assert await process.exit_status(60) == 2
        assert "GATEWAY_WORKERS='none': must be a number from 1 to 256, or auto" in process.stderr
