"""Workers that end without being told to."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_of_workers
from tests.support.raw_clients import RawClient

pytestmark = pytest.mark.timeout(300)

HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"


async def test_a_worker_that_was_killed_is_replaced_at_once_and_the_other_goes_on(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        killed, other = gateway.workers
        os.kill(killed, signal.SIGKILL)

        (ended,) = await eventually(lambda: gateway.logs("worker.ended"))
        assert ended["pid"] == killed
        assert "SIGKILL" in ended["detail"]
        new, same = await gateway.all_ready(without=[killed])
        assert same == other
        assert new not in (killed, other)
        async with await RawClient.connect(gateway.port) as client:
            await client.send(HEALTH)
            assert (await client.answer()).status == 200


async def test_sigterm_stops_all_workers_with_status_0(tmp_path: Path, registry_url: str) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        pids = gateway.workers
        gateway.process.terminate()

        assert await gateway.exit_status(30) == 0
        assert sorted(line["pid"] for line in gateway.logs("worker.stopped")) == sorted(pids)
        assert gateway.stderr == ""
        for pid in pids:
            assert not await asyncio.to_thread(os.path.exists, f"/proc/{pid}")
