"""Which candidate a request goes to now: a new one, else of two different ones at random the less busy."""

import random
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from discovery.model.instance import Instance
from middlewares.candidates.deciding import Candidate

ONLY = "only"
NEW = "new"
LESS_BUSY = "less_busy"
DRAWN = "drawn"


class Loads(Protocol):
    """What is under way at instances."""

    def in_flight(self, key: str) -> int:
        """The requests under way at an instance."""

    def is_new(self, instance: Instance) -> bool:
        """It has been given no request yet."""


class Choice(NamedTuple):
    """Who has the request, and why: the only one, a new one, the less busy of two, or of equals the first drawn."""

    candidate: Candidate
    why: str


def choose(candidates: Sequence[Candidate], loads: Loads, rng: random.Random) -> Choice:
    """Draw two *different* candidates by weight and take the one with less in flight for its weight.

    Two draws with replacement would give a hanging instance a tenth of the traffic for ever. Who is
    new has the next request without a draw: among many, it would wait for its luck.
    `candidates` is not empty.
    """
    if len(candidates) == 1:
        return Choice(candidates[0], ONLY)
    for candidate in candidates:
        if loads.is_new(candidate.instance):
            return Choice(candidate, NEW)
    first = _draw(candidates, rng)
    second = _draw([candidate for candidate in candidates if candidate is not first], rng)
    of_first, of_second = _load(first, loads), _load(second, loads)
    # Among equals the first draw wins: an idle service is shared out by weight alone.
    if of_first == of_second:
        return Choice(first, DRAWN)
    return Choice(first if of_first < of_second else second, LESS_BUSY)


def _draw(candidates: Sequence[Candidate], rng: random.Random) -> Candidate:
    return rng.choices(candidates, [one.instance.weight for one in candidates])[0]


def _load(candidate: Candidate, loads: Loads) -> float:
    return loads.in_flight(candidate.instance.key) / candidate.instance.weight
