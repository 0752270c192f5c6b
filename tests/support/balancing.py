"""Candidates and their loads, as tests of balancing say them."""

from collections.abc import Mapping

from discovery.model.instance import Instance, parse_registration
from middlewares.candidates.deciding import Candidate, Candidates


def candidates(**weights: int) -> Candidates:
    """Candidates by id and weight."""
    return Candidates(
        Candidate(
            parse_registration("s", name, {"host": "h", "port": 1, "weight": weight}), "registered"
        )
        for name, weight in weights.items()
    )


def ids(among: Candidates) -> list[str]:
    return [one.instance.id for one in among]


class OfOne:
    """The load of one instance."""

    def __init__(self, in_flight: int, slowness: float) -> None:
        self.in_flight = in_flight
        self.is_slow = slowness > 1.0
        self.effort = (in_flight + 1) * slowness if self.is_slow else in_flight


class UnderWay:
    """The requests in flight and the slowness by id, and a new instance."""

    def __init__(
        self, in_flight: Mapping[str, int], new: str = "", slow: Mapping[str, float] | None = None
    ) -> None:
        self._in_flight = in_flight
        self._new = new
        self._slow = slow or {}

    def load(self, instance: Instance) -> OfOne | None:
        if instance.id == self._new:
            return None
        return OfOne(self._in_flight.get(instance.id, 0), self._slow.get(instance.id, 1.0))
