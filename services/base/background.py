"""Work beside the requests, for as long as the app runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from aiohttp import web

from discovery.base.tasks import end


def in_background(
    work: Callable[[], Coroutine[Any, Any, None]], name: str
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A `cleanup_ctx`: `work()` starts with the app and is cancelled at its end."""

    async def lifetime(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(work(), name=name)
        yield
        await end(task)

    return lifetime


async def any_set(*events: asyncio.Event, within_s: float) -> bool:
    """Wait for the first of the events; False when none is set within that time."""
    waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for future in waiting:
            future.cancel()
