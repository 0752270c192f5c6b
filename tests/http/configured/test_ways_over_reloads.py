"""A request keeps the ways of authentication of the table that it began with."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.passwords import basic, htpasswd
from tests.support.raw_clients import exchange

FILE = """
    auth:
      %s: {type: basic, users_file: users}
    defaults:
      auth: {any_of: [%s]}
    routes:
      - {name: guarded, match: {prefix: /guarded}, respond: {body: here}}
"""
ALICE, MALLORY = basic("alice", "one"), basic("alice", "two")


class Waiting:
    """A layer between the route and the door, as a limit there is that asks the registry."""

    def __init__(self) -> None:
        self.came = asyncio.Semaphore(0)
        self.goes_on = asyncio.Event()

    def add(self, app: web.Application) -> None:
        @web.middleware
        async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path == "/guarded":
                self.came.release()
                await self.goes_on.wait()
            return await handler(request)

        (door,) = [one for one in app.middlewares if "auth_middleware" in repr(one)]
        app.middlewares.insert(app.middlewares.index(door), wait)


@pytest.fixture
async def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
async def gateway(
    registry_url: str, tmp_path: Path, waiting: Waiting
) -> AsyncIterator[RunningGateway]:
    (tmp_path / "users").write_bytes(htpasswd(alice="one"))
    file = tmp_path / "lockgate.yaml"
    file.write_text(dedent(FILE % ("ops", "ops")))
    settings = gateway_settings({"REDIS_URL": registry_url, "GATEWAY_CONFIG": str(file)})
    running = await RunningGateway.start(settings, waiting.add)
    yield running
    await running.stop()


async def test_a_way_that_a_reload_takes_away_still_decides_about_requests_under_way(
    gateway: RunningGateway, waiting: Waiting, tmp_path: Path
) -> None:
    async def ask(credential: str) -> int:
        request = f"GET /guarded HTTP/1.1\r\nHost: h\r\n{credential}\r\n\r\n"
        return (await exchange(gateway.port, request.encode())).status

    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(ask(one)) for one in (ALICE, MALLORY)]
        for _ in asked:
            await waiting.came.acquire()
        (tmp_path / "lockgate.yaml").write_text(dedent(FILE % ("others", "others")))
        assert (await gateway.admin("POST", "/config/reload")).status == 200
        waiting.goes_on.set()
    assert [one.result() for one in asked] == [200, 401]
