"""Fixtures for tests of the hop: a gateway with an upstream, and a check for hidden failures."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from discovery.store import clients
from middlewares.limits import limiter as limiters
from tests.conftest import StartGateway, StartUpstream
from tests.support.gateways import RunningGateway
from tests.support.loops import pytest_asyncio_loop_factories as pytest_asyncio_loop_factories
from tests.support.registered_programs import PROGRAM, Registered, StartRegistered
from tests.support.upstreams import OK, Script, ScriptedUpstream

StartHop = Callable[..., Awaitable[tuple[RunningGateway, ScriptedUpstream]]]


@pytest.fixture(autouse=True)
def _registry_has_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the registry of gateways in this process more time, so that it does not count as away.

    On a busy machine its server may stand for some tenths of a second, after which a registration would be
    answered 503 and a limit would be counted by the gateway alone.
    """
    if request.node.get_closest_marker("registry_hangs") is None:
        monkeypatch.setattr(limiters, "ANSWER_WITHIN_S", 10.0)
        monkeypatch.setattr(clients, "CONNECT_TIMEOUT_S", 10.0)
        monkeypatch.setattr(clients, "CALL_TIMEOUT_S", 10.0)


@pytest.fixture
def start_hop(start_gateway: StartGateway, start_upstream: StartUpstream) -> StartHop:
    """`await start_hop(answer)`: a gateway, and an upstream that is routed to as `orders_service`."""

    async def start(
        answer: bytes | Script = OK, *, read_body: bool = True, **environment: str
    ) -> tuple[RunningGateway, ScriptedUpstream]:
        gateway = await start_gateway(**environment)
        upstream = await start_upstream(answer, read_body=read_body)
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        return gateway, upstream

    return start


@pytest.fixture
async def start_registered(tmp_path: Path) -> AsyncIterator[StartRegistered]:
    """`await start_registered(redis_url, *options)`: PROGRAM, or `command`, under `lockgate register`."""
    running: list[Registered] = []
    (tmp_path / "serve.py").write_text(PROGRAM)
    serve = (sys.executable, "serve.py", "PORT")

    async def start(
        url: str, *options: str, command: Sequence[str] = serve, port: int | None = None
    ) -> Registered:
        program = await Registered.start(tmp_path, url, *options, command=command, port=port)
        running.append(program)
        return program

    yield start
    for program in running:
        if program.process.returncode is None:
            program.process.terminate()
        await program.process.communicate()


@pytest.fixture
def nothing_fails_behind_the_scenes(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test for errors that asyncio can only log, such as an exception in a callback."""
    yield
    failed = [r.getMessage() for r in caplog.get_records("call") if r.name == "asyncio"]
    assert failed == []
