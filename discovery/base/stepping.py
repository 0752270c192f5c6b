"""Does long work in steps on an event loop."""

import asyncio
from time import perf_counter
from typing import TypeVar

from .steps import Steps

T = TypeVar("T")

#: Short steps are done together until they have taken so long: a turn of the loop costs more than some steps.
STEPS_FOR_S = 0.0002
#: A turn of the loop that takes longer had other work to do.
IDLE_TURN_S = 0.00003
#: Between steps the loop has turns until so many in a row were idle, since a request takes several, and
#: some of them are short. With one alone, half of the requests beside reloads took five times as long.
IDLE_TURNS = 4
#: A loop that is never idle gets the long work done after so many turns for each step.
MOST_TURNS = 20


async def in_steps(steps: Steps[T]) -> T:
    """Do all of the work; between the steps the loop runs everything else, and that comes first."""
    while True:
        until_s = perf_counter() + STEPS_FOR_S
        while perf_counter() < until_s:
            try:
                next(steps)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
        await _others_first()


async def _others_first() -> None:
    idle = 0
    for _ in range(MOST_TURNS):
        began_s = perf_counter()
        await asyncio.sleep(0)
        idle = idle + 1 if perf_counter() - began_s < IDLE_TURN_S else 0
        if idle == IDLE_TURNS:
            return
