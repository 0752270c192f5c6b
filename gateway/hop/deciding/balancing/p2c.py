"""Chooses by requests in flight and latency: the least of a few candidates, the better of two of many."""

import random
from bisect import bisect_right
from collections.abc import Sequence

from gateway.hop.deciding.balancing.choice import (
    DRAWN,
    FASTER,
    LESS_BUSY,
    NEW,
    ONLY,
    Choice,
    Load,
    Loads,
    draw_of,
)
from middlewares.candidates.deciding import Candidate, Candidates

#: So many are few: all of them are looked at, for at most 0.5 µs more than two of them cost.
FEW = 5
#: Draws of a second candidate before the first is taken out.
TRIES = 8


def choose(candidates: Candidates, loads: Loads, rng: random.Random, few: int = FEW) -> Choice:
    """Draw one by weight: if it has nothing to do nobody has less, else look at others.

    Of many a second, *different* one is drawn by weight: two draws with replacement would give a hanging
    instance a tenth of the traffic for ever. A new instance gets the next request without a draw, because
    among many it might wait long to be drawn. `candidates` is not empty.
    """
    if len(candidates) == 1:
        return Choice(candidates[0], ONLY)
    met: Sequence[Load] | None = candidates.loads
    if met is None:
        found = _meet(candidates, loads)
        if isinstance(found, Candidate):
            return Choice(found, NEW)
        met = candidates.loads = found
    up_to = candidates.cumulated_weights
    last = len(up_to) - 1
    drawn = bisect_right(up_to, rng.random() * up_to[last], 0, last)
    if not met[drawn].effort:
        return Choice(candidates[drawn], DRAWN)
    if last < few:
        return _least_of_all(candidates, met, drawn, rng)
    return _better_of_two(candidates, met, drawn, rng)


def _meet(candidates: Candidates, loads: Loads) -> list[Load] | Candidate:
    """The loads of all of them, or the first that has had no request yet."""
    met: list[Load] = []
    for candidate in candidates:
        load = loads.load(candidate.instance)
        if load is None:
            return candidate
        met.append(load)
    return met


def _least_of_all(
    candidates: Candidates, met: Sequence[Load], drawn: int, rng: random.Random
) -> Choice:
    """The one with the least effort for its weight; ties go by weight, first to the one that was drawn."""
    weights = candidates.weights
    efforts = [load.effort for load in met]
    if not candidates.are_even:
        efforts = [effort / weight for effort, weight in zip(efforts, weights, strict=True)]
    least = min(efforts)
    if efforts[drawn] == least:
        return Choice(candidates[drawn], DRAWN)
    best = [index for index, effort in enumerate(efforts) if effort == least]
    chosen = best[0] if len(best) == 1 else draw_of(best, weights, rng)
    return Choice(candidates[chosen], FASTER if met[drawn].is_slow else LESS_BUSY)


def _better_of_two(
    candidates: Candidates, met: Sequence[Load], drawn: int, rng: random.Random
) -> Choice:
    """Among equals the one that was drawn first wins, so that equals are shared out by weight alone."""
    weights, other = candidates.weights, _another(candidates, drawn, rng)
    if met[drawn].effort / weights[drawn] <= met[other].effort / weights[other]:
        return Choice(candidates[drawn], DRAWN)
    return Choice(candidates[other], FASTER if met[drawn].is_slow else LESS_BUSY)


def _another(candidates: Candidates, drawn: int, rng: random.Random) -> int:
    """The index of a second candidate, drawn by weight; the cost does not grow with their number."""
    up_to = candidates.cumulated_weights
    last = len(up_to) - 1
    for _ in range(TRIES):
        other = bisect_right(up_to, rng.random() * up_to[last], 0, last)
        if other != drawn:
            return other
    # One has nearly all of the weight.
    others = [one for one in range(len(candidates)) if one != drawn]
    return draw_of(others, candidates.weights, rng)
