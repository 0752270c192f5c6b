"""systemd keeps the port open: the gateway takes its socket, and tells it what it does."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.support.eventually import eventually
from tests.support.service_managers import ServiceManager, service_manager

#: A gateway that starts beside many others takes its time.
STARTS_WITHIN_S = 100
pytestmark = pytest.mark.timeout(300)
ROUTES = (
    "routes:\n  - name: hello\n    match: {path: /hello}\n    respond: {status: 200, body: hello}\n"
)
ALONE = pytest.param({}, id="one process")
WORKERS = pytest.param({"GATEWAY_WORKERS": "2"}, id="two workers")


class Clients:
    """They come one after the other, each with a connection of its own; `failures` are in words."""

    def __init__(self, port: int) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self._url = f"http://127.0.0.1:{port}/health"

    @asynccontextmanager
    async def coming(self, number: int = 4) -> AsyncIterator[None]:
        """They come all the time while the block runs, and each is waited for at its end."""
        self._over = False
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            tasks = [asyncio.create_task(self._come(session)) for _ in range(number)]
            try:
                yield
            finally:
                self._over = True
                await asyncio.gather(*tasks)

    async def are_answered(self) -> None:
        """Wait until some more of them are."""
        enough = self.answered + 20
        await eventually(lambda: self.answered > enough, within_s=60)

    async def _come(self, session: aiohttp.ClientSession) -> None:
        while not self._over:
            try:
                async with session.get(self._url) as response:
                    if response.status != 200:
                        self.failures.append(str(response.status))
                self.answered += 1
            except aiohttp.ClientError as error:
                self.failures.append(repr(error))
            await asyncio.sleep(0.002)


async def told(systemd: ServiceManager, first: str) -> str:
    """The next message that begins with this; those before it are dropped."""

    def look() -> list[str]:
        return [message for message in systemd.told() if message.startswith(first)]

    found: list[str] = await eventually(look, within_s=STARTS_WITHIN_S)
    return found[0]


@pytest.mark.parametrize("environment", [ALONE, WORKERS])
async def test_no_client_is_refused_while_one_gateway_stops_and_another_starts(
    tmp_path: Path, registry_url: str, environment: dict[str, str]
) -> None:
    with service_manager(tmp_path) as systemd:
        clients = Clients(systemd.port)
        gateway = await systemd.start(registry_url, **environment)
        try:
            async with clients.coming():
                await told(systemd, "READY=1")
                for _ in range(2):
                    await clients.are_answered()
                    gateway.terminate()
                    assert await asyncio.wait_for(gateway.wait(), 60) == 0
                    assert (await told(systemd, "STOPPING=1")).startswith("STOPPING=1\nSTATUS=")
                    gateway = await systemd.start(registry_url, **environment)
                    await told(systemd, "READY=1")
                await clients.are_answered()
        finally:
            if gateway.returncode is None:
                gateway.terminate()
            await asyncio.wait_for(gateway.wait(), 60)

        assert clients.failures == []
        assert clients.answered > 60


@pytest.mark.parametrize("environment", [ALONE, WORKERS])
async def test_a_reload_is_told_with_its_result(
    tmp_path: Path, registry_url: str, environment: dict[str, str]
) -> None:
    """With Type=notify-reload, systemd waits for both messages, and `systemctl reload` with it."""
    file = tmp_path / "lockgate.yaml"
    file.write_text(ROUTES)
    with service_manager(tmp_path) as systemd:
        gateway = await systemd.start(registry_url, GATEWAY_CONFIG=str(file), **environment)
        try:
            serves = "2 of 2 workers serve" if environment else "serving on"
            await told(systemd, f"READY=1\nSTATUS={serves}")
            gateway.send_signal(signal.SIGHUP)
            messages: list[str] = []

            def ready_again() -> bool:
                messages.extend(systemd.told())
                return any("reload" in one for one in messages if one.startswith("READY=1"))

            await eventually(ready_again, within_s=60)
            first = next(one for one in messages if "reload" in one.lower())
            assert first.startswith("RELOADING=1\nMONOTONIC_USEC=")
        finally:
            gateway.terminate()
            await asyncio.wait_for(gateway.wait(), 60)


async def test_a_reload_without_a_file_ends_too(tmp_path: Path, registry_url: str) -> None:
    """systemd would wait for it until its time-out."""
    with service_manager(tmp_path) as systemd:
        gateway = await systemd.start(registry_url)
        await told(systemd, "READY=1")
        gateway.send_signal(signal.SIGHUP)
        assert "no configuration file" in await told(systemd, "READY=1")
        gateway.terminate()
        await asyncio.wait_for(gateway.wait(), 60)


@pytest.mark.parametrize("environment", [ALONE, WORKERS])
async def test_the_watchdog_hears_of_it(
    tmp_path: Path, registry_url: str, environment: dict[str, str]
) -> None:
    with service_manager(tmp_path) as systemd:
        gateway = await systemd.start(registry_url, WATCHDOG_USEC="200000", **environment)
        await told(systemd, "READY=1")
        await told(systemd, "WATCHDOG=1")
        await told(systemd, "WATCHDOG=1")
        gateway.send_signal(signal.SIGSTOP)
        await eventually(lambda: not systemd.told())
        gateway.send_signal(signal.SIGCONT)
        await told(systemd, "WATCHDOG=1")
        gateway.terminate()
        await asyncio.wait_for(gateway.wait(), 60)


async def test_the_socket_wins_over_the_variables_and_the_log_names_its_port(
    tmp_path: Path, registry_url: str
) -> None:
    with service_manager(tmp_path) as systemd:
        gateway = await systemd.start(registry_url, GATEWAY_PORT="1")
        await told(systemd, "READY=1")
        gateway.terminate()
        assert await asyncio.wait_for(gateway.wait(), 60) == 0
        first, *lines = systemd.output.splitlines()
        assert first.startswith("lockgate: GATEWAY_PORT=1 is not used: ")
        (started,) = [one for one in map(json.loads, lines) if one["event"] == "gateway.started"]
        assert started["port"] == systemd.port


async def test_what_is_no_listening_socket_stops_it_with_one_line(
    tmp_path: Path, registry_url: str
) -> None:
    with service_manager(tmp_path) as systemd:
        gateway = await systemd.start(registry_url, LISTEN_FDS="2", LISTEN_FDNAMES="")
        assert await asyncio.wait_for(gateway.wait(), 60) == 2
        (line,) = systemd.output.splitlines()
        assert line.startswith("lockgate: LISTEN_FDS: descriptor 4 (unknown) is no socket: ")
