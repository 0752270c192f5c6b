"""Runs one service in the foreground and stops it on a signal without losing a request."""

import asyncio
import os
import signal
from typing import Any

import structlog
from aiohttp import web

from discovery.model.settings import RegistrySettings
from middlewares.telemetry.logs import configure_logging
from services.base.app import PRESENCE, STOPPING
from services.base.directory import RegistryDirectory
from services.base.service import Service
from services.base.settings import ServiceSettings, settings_from_environment

KEEPALIVE_TIMEOUT_S = 75.0


class ListenError(Exception):
    """The address is taken, or does not belong to this machine."""


def run(service: Service[Any]) -> None:
    """Serve until SIGTERM or SIGINT; raises SettingsError or ListenError if it can't start."""
    settings = settings_from_environment(service.settings)
    registry_settings = RegistrySettings.from_env(os.environ)
    configure_logging(service=service.name, level=settings.log_level, style=settings.log_format)
    asyncio.run(_serve(service, settings, registry_settings))


async def _serve(
    service: Service[Any], settings: ServiceSettings, registry_settings: RegistrySettings
) -> None:
    log = structlog.get_logger()
    app = service.create_app(settings, RegistryDirectory(registry_settings))
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=KEEPALIVE_TIMEOUT_S,
        shutdown_timeout=settings.shutdown_grace,
    )
    await runner.setup()
    try:
        await _listen(runner, settings.service_host, settings.service_port)
        log.info("service.started", host=settings.service_host, port=settings.service_port)
        await _signalled()
        log.info("service.stopping")
        app[STOPPING].set()
        await app[PRESENCE].drain()
    finally:
        await runner.cleanup()
    log.info("service.stopped")


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ListenError(f"can't listen on {host}:{port}: {error.strerror}") from None


async def _signalled() -> None:
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    await asked_to_stop.wait()
