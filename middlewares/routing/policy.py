"""What holds for the requests of a route: one frozen value, made of the configuration."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from middlewares.limits.deciding import Policy


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a request of the route may take; 0: no limit.

    `head_s` runs from the last byte that the instance was sent to the answer's head, `idle_s` between
    two pieces of its body, `total_s` over the whole exchange, all its attempts together.
    """

    connect_s: float = 2.0
    head_s: float = 30.0
    idle_s: float = 300.0
    total_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a request is tried, the first time counted; 0: once at each candidate."""

    attempts: int = 0


@dataclass(frozen=True)
class RoutePolicy:
    """A request keeps the one that it began with, whatever is configured meanwhile.

    `limits` are those that are in force, each of another name: one of 0 requests is left out.
    """

    timeouts: Timeouts = Timeouts()
    limits: tuple[Policy, ...] = ()
    retries: Retries = Retries()
    balance: Literal["p2c"] = "p2c"

    def __post_init__(self) -> None:
        # They are counted by name: one that stood here twice would be charged by what was read before.
        if len({limit.name for limit in self.limits}) < len(self.limits):
            raise ValueError("a limit is named twice")

    @cached_property
    def counts_answers(self) -> bool:
        """One of its limits is charged by the answer's status."""
        return any(limit.counts for limit in self.limits)
