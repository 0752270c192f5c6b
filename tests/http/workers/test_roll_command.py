"""`lockgate roll` and `/roll` replace the workers, and say why they could not."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.conftest import StartGateway
from tests.http.test_command_line import lockgate
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers
from tests.support.gateways import ADMIN_TOKEN

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other


def at(gateway: GatewayOfWorkers) -> list[str]:
    return ["--url", f"http://127.0.0.1:{gateway.port}", "--token", ADMIN_TOKEN]


async def test_the_command_waits_until_all_workers_are_replaced(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        before = gateway.workers
        status, out, _ = await lockgate(tmp_path, "roll", *at(gateway))
        assert (status, out) == (0, "2 workers replaced\n")
        await gateway.all_ready(without=before)

        said = await gateway.request("GET", "/roll")
        assert (said.status, said.json()["state"], said.json()["replaced"]) == (200, "done", 2)
        begun = await gateway.request("POST", "/roll")
        assert begun.status == 202
        assert begun.json()["number"] == said.json()["number"] + 1


async def test_a_broken_file_ends_the_roll_with_the_reason_and_status_1(
    tmp_path: Path, registry_url: str
) -> None:
    file = tmp_path / "lockgate.yaml"
    file.write_text("routes: []\n")
    async with gateway_of_workers(tmp_path, registry_url, GATEWAY_CONFIG=str(file)) as gateway:
        file.write_text("routez: []\n")
        status, out, error = await lockgate(tmp_path, "roll", *at(gateway))
        assert (status, out) == (1, "")
        assert "lockgate.yaml:1:1: routez: unknown key" in error
        assert "the workers that are not replaced stay in service" in error
        status, out, _ = await lockgate(tmp_path, "roll", "--json", *at(gateway))
        assert (status, json.loads(out)["state"]) == (1, "failed")
        assert (await gateway.request("GET", "/health")).status == 200


async def test_a_gateway_of_one_process_says_what_to_do(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = await start_gateway()
    for method in ("GET", "POST"):
        answer = await gateway.admin(method, "/roll")
        assert (answer.status, answer.reason) == (409, "one_process")
        assert (await gateway.request(method, "/roll")).status == 401
    status, _, error = await asyncio.wait_for(
        lockgate(tmp_path, "roll", "--url", gateway.url, "--token", ADMIN_TOKEN), 30
    )
    assert status == 1
    assert "start it with GATEWAY_WORKERS=2 or more" in error
