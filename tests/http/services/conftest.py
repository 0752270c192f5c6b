"""A directory that stands in for the registry, and apps that are found through it."""

import itertools
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpServer
from aiohttp.test_utils import BaseTestServer, TestServer

from services.base.directory import Presence
from services.market_data.app import create_app as create_market_data
from services.market_data.settings import MarketDataSettings

#: 2026-01-01T12:34:56Z, half a second on.
NOW_S = 1_767_270_896.5


class StandInPresence:
    """A registration that is made at once."""

    def __init__(self, instance_id: str) -> None:
        self.instance_id = instance_id
        self.registered = True

    async def drain(self) -> None:
        self.registered = False


class StandInDirectory:
    """Services by name, each with its URLs; instances are given out in turn."""

    def __init__(self) -> None:
        self._turns: dict[str, Iterator[str]] = {}
        self.failure: Exception | None = None

    def list(self, name: str, *urls: str) -> None:
        self._turns[name] = itertools.cycle(urls)

    def announce(
        self, app: web.Application, *, name: str, host: str, port: int, version: str
    ) -> Presence:
        return StandInPresence(f"{name}-1")

    async def get_service(self, name: str) -> dict[str, Any] | None:
        if self.failure is not None:
            raise self.failure
        if name not in self._turns:
            return None
        url = next(self._turns[name])
        return {"id": url, "url": url}

    async def close(self) -> None: ...


@pytest.fixture
def directory() -> StandInDirectory:
    return StandInDirectory()


@pytest.fixture
def market_data(directory: StandInDirectory) -> web.Application:
    """market_data_service with its clock stopped at NOW_S."""
    return create_market_data(MarketDataSettings(), directory, lambda: NOW_S)


@pytest.fixture
async def market_data_server(
    aiohttp_server: AiohttpServer, market_data: web.Application
) -> TestServer:
    return await aiohttp_server(market_data)


@pytest.fixture
def refusing_url() -> Iterator[str]:
    """Nobody listens there: the port is taken, so that nobody else can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def url_of() -> Callable[[BaseTestServer], str]:
    return lambda server: str(server.make_url("/")).rstrip("/")
