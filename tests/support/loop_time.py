"""The time that an event loop has had: a pause of the machine does not count."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from discovery.base.tasks import end

TURN_S = 0.01


class LoopTime:
    """`s` is how many seconds the loop had for its tasks, counted in turns of 10 ms.

    It is at most the time that has passed, so only what is said of an upper bound can be judged by it.
    """

    def __init__(self) -> None:
        self.s = 0.0

    async def count(self) -> None:
        while True:
            await asyncio.sleep(TURN_S)
            self.s += TURN_S


@asynccontextmanager
async def loop_time() -> AsyncIterator[LoopTime]:
    """Count for the block."""
    time = LoopTime()
    counting = asyncio.create_task(time.count())
    try:
        yield time
    finally:
        await end(counting)
