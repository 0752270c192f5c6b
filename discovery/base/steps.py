"""Long work in steps: on an event loop (`in_steps`) everything else has its turn between two."""

from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from types import coroutine
from typing import TypeVar

T = TypeVar("T")

#: Work that pauses by a bare `yield`, and what comes of it.
Steps = Generator[None, None, T]

#: About a millisecond's work, where an item takes ten microseconds.
ITEMS_OF_A_STEP = 100


def slices(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists as long as a step may be."""
    rest = iter(items)
    while some := list(islice(rest, ITEMS_OF_A_STEP)):
        yield some


def at_once(steps: Steps[T]) -> T:
    """Do all of the work without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


@coroutine
def in_steps(steps: Steps[T]) -> Steps[T]:
    """Do all of the work, with a turn for everything else after each step, as `asyncio.sleep(0)` gives."""
    return (yield from steps)
