"""`announce()`: a real aiohttp service on a real socket, and what the registry knows about it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import redis
from aiohttp import web

from discovery import (
    Announcement,
    AsyncServiceRegistry,
    InvalidRegistration,
    RegistrySettings,
    announce,
)
from discovery.model.answers import Snapshot
from discovery.store import scripts
from discovery.store.keys import registry_keys
from discovery.view.events import parse_event
from tests.support.eventually import eventually
from tests.support.registry_servers import RegistryServer, free_port

NAME = "price_service"


class Service:
    """An aiohttp application that announces itself; it listens when `listen` is called."""

    def __init__(self, url: str, **more: Any) -> None:
        self.port = free_port()
        app = web.Application()
        app.router.add_get("/health", _healthy)
        settings = RegistrySettings(url, heartbeat_interval_s=0.1)
        self.announcement: Announcement = announce(
            app, name=NAME, port=self.port, instance_id="a1", settings=settings, **more
        )
        self.runner = web.AppRunner(app, shutdown_timeout=1.0)
        self.url = url

    async def listen(self) -> None:
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()

    async def answers(self) -> bool:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/health") as response,
        ):
            return response.status == 200

    def registered(self) -> list[dict[str, Any]]:
        """The instances of the service that the registry lists."""
        snapshot = _eval(self.url, scripts.snapshot())
        return [
            {"id": one.instance.id, "url": one.instance.url, "lapses_at_ms": one.lapses_at_ms}
            for one in snapshot.records
        ]

    def events(self) -> list[str]:
        """The kinds of all changes in the registry so far."""
        with redis.Redis.from_url(self.url) as client:
            entries: Any = client.xrange(registry_keys("default")[-1])
        return [event.kind for _, fields in entries if (event := parse_event(fields)) is not None]


def _eval(url: str, command: scripts.Command[Snapshot]) -> Snapshot:
    keys = registry_keys("default")
    with redis.Redis.from_url(url) as client:
        source = scripts.script_source(command.script)
        return command.decode(client.eval(source, len(keys), *keys, *command.args))


async def _healthy(_: web.Request) -> web.Response:
    return web.Response()


StartService = Callable[..., Awaitable[Service]]


@pytest.fixture
async def start_service() -> AsyncIterator[StartService]:
    """`await start_service(url)`: a service that is set up and listens, unless told otherwise."""
    services: list[Service] = []

    async def start(url: str, *, listening: bool = True, **more: Any) -> Service:
        service = Service(url, **more)
        services.append(service)
        await service.runner.setup()
        if listening:
            await service.listen()
        return service

    yield start
    for service in services:
        await service.runner.cleanup()


async def test_a_service_registers_once_it_listens_and_not_before(
    registry_url: str, start_service: StartService
) -> None:
    service = await start_service(registry_url, listening=False)
    for _ in range(20):  # the service itself looks at its port several times meanwhile
        await asyncio.sleep(0.01)
        assert service.registered() == []
    await service.listen()
    (registered,) = await eventually(service.registered)
    assert (registered["id"], registered["url"]) == ("a1", f"http://localhost:{service.port}")
    assert service.announcement.instance_id == "a1"
    assert await eventually(lambda: service.announcement.registered)


async def test_what_is_announced_is_what_is_registered(
    registry_url: str, start_service: StartService
) -> None:
    service = await start_service(
        registry_url,
        host="127.0.0.1",
        health_path="/up?deep=1",
        metadata={"zone": "a"},
        version="1.2.3",
        weight=7,
    )
    await eventually(service.registered)
    async with AsyncServiceRegistry(registry_url) as registry:
        found = await registry.get_service(NAME)
    assert found is not None
    assert found["health_check_url"] == f"http://127.0.0.1:{service.port}/up?deep=1"
    assert (found["metadata"], found["version"], found["weight"]) == ({"zone": "a"}, "1.2.3", 7)
    assert service.announcement.prefix == "/api/price"


async def test_the_host_comes_from_advertise_host_where_it_is_not_given(
    registry_url: str, start_service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVERTISE_HOST", "127.0.0.1")
    service = await start_service(registry_url)
    (registered,) = await eventually(service.registered)
    assert registered["url"] == f"http://127.0.0.1:{service.port}"


async def test_without_a_health_path_a_connect_is_the_probe(
    registry_url: str, start_service: StartService
) -> None:
    service = await start_service(registry_url, health_path=None)
    assert service.announcement.instance.health_check.kind == "tcp"


async def test_the_host_of_its_probes_is_among_the_metadata(
    registry_url: str, start_service: StartService
) -> None:
    more: dict[str, Any] = {"health_host": "shop.example", "metadata": {"zone": "a"}}
    service = await start_service(registry_url, **more)
    assert service.announcement.instance.metadata == {"zone": "a", "health.host": "shop.example"}


@pytest.mark.parametrize(
    "bad",
    [
        *({"name": "Price"}, {"port": 0}, {"version": "x"}, {"health_path": "up"}, {"weight": -1}),
        *({"health_host": "a b"}, {"health_path": None, "health_host": "shop.example"}),
        {"health_host": "shop.example", "metadata": {"health.host": "shop.example"}},
    ],
)
def test_a_bad_argument_is_refused_before_the_app_starts(bad: dict[str, Any]) -> None:
    good: dict[str, Any] = {"name": NAME, "port": 8002}
    with pytest.raises(InvalidRegistration):
        announce(web.Application(), **(good | bad), settings=RegistrySettings())


async def test_it_sends_heartbeats_for_as_long_as_it_runs(
    registry_url: str, start_service: StartService
) -> None:
    service = await start_service(registry_url)
    (first,) = await eventually(service.registered)
    seen = {first["lapses_at_ms"]}

    def renewed_three_times() -> bool:
        seen.add(service.registered()[0]["lapses_at_ms"])
        return len(seen) > 3

    await eventually(renewed_three_times)
    assert service.events() == ["registered"]


async def test_it_registers_again_when_the_registry_forgot_it(
    registry_url: str, start_service: StartService
) -> None:
    service = await start_service(registry_url)
    await eventually(service.registered)
    with redis.Redis.from_url(registry_url) as client:
        client.flushall()
    assert await eventually(service.registered)


async def test_a_registry_that_is_away_at_the_start_is_no_obstacle(
    own_registry: RegistryServer, start_service: StartService
) -> None:
    own_registry.kill()
    service = await start_service(own_registry.url)
    assert await service.answers()
    assert not service.announcement.registered
    own_registry.start()
    assert await eventually(service.registered)


async def test_a_registry_that_is_killed_in_between_gets_it_again_when_it_is_back(
    own_registry: RegistryServer, start_service: StartService
) -> None:
    service = await start_service(own_registry.url)
    await eventually(service.registered)
    own_registry.kill()
    assert await service.answers()
    own_registry.start()
    assert await eventually(service.registered)
    assert await service.answers()


@pytest.mark.registry_hangs
async def test_a_registry_that_hangs_in_between_holds_nothing_up(
    own_registry: RegistryServer, start_service: StartService
) -> None:
    service = await start_service(own_registry.url)
    (before,) = await eventually(service.registered)
    own_registry.pause()
    for _ in range(10):
        async with asyncio.timeout(10):
            assert await service.answers()
    own_registry.resume()
    await eventually(lambda: service.registered()[0]["lapses_at_ms"] > before["lapses_at_ms"])


async def test_at_shutdown_it_drains_and_then_deregisters(
    registry_url: str, start_service: StartService
) -> None:
    service = await start_service(registry_url)
    await eventually(service.registered)
    await service.runner.cleanup()
    assert service.registered() == []
    assert service.events() == ["registered", "draining", "deregistered"]
    assert not service.announcement.registered


async def test_a_drained_service_answers_on_until_it_is_shut_down(
    registry_url: str, start_service: StartService
) -> None:
    """A service may drain itself before its listener closes, and deregister when it is done."""
    service = await start_service(registry_url)
    await eventually(service.registered)
    await service.announcement.drain()
    assert service.events() == ["registered", "draining"]
    assert await service.answers()
    await service.runner.cleanup()
    assert service.events()[-1] == "deregistered"


async def test_no_heartbeat_undoes_a_drain(registry_url: str, start_service: StartService) -> None:
    service = await start_service(registry_url)
    (before,) = await eventually(service.registered)
    await service.announcement.drain()
    (drained,) = service.registered()
    for _ in range(20):  # two intervals
        await asyncio.sleep(0.01)
    assert service.registered() == [drained]
    assert service.events() == ["registered", "draining"]
    assert drained["lapses_at_ms"] >= before["lapses_at_ms"]


@pytest.mark.registry_hangs
@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_a_registry_that_is_away_does_not_hold_a_shutdown_up(
    own_registry: RegistryServer, start_service: StartService, how: str
) -> None:
    service = await start_service(own_registry.url)
    await eventually(service.registered)
    getattr(own_registry, how)()
    async with asyncio.timeout(20):
        await service.runner.cleanup()


async def test_a_service_that_never_listened_stops_without_a_word(
    registry_url: str, start_service: StartService
) -> None:
    service = await start_service(registry_url, listening=False)
    await service.runner.cleanup()
    assert service.events() == []
