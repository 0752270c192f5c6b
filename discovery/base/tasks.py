"""Ends tasks reliably: a time-out that just ran out may swallow one cancellation."""

import asyncio

#: How long a cancelled task may take to end before it is cancelled again.
ENDS_WITHIN_S = 0.1


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel the tasks and wait until they have ended; what they raise is ignored.

    Before Python 3.12, `asyncio.wait_for` (and so redis-py) may lose a cancellation that arrives as its
    own wait ends (python/cpython#86296). The task then goes on as if it had not been cancelled.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ENDS_WITHIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()
