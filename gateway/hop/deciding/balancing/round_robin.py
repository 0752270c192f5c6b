"""Takes turns by weight, smoothly: nginx's algorithm (nginx commit 52327e0627f49dbda1e8db695e63a4b0af4448b1)."""

from gateway.hop.deciding.balancing.choice import ONLY, TURN, Choice
from middlewares.candidates.deciding import Candidates

#: How far each instance of a service is from its turn, by key.
Turns = dict[str, float]


def choose(candidates: Candidates, turns: Turns) -> Choice:
    """Whose turn it is; `turns` are changed.

    In each round, as many choices as the weights add up to, each gets as many as its weight, and
    a heavy one never gets all of them in a row. An instance that is no candidate now keeps its place.
    `candidates` is not empty.
    """
    if len(candidates) == 1:
        return Choice(candidates[0], ONLY)
    if len(turns) > 2 * len(candidates) + 16:
        _forget(turns, candidates)
    weights, best, most = candidates.weights, 0, float("-inf")
    for index, candidate in enumerate(candidates):
        key = candidate.instance.key
        turn = turns[key] = turns.get(key, 0.0) + weights[index]
        if turn > most:
            best, most = index, turn
    turns[candidates[best].instance.key] = most - sum(weights)
    return Choice(candidates[best], TURN)


def _forget(turns: Turns, candidates: Candidates) -> None:
    """Forget instances that are no candidates; there have been many."""
    keys = {one.instance.key for one in candidates}
    for key in [key for key in turns if key not in keys]:
        del turns[key]
