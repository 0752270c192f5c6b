"""Measures how late the event loop is: every request waits as long as a timer does."""

import asyncio
import time
from collections.abc import Callable

#: Twice a second is no load, and any stall that is longer than this is always seen.
LOOK_EVERY_S = 0.5


async def measure_loop_lag(
    observe: Callable[[float], None], *, every_s: float = LOOK_EVERY_S
) -> None:
    """Call `observe` with how many seconds late a timer was; never returns."""
    while True:
        due_s = time.monotonic() + every_s
        await asyncio.sleep(every_s)
        observe(max(0.0, time.monotonic() - due_s))
