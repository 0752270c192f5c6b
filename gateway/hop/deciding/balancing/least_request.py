"""Chooses the candidate with the fewest requests in flight for its weight, of all of them."""

import random

from gateway.hop.deciding.balancing.choice import (
    DRAWN,
    LESS_BUSY,
    ONLY,
    Choice,
    Loads,
    draw_of,
    in_flight,
)
from middlewares.candidates.deciding import Candidates


def choose(candidates: Candidates, loads: Loads, rng: random.Random) -> Choice:
    """Latency does not count; ties are drawn by weight. `candidates` is not empty."""
    if len(candidates) == 1:
        return Choice(candidates[0], ONLY)
    weights = candidates.weights
    counts = in_flight(candidates, loads)
    load = [count / weight for count, weight in zip(counts, weights, strict=True)]
    least = min(load)
    best = [index for index, one in enumerate(load) if one == least]
    if len(best) == 1:
        return Choice(candidates[best[0]], LESS_BUSY)
    return Choice(candidates[draw_of(best, weights, rng)], DRAWN)
