"""Chooses the candidate for a request: a new one, else the less busy of two different random ones."""

import random
from bisect import bisect_right
from typing import NamedTuple, Protocol

from discovery.model.instance import Instance
from middlewares.candidates.deciding import Candidate, Candidates

#: Draws of a second candidate before the first is taken out.
TRIES = 8

ONLY = "only"
NEW = "new"
LESS_BUSY = "less_busy"
DRAWN = "drawn"


class Loads(Protocol):
    """The load of instances."""

    def in_flight(self, key: str) -> int:
        """The requests in flight at an instance."""

    def is_new(self, instance: Instance) -> bool:
        """Whether an instance has had no request yet."""


class Choice(NamedTuple):
    """The chosen instance and why: the only one, a new one, the less busy of two, or the first drawn of equals."""

    candidate: Candidate
    why: str


def choose(candidates: Candidates, loads: Loads, rng: random.Random) -> Choice:
    """Draw two *different* candidates by weight, and take the one with less in flight for its weight.

    Two draws with replacement would give a hanging instance a tenth of the traffic for ever. A new
    instance gets the next request without a draw, because among many it might wait long to be drawn.
    `candidates` is not empty.
    """
    if len(candidates) == 1:
        return Choice(candidates[0], ONLY)
    if not candidates.all_met:
        for candidate in candidates:
            if loads.is_new(candidate.instance):
                return Choice(candidate, NEW)
        candidates.all_met = True
    first, second = _draw_two(candidates, rng)
    of_first, of_second = _load(first, loads), _load(second, loads)
    # Among equals the first draw wins, so that an idle service is shared by weight alone.
    if of_first == of_second:
        return Choice(first, DRAWN)
    return Choice(first if of_first < of_second else second, LESS_BUSY)


def _draw_two(candidates: Candidates, rng: random.Random) -> tuple[Candidate, Candidate]:
    """Two different candidates, each drawn by weight; the cost does not grow with their number."""
    up_to = candidates.cumulated_weights
    total, last = up_to[-1], len(up_to) - 1
    first = second = bisect_right(up_to, rng.random() * total, 0, last)
    for _ in range(TRIES):
        second = bisect_right(up_to, rng.random() * total, 0, last)
        if second != first:
            return candidates[first], candidates[second]
    # One has nearly all of the weight.
    others = candidates.without(candidates[first])
    return candidates[first], rng.choices(others, cum_weights=others.cumulated_weights)[0]


def _load(candidate: Candidate, loads: Loads) -> float:
    return loads.in_flight(candidate.instance.key) / candidate.instance.weight
