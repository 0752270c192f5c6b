"""A master that is killed: its workers free the port for another gateway, and finish what is in flight."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.gateway_processes import gateway_of_workers, until
from tests.support.raw_clients import RawClient

pytestmark = pytest.mark.timeout(180)

HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"


async def test_workers_without_a_master_free_the_port_at_once_and_serve_the_clients_that_they_have(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url, SHUTDOWN_GRACE="120") as gateway:
        async with await RawClient.connect(gateway.port) as client:
            await client.send(HEALTH)
            assert (await client.answer()).status == 200

            os.kill(gateway.process.pid, signal.SIGKILL)

            async def refused() -> bool:
                try:
                    (await RawClient.connect(gateway.port)).writer.close()
                except ConnectionRefusedError:
                    return True
                return False

            # A worker that is told to stop takes clients for half of SHUTDOWN_GRACE: 60 s.
            await until(refused, within_s=40)
            await client.send(HEALTH)
            answer = await client.answer()
        assert answer.status == 200
        assert answer.values(b"connection") == [b"close"]
