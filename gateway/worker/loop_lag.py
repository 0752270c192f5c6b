"""How late the event loop is: every request waits as long as a timer does."""

import asyncio
import time
from collections.abc import Callable

#: Twice a second: no load, and what stalls the loop for longer than that is always seen.
LOOK_EVERY_S = 0.5


async def measure_loop_lag(
    observe: Callable[[float], None], *, every_s: float = LOOK_EVERY_S
) -> None:
    """Never returns; tells `observe` how many seconds later than asked for a timer came."""
    while True:
        due_s = time.monotonic() + every_s
        await asyncio.sleep(every_s)
        observe(max(0.0, time.monotonic() - due_s))
