"""Long work in steps, so that an event loop can run everything else between them (`stepping.in_steps`)."""

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

#: Work that pauses at a bare `yield` and returns its result.
Steps = Generator[None, None, T]

#: About a millisecond's work, if an item takes ten microseconds.
ITEMS_OF_A_STEP = 100


def slices(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut the items into lists of one step each."""
    rest = iter(items)
    while some := list(islice(rest, ITEMS_OF_A_STEP)):
        yield some


def weighed_slices(items: Iterable[T], weight: Callable[[T], int]) -> Iterator[list[T]]:
    """Cut the items into lists of one step each, where an item counts for `weight` items, and for one at least."""
    some: list[T] = []
    taken = 0
    for item in items:
        some.append(item)
        taken += max(weight(item), 1)
        if taken >= ITEMS_OF_A_STEP:
            yield some
            some, taken = [], 0
    if some:
        yield some


def gathered(items: Iterable[T]) -> Steps[list[T]]:
    """The items in a list."""
    found: list[T] = []
    for some in slices(items):
        found += some
        yield
    return found


def let_go(parts: list[T]) -> Steps[None]:
    """Empty the list from its beginning: to free thousands of objects takes a while too."""
    parts.reverse()
    while parts:
        del parts[-ITEMS_OF_A_STEP:]
        yield


def at_once(steps: Steps[T]) -> T:
    """Do all of the work without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
