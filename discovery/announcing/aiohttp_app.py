"""`announce()`: one line by which an aiohttp service registers, heartbeats, drains and deregisters."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web

from ..model.settings import RegistrySettings
from .announcement import Announcement, make_announcement
from .stop_signals import drain_before_run_app_ends

_ANNOUNCED = web.AppKey("lockgate_announced", list[Announcement])


def announce(
    app: web.Application,
    *,
    name: str,
    port: int,
    host: str | None = None,
    health_path: str | None = "/health",
    metadata: Mapping[str, Any] | None = None,
    version: str | None = None,
    weight: int = 1,
    instance_id: str | None = None,
    settings: RegistrySettings | None = None,
    health_host: str | None = None,
) -> Announcement:
    """Keep `app` registered as an instance of `name` while it runs; call it before the app starts.

    `host` is what others connect to (`ADVERTISE_HOST`, else `localhost`). A gateway probes
    `health_path`, with `health_host` as the Host field where the server checks that; with
    `health_path` None a TCP connect is the probe. It registers when the port
    takes connections, heartbeats each `HEARTBEAT_INTERVAL`, keeps trying with growing pauses while
    the registry is away, registers anew when the registry forgot it, and never fails the service.
    At shutdown it drains, lets requests in flight finish, and deregisters; under `web.run_app` the
    port stays open until the drain is known, so that a rolling restart loses nothing. Raises
    InvalidRegistration for a bad argument.

    >>> app = web.Application()
    >>> announcement = announce(app, name="orders_service", port=9000, version="1.4.2")
    >>> announcement.instance_id
    'orders_service-...'
    >>> announcement.prefix  # what links of the service begin with at the gateway
    '/api/orders'
    >>> announcement.registered  # web.run_app(app, port=9000) comes first
    False
    """
    announcement = make_announcement(
        name=name,
        port=port,
        host=host,
        health_path=health_path,
        metadata=metadata,
        version=version,
        weight=weight,
        instance_id=instance_id,
        settings=settings,
        health_host=health_host,
    )
    if _ANNOUNCED not in app:
        app[_ANNOUNCED] = []
        app.cleanup_ctx.append(_lifespan)
        app.on_shutdown.append(_begin_drain)
    app[_ANNOUNCED].append(announcement)
    return announcement


async def _lifespan(app: web.Application) -> AsyncIterator[None]:
    announcements = app[_ANNOUNCED]

    async def drain() -> None:
        await asyncio.gather(*(one.drain() for one in announcements))

    for one in announcements:
        one.start()
    drain_before_run_app_ends(drain)
    yield
    for one in announcements:
        await one.withdraw()


async def _begin_drain(app: web.Application) -> None:
    """The listener is closed already where no signal was held back: there's nothing to wait for."""
    for one in app[_ANNOUNCED]:
        await one.begin_drain()
