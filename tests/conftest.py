"""Fixtures for many tests: a real registry server, the gateway on a real socket, and upstreams."""

import itertools
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from discovery.model.fixed import FixedService
from gateway.front.refusing import ANSWERS_FAILURES
from gateway.machine.descriptors import raise_limit
from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.upstreams import KeepAliveUpstream, ScriptedUpstream

StartGateway = Callable[..., Awaitable[RunningGateway]]
StartUpstream = Callable[..., Awaitable[ScriptedUpstream]]
StartKeepAlive = Callable[..., Awaitable[KeepAliveUpstream]]

raise_limit()  # as the gateway does; here its clients are in the same process

_namespaces = itertools.count()

# On a busy machine an example may take longer than the default 200 ms; each test has 60 s.
hypothesis.settings.register_profile("lockgate", deadline=None)
hypothesis.settings.load_profile("lockgate")

# Under nohup, or in the background of a shell, these signals are ignored, and programs that the tests
# start would inherit that.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.fixture(scope="session")
def registry_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A registry server for this test process alone, on a free port."""
    with RegistryServer(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture
def registry_url(registry_server: RegistryServer) -> str:
    """The URL of an empty registry."""
    with redis.Redis.from_url(registry_server.url) as client:
        client.flushall()
    return registry_server.url


@pytest.fixture
def unused_tcp_port() -> int:
    """The fixture of pytest-asyncio, with a port that no other test process gets."""
    return free_port()


@pytest.fixture
def own_registry(tmp_path: Path) -> Iterator[RegistryServer]:
    """A registry server for this test alone, which can be stopped and started again."""
    with RegistryServer(tmp_path / "registry") as server:
        yield server


@pytest.fixture
async def start_gateway(registry_url: str) -> AsyncIterator[StartGateway]:
    """`await start_gateway(RATE_LIMIT_REQUESTS="5")`: start the gateway with these settings.

    `layer` is an additional layer just outside the one that answers failures, `fixed` are services
    with fixed addresses.
    """
    running: list[RunningGateway] = []

    async def start(
        layer: Middleware | None = None,
        fixed: Iterable[FixedService] = (),
        view_within_s: float | None = None,
        **environment: str,
    ) -> RunningGateway:
        settings = gateway_settings({"REDIS_URL": registry_url, **environment})

        def add_layer(app: web.Application) -> None:
            if layer is not None:
                errors = app.middlewares.index(app[ANSWERS_FAILURES])
                app.middlewares.insert(errors, layer)

        gateway = await RunningGateway.start(settings, add_layer, fixed, view_within_s)
        running.append(gateway)
        return gateway

    yield start
    for gateway in running:
        await gateway.stop()


@pytest.fixture
async def start_upstream() -> AsyncIterator[StartUpstream]:
    """`await start_upstream(b"HTTP/1.1 200 OK…")`: start an upstream that answers exactly these bytes."""
    running: list[ScriptedUpstream] = []

    async def start(*args: Any, **kwargs: Any) -> ScriptedUpstream:
        upstream = await ScriptedUpstream.start(*args, **kwargs)
        running.append(upstream)
        return upstream

    yield start
    for upstream in running:
        await upstream.stop()


@pytest.fixture
async def start_keep_alive() -> AsyncIterator[StartKeepAlive]:
    """`await start_keep_alive(dialogue)`: start an upstream that keeps its connections."""
    running: list[KeepAliveUpstream] = []

    async def start(*args: Any, **kwargs: Any) -> KeepAliveUpstream:
        upstream = await KeepAliveUpstream.start(*args, **kwargs)
        running.append(upstream)
        return upstream

    yield start
    for upstream in running:
        await upstream.stop()


@pytest.fixture(autouse=True)
def _structlog_as_it_was() -> Iterator[None]:
    """Restore structlog's configuration after each test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    """Fail a test that leaves signals ignored or blocked: programs that later tests start would inherit that."""
    yield
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        assert signal.getsignal(number) != signal.SIG_IGN
