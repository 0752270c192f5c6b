"""Does long work in steps on an event loop."""

import asyncio
from time import perf_counter
from typing import TypeVar

from .steps import Steps

T = TypeVar("T")

#: Short steps are done together until they have taken so long: a turn of the loop costs more than some steps.
STEPS_FOR_S = 0.0005
#: A turn of the loop that takes longer had other work to do.
IDLE_TURN_S = 0.0001
#: So many turns the loop has at most between two steps while there is other work, which would else wait for
#: a step at each of its own turns. A loop that is never idle still gets the long work done.
MOST_TURNS = 10


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
    for _ in range(MOST_TURNS):
        began_s = perf_counter()
        await asyncio.sleep(0)
        if perf_counter() - began_s < IDLE_TURN_S:
            return
