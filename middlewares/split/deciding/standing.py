"""Which shares can answer now."""

from collections.abc import Callable, Iterable
from typing import Literal

from middlewares.candidates.deciding import Selection

#: `able`: an instance is well, or is not known to be otherwise. `poor`: those there are were ejected, or are no
#: longer registered. `failing`: those that are registered do not pass their probes.
Standing = Literal["able", "poor", "starting", "failing", "absent"]
_AFTER: dict[Standing, int] = {"poor": 1, "starting": 2}


def standing(selection: Selection) -> Standing:
    """How the instances of a share stand."""
    if selection.tier is not None:
        return "poor" if selection.tier in ("ejected", "lapsed") else "able"
    if selection.is_starting:
        return "starting"
    for one in selection.excluded:
        if one.entry.absent is None and one.state == "unhealthy":
            return "failing"
    return "absent"


def first_able(order: Iterable[int], standing_of: Callable[[int], Standing]) -> int | None:
    """The first share in this order that is able; where none is, the one that is the least bad.

    None: no share can answer.
    """
    best: int | None = None
    rank = len(_AFTER) + 1
    for index in order:
        found = standing_of(index)
        if found == "able":
            return index
        if _AFTER.get(found, rank) < rank:
            best, rank = index, _AFTER[found]
    return best
