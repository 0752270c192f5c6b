"""A gateway that is replaced while the registry is away."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.conftest import StartUpstream
from tests.http.test_process import GET, READY, gateway_process
from tests.support.eventually import eventually
from tests.support.raw_clients import exchange
from tests.support.registry_servers import RegistryServer


async def test_a_gateway_replaced_while_the_registry_is_away_loses_no_request(
    tmp_path: Path, own_registry: RegistryServer, start_upstream: StartUpstream
) -> None:
    """It starts on the last view; the registry comes back empty, and traffic goes on."""
    file, upstream = tmp_path / "view", await start_upstream()
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    async with gateway_process(first, own_registry.url, VIEW_FILE=str(file)) as gateway:
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        await eventually(lambda: "orders_service/i1" in file.read_text(), within_s=20)
        own_registry.kill()
        gateway.process.send_signal(signal.SIGTERM)
        await gateway.exit_status()
    async with gateway_process(second, own_registry.url, VIEW_FILE=str(file)) as gateway:
        assert (await exchange(gateway.port, READY)).status == 200
        for _ in range(20):
            assert (await exchange(gateway.port, GET)).status == 200
        state = (await gateway.request("GET", "/status")).json()["registry"]
        assert (state["connected"], state["stale"], state["view_from"]) == (False, True, "file")
        assert state["view_age_s"] > 0
        services = (await gateway.request("GET", "/services")).json()
        assert (services["count"], services["stale"]) == (1, True)

        own_registry.start()
        await eventually(lambda: gateway.logs("registry.connected"))
        for _ in range(20):
            assert (await exchange(gateway.port, GET)).status == 200
        state = (await gateway.request("GET", "/status")).json()["registry"]
        assert (state["stale"], state["view_from"]) == (False, "registry")


@pytest.mark.parametrize("kind", ["told to wait", "no file", "a foreign file"])
async def test_without_a_view_to_start_on_it_waits_for_the_registry(
    tmp_path: Path, own_registry: RegistryServer, kind: str
) -> None:
    file = tmp_path / "view"
    if kind == "told to wait":
        file.write_text('{"format": "lockgate-view-1", "gone_s": {}}\n')
    elif kind == "a foreign file":
        file.write_text("hello")
    own_registry.kill()
    async with gateway_process(
        tmp_path,
        own_registry.url,
        started=False,
        VIEW_FILE=str(file),
        START_WITHOUT_REGISTRY="wait" if kind == "told to wait" else "view",
    ) as gateway:
        await eventually(lambda: len(gateway.logs("registry.unreachable")) > 2, within_s=20)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", gateway.port)
        own_registry.start()
        await eventually(lambda: gateway.logs("gateway.started"))
