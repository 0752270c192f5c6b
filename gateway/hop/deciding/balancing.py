"""Which candidate a request goes to now: a new one, else of two different ones at random the less busy."""

import random
from collections.abc import Callable, Sequence

from discovery.model.instance import Instance
from middlewares.candidates.deciding import Candidate

InFlight = Callable[[str], int]
#: It has been given no request yet.
IsNew = Callable[[Instance], bool]


def choose(
    candidates: Sequence[Candidate], in_flight: InFlight, is_new: IsNew, rng: random.Random
) -> Candidate:
    """Draw two *different* candidates by weight and take the one with less in flight for its weight.

    Two draws with replacement would give a hanging instance a tenth of the traffic for ever. Who is
    new has the next request without a draw: among many, it would wait for its luck.
    `candidates` is not empty; `in_flight` gives the requests under way by instance key.
    """
    if len(candidates) == 1:
        return candidates[0]
    for candidate in candidates:
        if is_new(candidate.instance):
            return candidate
    first = _draw(candidates, rng)
    second = _draw([candidate for candidate in candidates if candidate is not first], rng)
    # Among equals the first draw wins: an idle service is shared out by weight alone.
    return min(first, second, key=lambda one: _load(one, in_flight))


def _draw(candidates: Sequence[Candidate], rng: random.Random) -> Candidate:
    return rng.choices(candidates, [one.instance.weight for one in candidates])[0]


def _load(candidate: Candidate, in_flight: InFlight) -> float:
    return in_flight(candidate.instance.key) / candidate.instance.weight
