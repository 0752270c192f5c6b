"""Python's garbage collector, kept away from what lives long."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Kept here, since to ask `gc.get_freeze_count` takes many milliseconds: it counts them.
_is_spared = False


def spare_the_collector() -> None:
    """Exclude objects that live as long as the process from garbage collection, and collect less often.

    A request leaves no cycles behind, so there is little to collect.
    """
    global _is_spared
    gc.collect()
    gc.freeze()
    _is_spared = True
    gc.set_threshold(20_000, 20, 20)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing meanwhile; what then lives on is excluded too, once `spare_the_collector` was called.

    A collection looks at all of a table at once, for 100 ms and more if it has 5,000 routes. What is
    excluded is still freed as soon as nobody has it any more, unless it is part of a cycle.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if _is_spared:
            gc.freeze()
        if was_enabled:
            gc.enable()
