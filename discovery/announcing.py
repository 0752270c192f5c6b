"""`announce()`: one line by which an aiohttp service registers, heartbeats, drains and deregisters."""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web

from discovery import commands
from discovery.async_registry import AsyncServiceRegistry
from discovery.errors import DiscoveryError
from discovery.instance import Instance, parse_registration
from discovery.logs import Log
from discovery.registry import new_instance_id
from discovery.settings import RegistrySettings
from discovery.tasks import end

LISTENING_POLL_S = 0.02
RETRY_FIRST_S = 0.1
RETRY_MOST_S = 5.0

_log = Log()


class Announcement:
    """The registration of one running service; it outlives any failure of the registry."""

    def __init__(self, instance: Instance, settings: RegistrySettings) -> None:
        self.instance = instance
        self.registered = False
        self._may_be_registered = False
        self._settings = settings
        self._registry = AsyncServiceRegistry(settings=settings)
        self._task: asyncio.Task[None] | None = None

    @property
    def instance_id(self) -> str:
        return self.instance.id

    async def run(self) -> None:
        """Register once the service listens, then heartbeat until cancelled."""
        await self._listening()
        retry_s = RETRY_FIRST_S
        while True:
            try:
                await self._beat()
                retry_s = RETRY_FIRST_S
                pause_s = self._settings.heartbeat_interval_s * random.uniform(0.9, 1.0)
            except DiscoveryError as error:
                _log.warning("announce.registry_unavailable", detail=str(error), retry_s=retry_s)
                pause_s = retry_s * random.uniform(0.8, 1.2)
                retry_s = min(RETRY_MOST_S, self._settings.heartbeat_interval_s, retry_s * 2)
            await asyncio.sleep(pause_s)

    async def drain(self) -> None:
        """Stop heartbeats and ask for no new requests; the registry being away is no error."""
        await self._stop()
        if self._may_be_registered:
            await self._say_goodbye(commands.drain(self.instance.key))

    async def withdraw(self) -> None:
        """Deregister and close the connections."""
        await self._stop()
        if self._may_be_registered:
            await self._say_goodbye(commands.deregister(self.instance.key))
            self.registered = self._may_be_registered = False
        await self._registry.close()

    async def _beat(self) -> None:
        if self.registered:
            self.registered = (await self._registry.call(commands.renew([self.instance.key])))[0]
        if not self.registered:
            self._may_be_registered = True  # even if this call's answer never comes
            await self._registry.call(commands.register(self.instance))
            self.registered = True
            _log.info("announce.registered", instance=self.instance.id, url=self.instance.url)

    async def _listening(self) -> None:
        """Wait until the service's own port takes connections: nobody shall be sent there before."""
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self.instance.host, self.instance.port)
                writer.close()
                return
            await asyncio.sleep(LISTENING_POLL_S)

    async def _say_goodbye(self, command: commands.Command[Any]) -> None:
        try:
            await self._registry.call(command)
        except DiscoveryError as error:
            _log.warning("announce.registry_unavailable", detail=str(error))

    def start(self) -> None:
        self._task = asyncio.create_task(self.run(), name=f"announce-{self.instance.id}")

    async def _stop(self) -> None:
        if self._task is not None:
            await end(self._task)
            self._task = None


def announce(
    app: web.Application,
    *,
    name: str,
    port: int,
    host: str | None = None,
    health_path: str = "/health",
    metadata: Mapping[str, Any] | None = None,
    version: str | None = None,
    weight: int = 1,
    instance_id: str | None = None,
    settings: RegistrySettings | None = None,
) -> Announcement:
    """Keep `app` registered as an instance of `name` while it runs; call it before the app starts.

    `host` is what others connect to (`ADVERTISE_HOST`, else `localhost`). It registers when the port
    takes connections, heartbeats each `HEARTBEAT_INTERVAL`, keeps trying with growing pauses while
    the registry is away, registers anew when the registry forgot it, and never fails the service.
    At shutdown it drains and deregisters. Raises InvalidRegistration for a bad argument.

    >>> app = web.Application()
    >>> announcement = announce(app, name="orders_service", port=9000, version="1.4.2")
    >>> announcement.instance_id
    'orders_service-...'
    >>> announcement.registered  # web.run_app(app, port=9000) comes first
    False
    """
    settings = settings or RegistrySettings.from_env()
    instance = parse_registration(
        name,
        instance_id or new_instance_id(name),
        {
            "host": host or os.environ.get("ADVERTISE_HOST") or "localhost",
            "port": port,
            "health_check_url": health_path,
            "metadata": metadata,
            "version": version,
            "weight": weight,
        },
        default_ttl_s=settings.instance_ttl_s,
    )
    announcement = Announcement(instance, settings)

    async def lifespan(_app: web.Application) -> AsyncIterator[None]:
        announcement.start()
        yield
        await announcement.withdraw()

    async def drain(_app: web.Application) -> None:
        await announcement.drain()

    app.cleanup_ctx.append(lifespan)
    app.on_shutdown.append(drain)
    return announcement
