"""The endpoints that every service has: /health, /ready, /status and /metrics."""

import asyncio
from collections.abc import Iterable

from aiohttp import web
from prometheus_async.aio.web import server_stats

from middlewares.failures import ShuttingDown
from services.base.answers import json_response
from services.base.status import ServiceStatus


def common_routes(
    *, name: str, stopping: asyncio.Event, status: ServiceStatus
) -> Iterable[web.RouteDef]:
    async def health(_request: web.Request) -> web.Response:
        """Say that the process lives, whatever its dependencies do."""
        return json_response({"status": "healthy", "service": name})

    async def ready(_request: web.Request) -> web.Response:
        """Say whether it takes requests; a missing dependency fails only some of them."""
        if stopping.is_set():
            raise ShuttingDown(f"{name} is shutting down")
        return json_response({"status": "ready", "service": name})

    async def show_status(_request: web.Request) -> web.Response:
        return json_response(await status.document())

    return [
        web.get("/health", health),
        web.get("/ready", ready),
        web.get("/status", show_status),
        web.get("/metrics", server_stats),
    ]
