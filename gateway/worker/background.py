"""Background work of the application: it starts and ends with it, and never dies unnoticed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from prometheus_async import aio

from discovery.base.tasks import end
from middlewares.telemetry.metrics import GatewayMetrics

RESTART_AFTER_S = 1.0

_log = structlog.get_logger()


@asynccontextmanager
async def running(
    name: str, run: Callable[[], Awaitable[None]], metrics: GatewayMetrics
) -> AsyncIterator[None]:
    """Run `run`, which never returns, while the block does; restart it if it crashes."""
    count = aio.count_exceptions(metrics.background_failures.labels(name), exc=Exception)
    track = aio.track_inprogress(metrics.background_running.labels(name))
    counted: Callable[[], Awaitable[None]] = track(count(run))

    async def forever() -> None:
        while True:
            try:
                await counted()
            except Exception:  # noqa: BLE001 - whatever it is, the work must go on
                _log.exception("background.failed", work=name)
            await asyncio.sleep(RESTART_AFTER_S)

    task = asyncio.create_task(forever(), name=name)
    try:
        yield
    finally:
        await end(task)
