"""What every way of balancing is told, and what it answers."""

import random
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from discovery.model.instance import Instance
from middlewares.candidates.deciding import Candidate, Candidates

ONLY = "only"
NEW = "new"
DRAWN = "drawn"
LESS_BUSY = "less_busy"
FASTER = "faster"
TURN = "its_turn"
HASHED = "hashed"
#: The instance that the key belongs to has more than its share of the requests in flight.
OVERFLOWED = "overflowed"


class Load(Protocol):
    """The load of one instance."""

    @property
    def in_flight(self) -> int:
        """The requests in flight at it."""

    @property
    def effort(self) -> float:
        """The requests in flight; of one that is clearly slower than its siblings one more, times its slowness.

        0: it is idle and not slow.
        """

    @property
    def is_slow(self) -> bool:
        """Whether it is clearly slower than its siblings."""


class Loads(Protocol):
    """The loads of all instances."""

    def load(self, instance: Instance) -> Load | None:
        """The load of an instance; None: it has had no request yet."""


class Choice(NamedTuple):
    """The chosen instance and why."""

    candidate: Candidate
    why: str


def draw_of(indexes: Sequence[int], weights: Sequence[float], rng: random.Random) -> int:
    """One of these indexes, drawn by weight: a third of the cost of `rng.choices` for a few."""
    point = rng.random() * sum([weights[index] for index in indexes])
    for index in indexes:
        point -= weights[index]
        if point < 0:
            return index
    return indexes[-1]


def in_flight(candidates: Candidates, loads: Loads) -> Sequence[int]:
    """The requests in flight at each candidate."""
    found = (loads.load(one.instance) for one in candidates)
    return [0 if load is None else load.in_flight for load in found]
