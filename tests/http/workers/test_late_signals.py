"""Signals that come while processes end by themselves already: a person presses ^C twice."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.support.gateway_processes import GatewayProcess, gateway_of_workers, gateway_process

pytestmark = pytest.mark.timeout(300)

LATE = pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2],
    ids=lambda one: one.name,
)


async def _end_under(gateway: GatewayProcess, number: signal.Signals) -> None:
    """Send the signal to all processes of the gateway again and again until they have ended."""
    gateway.process.terminate()
    while gateway.process.returncode is None:
        os.killpg(gateway.process.pid, number)
        await asyncio.sleep(0.003)  # asyncio has room for a few hundred that wait


@LATE
async def test_they_do_not_change_how_workers_and_their_master_end(
    tmp_path: Path, registry_url: str, number: signal.Signals
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        await _end_under(gateway, number)

        assert gateway.process.returncode == 0
        assert gateway.logs("worker.ended") == []
        assert len(gateway.logs("worker.stopped")) == 2
        assert gateway.logs()[-1]["event"] == "gateway.stopped"
        assert gateway.stderr == ""


@LATE
async def test_they_do_not_change_how_a_process_without_workers_ends(
    tmp_path: Path, registry_url: str, number: signal.Signals
) -> None:
    async with gateway_process(tmp_path, registry_url, session=True) as gateway:
        await _end_under(gateway, number)

        assert gateway.process.returncode == 0
        assert gateway.logs()[-1]["event"] == "gateway.stopped"
        assert gateway.stderr == ""
