"""The event loop's lag: work that blocks the loop shows, and an idle loop is measured too."""

import asyncio
import time

from discovery.base.tasks import end
from gateway.worker.loop_lag import measure_loop_lag
from tests.support.eventually import eventually

EVERY_S = 0.01


async def test_a_loop_that_is_held_for_a_while_is_that_late() -> None:
    seen_s: list[float] = []
    measuring = asyncio.create_task(measure_loop_lag(seen_s.append, every_s=EVERY_S))
    await eventually(lambda: len(seen_s) >= 2)

    time.sleep(0.2)  # noqa: ASYNC251  # what is not to be done: it holds the loop
    held = len(seen_s)
    await eventually(lambda: len(seen_s) > held)
    await end(measuring)

    assert max(seen_s[held:]) >= 0.2 - EVERY_S


async def test_it_goes_on_where_nothing_else_happens_and_is_never_negative() -> None:
    seen_s: list[float] = []
    measuring = asyncio.create_task(measure_loop_lag(seen_s.append, every_s=0.001))

    await eventually(lambda: len(seen_s) >= 20)
    await end(measuring)

    assert min(seen_s) >= 0.0
