"""A stand-in directory and clock, and apps that are found through them."""

import asyncio
import socket
from asyncio.subprocess import Process
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpServer
from aiohttp.test_utils import BaseTestServer, TestServer

from services.base.directory import Presence
from services.market_data.app import create_app as create_market_data
from services.market_data.settings import MarketDataSettings
from tests.http.services.processes import Start, start_service
from tests.support.loops import LoopFactory

#: 2026-01-01T12:34:56Z, half a second on.
NOW_S = 1_767_270_896.5


UrlOf = Callable[[BaseTestServer], str]
Run = Callable[..., Awaitable[list[TestServer]]]


def pytest_asyncio_loop_factories() -> Mapping[str, LoopFactory]:
    """The services run on asyncio's own loop."""
    return {"asyncio": asyncio.new_event_loop}


class StandInClock:
    """A clock that stands still until a test sets it."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


class StandInPresence:
    """A registration that is made at once."""

    def __init__(self, instance_id: str) -> None:
        self.instance_id = instance_id
        self.registered = True

    async def drain(self) -> None:
        self.registered = False


class StandInDirectory:
    """Services by name, each with its URLs, of which a different one comes first each time."""

    def __init__(self) -> None:
        self._urls: dict[str, deque[str]] = {}
        self.failure: Exception | None = None

    def list(self, name: str, *urls: str) -> None:
        self._urls[name] = deque(urls)

    def announce(
        self, app: web.Application, *, name: str, host: str | None, port: int, version: str
    ) -> Presence:
        return StandInPresence(f"{name}-1")

    async def instances(self, name: str) -> Sequence[dict[str, Any]]:
        if self.failure is not None:
            raise self.failure
        urls = self._urls.get(name, deque())
        listed = [{"id": url, "url": url} for url in urls]
        urls.rotate(-1)
        return listed

    async def close(self) -> None: ...


@pytest.fixture
def directory() -> StandInDirectory:
    return StandInDirectory()


@pytest.fixture
def clock() -> StandInClock:
    return StandInClock()


@pytest.fixture
def market_data(directory: StandInDirectory, clock: StandInClock) -> web.Application:
    """market_data_service with its clock stopped at NOW_S."""
    return create_market_data(MarketDataSettings(), directory, clock)


@pytest.fixture
async def market_data_server(
    aiohttp_server: AiohttpServer, market_data: web.Application
) -> TestServer:
    return await aiohttp_server(market_data)


@pytest.fixture
def refusing_url() -> Iterator[str]:
    """A URL at which nobody listens; the port is taken, so that nobody else can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def url_of() -> UrlOf:
    return lambda server: str(server.make_url("/")).rstrip("/")


@pytest.fixture
def run(aiohttp_server: AiohttpServer, directory: StandInDirectory, url_of: UrlOf) -> Run:
    """`await run(name, app, …)`: run instances of a service and list them in the directory."""

    async def start(name: str, *apps: web.Application) -> list[TestServer]:
        servers = [await aiohttp_server(app) for app in apps]
        directory.list(name, *map(url_of, servers))
        return servers

    return start


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """`await start(name, SERVICE_PORT="8000")`: a process that is killed at the end."""
    started: list[Process] = []

    async def start_one(*arguments: str, **environment: str) -> Process:
        process = await start_service(*arguments, **environment)
        started.append(process)
        return process

    yield start_one
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()
