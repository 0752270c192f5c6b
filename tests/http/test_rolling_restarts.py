"""Instances behind a real gateway are restarted one by one under load: no request is lost."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.conftest import StartGateway
from tests.support.documents import ROOT
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.registry_servers import free_port

RUN_APP = """
import asyncio, sys
from aiohttp import web
from discovery import announce

async def health(request):
    return web.Response()

async def order(request):
    await request.read()
    await asyncio.sleep(float(request.query["takes"]))
    return web.Response(text=sys.argv[1])

port = int(sys.argv[1])
app = web.Application()
app.router.add_get("/health", health)
app.router.add_post("/", order)
announce(app, name="orders_service", port=port, host="127.0.0.1", instance_id=sys.argv[1])
web.run_app(app, host="127.0.0.1", port=port)
"""
UVICORN = """
import asyncio, sys
from contextlib import asynccontextmanager
import uvicorn
from discovery import announced
from fastapi import FastAPI

port = int(sys.argv[1])

@asynccontextmanager
async def lifespan(app):
    with announced(name="orders_service", port=port, host="127.0.0.1", instance_id=sys.argv[1]):
        yield

app = FastAPI(lifespan=lifespan)

@app.get("/health")
async def health():
    return {}

@app.post("/")
async def order(takes: float):
    await asyncio.sleep(takes)
    return port

uvicorn.run(app, host="127.0.0.1", port=port)
"""
INSTANCES = 3
#: How many seconds each client's requests take; the longest outlasts the moment when a drain is known.
CLIENTS = [0.0, 0.0, 0.005, 0.005, 0.02, 0.02, 0.1, 1.2]


class Load:
    """Clients that post one request after the other; nobody may repeat a request that has begun."""

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()
        self.failures: list[str] = []

    async def client(self, gateway: RunningGateway, takes_s: float) -> None:
        url = f"{gateway.url}/api/orders/?takes={takes_s}"
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.post(url, data=b"an order") as answer:
                        text = await answer.text()
                        if answer.status == 200:
                            self.served[text] += 1
                        else:
                            self.failures.append(text)
                except aiohttp.ClientError as error:
                    self.failures.append(repr(error))


class Fleet:
    """The instances' processes, each on its own port."""

    def __init__(self, program: str, gateway: RunningGateway, url: str) -> None:
        self.ports = [free_port() for _ in range(INSTANCES)]
        self.processes: dict[int, asyncio.subprocess.Process] = {}
        self._program = program
        self._gateway = gateway
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": url}

    async def start(self, port: int) -> None:
        """Start an instance, and wait until the gateway sends requests to it."""
        self.processes[port] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-c", self._program, str(port)),
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await eventually(lambda: self._is_healthy(port), within_s=60)

    async def restart(self, port: int) -> None:
        self.processes[port].send_signal(signal.SIGTERM)
        assert await self.processes[port].wait() in (0, -signal.SIGTERM)  # uvicorn's way to end
        assert await eventually(lambda: not self._is_registered(port))
        await self.start(port)

    def _is_registered(self, port: int) -> bool:
        registered = self._gateway.member.watcher.view.registered("orders_service")
        return str(port) in [entry.instance.id for entry in registered]

    def _is_healthy(self, port: int) -> bool:
        key = f"orders_service/{port}"
        return self._is_registered(port) and self._gateway.member.health.status(key) == "healthy"


@asynccontextmanager
async def under_load(gateway: RunningGateway) -> AsyncIterator[Load]:
    load = Load()
    clients = [asyncio.create_task(load.client(gateway, takes_s)) for takes_s in CLIENTS]
    try:
        yield load
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)


@pytest.mark.timeout(180)  # each instance starts twice
@pytest.mark.parametrize("program", [RUN_APP, UVICORN], ids=["run_app", "uvicorn"])
async def test_a_rolling_restart_loses_no_request(
    program: str, start_gateway: StartGateway, registry_url: str
) -> None:
    gateway = await start_gateway()
    fleet = Fleet(program, gateway, registry_url)
    try:
        await asyncio.gather(*map(fleet.start, fleet.ports))
        async with under_load(gateway) as load:
            for port in fleet.ports:
                await fleet.restart(port)
                so_far = load.served[str(port)]
                await eventually(lambda port=port, so_far=so_far: load.served[str(port)] > so_far)
    finally:
        for process in fleet.processes.values():
            if process.returncode is None:
                process.kill()
            await process.wait()
    assert load.failures == []
    assert load.served.total() > 100
