"""The shared limiter for tests, and its asks."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from discovery.base.tasks import end
from discovery.model.settings import RegistrySettings
from middlewares.limits.deciding import Ask, Check, Policy
from middlewares.limits.limiter import SharedLimiter


def ask_of(client: str, *policies: Policy) -> Ask:
    return Ask(tuple(Check(policy, client) for policy in policies))


@asynccontextmanager
async def running(
    url: str, clock_s: Callable[[], float] = time.monotonic, *, live_workers: int = 1
) -> AsyncIterator[SharedLimiter]:
    """A limiter that decides until the end of the block."""
    limiter = SharedLimiter(
        RegistrySettings(url), live_workers=lambda: live_workers, clock_s=clock_s
    )
    task = asyncio.create_task(limiter.run())
    try:
        yield limiter
    finally:
        await end(task)
        await limiter.close()


class Clock:
    """A clock that the test moves, in seconds."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s
