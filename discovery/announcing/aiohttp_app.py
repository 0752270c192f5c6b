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
    `health_path`, and sends `health_host` as the Host field where the server checks that. With
    `health_path` None the probe is a TCP connect.

    The service registers when its port takes connections and sends a heartbeat each
    `HEARTBEAT_INTERVAL`. While the registry is away it keeps trying, with growing pauses; when the
    registry forgot it, it registers anew. It never fails the service. At shutdown it drains, lets
    requests in flight finish, and deregisters. Under `web.run_app` the port stays open until every
    gateway knows of the drain, so a rolling restart loses no request. Raises InvalidRegistration for a
    bad argument.

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
    """Drain without waiting: where no signal was held back, the listener is closed already."""
    for one in app[_ANNOUNCED]:
        await one.begin_drain()
