"""Ending tasks for sure: a time-out that just ran out may swallow one cancellation."""

import asyncio

#: Time for a task to end after it was cancelled, before it is cancelled again.
ENDS_WITHIN_S = 0.1


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel the tasks and wait until they have ended; what they raise is nobody's concern.

    Before Python 3.12, `asyncio.wait_for` (and so redis-py) may lose a cancellation that meets the
    end of what it waits for (python/cpython#86296): the task goes on as if nothing had been said.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ENDS_WITHIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()
