"""The application that every service starts from: layers, common endpoints, announcement."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import cache, partial

import prometheus_client
from aiohttp import web

from middlewares.errors import errors_middleware
from middlewares.telemetry.layer import add_correlation_id, correlation_middleware
from middlewares.telemetry.metrics import RequestMetrics
from middlewares.telemetry.process_metrics import add_process_metrics_without_proc
from services.base.client import ServiceClient
from services.base.directory import Directory, Presence
from services.base.endpoints import common_routes
from services.base.failures import SERVICE_PROBLEMS
from services.base.settings import ServiceSettings
from services.base.status import Check, ServiceStatus
from services.base.validation import Answer

#: The version that the services register and show.
VERSION = "1.0.0"

#: A status page must not wait long for a dependency that is down.
CHECK_TIMEOUT_S = 1.0

#: Set when the service begins to stop: `/ready` says so, and endless answers end.
STOPPING = web.AppKey("stopping", asyncio.Event)
CLIENT = web.AppKey("client", ServiceClient)
PRESENCE: web.AppKey[Presence] = web.AppKey("presence")


def create_service_app(
    *,
    name: str,
    settings: ServiceSettings,
    directory: Directory,
    dependencies: Sequence[str] = (),
    checks: Mapping[str, Check] | None = None,
) -> web.Application:
    """An app without routes yet; `dependencies` are the services that it calls.

    `checks` test its other dependencies, by name.
    """
    app = web.Application(
        middlewares=[
            # Outermost: everything inside is logged, counted, and carries the ID.
            correlation_middleware(service=name, metrics=_request_metrics()),
            # Next: failures of everything inside become problem documents.
            errors_middleware(also=SERVICE_PROBLEMS),
        ]
    )
    app.on_response_prepare.append(add_correlation_id)

    client = app[CLIENT] = ServiceClient(directory)
    app.cleanup_ctx.append(client.opened)

    async def close_directory(_app: web.Application) -> None:
        await directory.close()

    app.on_cleanup.append(close_directory)

    stopping = app[STOPPING] = asyncio.Event()

    async def begin_to_stop(_app: web.Application) -> None:
        stopping.set()

    app.on_shutdown.append(begin_to_stop)

    presence = app[PRESENCE] = directory.announce(
        app,
        name=name,
        host=None if settings.advertise_own_address else settings.advertise_host,
        port=settings.service_port,
        version=VERSION,
    )
    status = ServiceStatus(
        name=name,
        version=VERSION,
        started_s=time.monotonic(),
        presence=presence,
        checks={
            service: partial(client.get, service, "/health", Answer, timeout_s=CHECK_TIMEOUT_S)
            for service in dependencies
        }
        | dict(checks or {}),
    )
    app.add_routes(common_routes(name=name, stopping=stopping, status=status))
    return app


@cache
def _request_metrics() -> RequestMetrics:
    """One object per process: prometheus-async serves the global registry, where names are unique."""
    add_process_metrics_without_proc(prometheus_client.REGISTRY)  # with /proc it has them already
    return RequestMetrics("service", prometheus_client.REGISTRY)
