"""A gateway that is replaced while the registry is away."""

import signal
from pathlib import Path

import pytest

from tests.conftest import StartUpstream
from tests.http.test_process import GET, READY
from tests.support.eventually import eventually
from tests.support.files import text_of
from tests.support.gateway_processes import gateway_process
from tests.support.raw_clients import exchange
from tests.support.registry_servers import RegistryServer

#: Paths that can't be answered without a view.
WITHOUT_A_VIEW = [
    *(("GET", "/ready"), ("GET", "/services"), ("GET", "/services/orders_service")),
    *(("GET", "/api"), ("GET", "/api/orders"), ("POST", "/api/orders/1"), ("PUT", "/api/un-known")),
]
#: Calls that change the registry and need nothing else.
TO_THE_REGISTRY = [
    ("PUT", "/services/orders_service/instances/i1"),
    ("DELETE", "/services/orders_service/instances/i1"),
    ("POST", "/services/orders_service/instances/i1/heartbeat"),
]


async def test_a_gateway_replaced_while_the_registry_is_away_loses_no_request(
    tmp_path: Path, own_registry: RegistryServer, start_upstream: StartUpstream
) -> None:
    """It starts with the saved view; the registry comes back empty, and traffic goes on."""
    file, upstream = tmp_path / "view", await start_upstream()
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    async with gateway_process(first, own_registry.url, VIEW_FILE=str(file)) as gateway:
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        await eventually(lambda: "orders_service/i1" in text_of(file), within_s=20)
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
        assert services["services"][0]["healthy"] == 1  # by its requests, not by the registry

        own_registry.start()
        await eventually(lambda: gateway.logs("registry.connected"))
        for _ in range(20):
            assert (await exchange(gateway.port, GET)).status == 200
        state = (await gateway.request("GET", "/status")).json()["registry"]
        assert (state["stale"], state["view_from"]) == (False, "registry")


@pytest.mark.parametrize("kind", ["told to wait", "no file", "a foreign file"])
async def test_without_a_view_it_says_so_until_the_registry_is_there(
    tmp_path: Path, own_registry: RegistryServer, start_upstream: StartUpstream, kind: str
) -> None:
    """A liveness probe killed a gateway that accepted no connection before its registry answered."""
    file, upstream = tmp_path / "view", await start_upstream()
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
        await eventually(lambda: gateway.logs("gateway.started"), within_s=20)
        (said,) = gateway.logs("gateway.no_view")
        assert said["level"] == "warning"
        assert (await gateway.request("GET", "/health")).status == 200
        assert (await gateway.request("GET", "/metrics")).status == 200
        for method, path in WITHOUT_A_VIEW:
            answer = await gateway.request(method, path)
            assert (answer.status, answer.reason) == (503, "no_view"), path
            assert answer.headers["Retry-After"] == "1"
        assert (await gateway.request("GET", "/ready")).json()["reasons"] == ["no_view"]
        for method, path in TO_THE_REGISTRY:
            answer = await gateway.request(method, path, json={"host": "127.0.0.1", "port": 1})
            assert (answer.status, answer.reason) == (503, "registry_unavailable"), path
        status = (await gateway.request("GET", "/status")).json()
        state = status["registry"]
        assert (status["ready"], state["connected"], state["view_from"]) == (False, False, None)

        own_registry.start()
        await eventually(lambda: gateway.logs("gateway.routing"), within_s=20)
        assert (await exchange(gateway.port, READY)).status == 200
        assert (await gateway.request("GET", "/services/orders_service")).status == 404
        assert (await exchange(gateway.port, GET)).status == 404
        await gateway.register("orders_service", upstream.port)
        assert (await exchange(gateway.port, GET)).status == 200
        assert not gateway.logs("background.failed")


async def test_a_gateway_without_a_view_stops_when_it_is_told_to(
    tmp_path: Path, own_registry: RegistryServer
) -> None:
    own_registry.kill()
    async with gateway_process(tmp_path, own_registry.url, started=False) as gateway:
        await eventually(lambda: gateway.logs("gateway.started"), within_s=20)
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.exit_status() == 0
