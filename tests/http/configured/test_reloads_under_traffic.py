"""Reloads of a gateway in its own process: traffic does not notice them, and nothing of them stays."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from bench.connection import Connection
from bench.origin import Origin
from bench.peers import lockgate
from bench.peers.peer import Site
from bench.processes import Running, cores, free_port
from bench.reloaded import Kept, Reloaded
from bench.route_files import route_file
from bench.steady import Steady
from tests.support.eventually import eventually
from tests.support.registry_servers import RegistryServer

REQUESTS_PER_S = 200
#: What a reload may add to the process for good, of about 2 MiB that a table of 500 routes has.
GROWS_BY_MIB = 0.5


@pytest.fixture
async def origin_port() -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(Origin, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@asynccontextmanager
async def own_process(
    registry: RegistryServer, folder: Path, text: str
) -> AsyncIterator[tuple[Reloaded, psutil.Process]]:
    file = folder / "lockgate.yaml"
    file.write_text(text)
    site = Site(free_port(), 0, 0, folder)
    launch = lockgate.peer(sys.executable, registry.port).launch(site)
    environment = {**launch.environment, "GATEWAY_CONFIG": str(file)}
    running = Running(
        launch.command, core=cores()[1], folder=folder, port=site.port, environment=environment
    )
    try:
        await asyncio.to_thread(running.wait_until_up)
        yield Reloaded(site.port, file, lockgate.TOKEN), psutil.Process(running.pid)
    finally:
        await asyncio.to_thread(running.end)


async def test_routes_are_added_one_reload_at_a_time(
    registry_server: RegistryServer, tmp_path: Path, origin_port: int
) -> None:
    async with own_process(registry_server, tmp_path, route_file(0, origin_port)) as (reloaded, _):
        load = Steady(reloaded.port, "/origin/small", REQUESTS_PER_S)
        async with load.running():
            for routes in range(1, 51):
                await reloaded.reload(route_file(routes, origin_port))
        assert (load.failed, load.sent > 0) == (0, True)


async def test_connections_and_requests_do_not_notice_reloads(
    registry_server: RegistryServer, tmp_path: Path, origin_port: int
) -> None:
    text = route_file(100, origin_port)
    async with own_process(registry_server, tmp_path, text) as (reloaded, _):
        load = Steady(reloaded.port, "/origin/small", REQUESTS_PER_S)
        kept = Kept(reloaded.port, "/origin", 10)
        async with kept.running(), load.running():
            for changed in range(1, 6):
                await reloaded.reload(route_file(100, origin_port, changed=changed))
                until = load.sent + REQUESTS_PER_S
                await eventually(lambda until=until: load.sent >= until)
            before = kept.messages
            await eventually(lambda: kept.messages > before + 20)
        assert (load.failed, kept.cut, kept.silent) == (0, 0, 0)


async def test_the_tables_before_are_freed(
    registry_server: RegistryServer, tmp_path: Path, origin_port: int
) -> None:
    text = route_file(500, origin_port)
    async with own_process(registry_server, tmp_path, text) as (reloaded, process):
        sizes = []
        for changed in range(1, 51):
            await reloaded.reload(route_file(500, origin_port, changed=changed))
            sizes.append(process.memory_info().rss)
        assert (sizes[-1] - sizes[10]) / 2**20 < 39 * GROWS_BY_MIB


async def test_the_new_table_is_in_force_when_a_reload_answers(
    registry_server: RegistryServer, tmp_path: Path, origin_port: int
) -> None:
    text = route_file(1, origin_port)
    async with own_process(registry_server, tmp_path, text) as (reloaded, _):
        connection = await Connection.open(reloaded.port)
        for number in range(5):
            answer = f"routes: [{{name: a, match: {{}}, respond: {{body: '{number}'}}}}]\n"
            await reloaded.reload(answer)
            status, body, _ = await connection.exchange("GET", "/x")
            assert (status, body) == (200, str(number).encode())
        await connection.end()
