"""Lets the weight of an instance that is new or back grow, while its siblings have theirs."""

from collections.abc import Mapping

from middlewares.candidates.deciding import Candidates

#: What an instance begins with, as a share of its weight.
LEAST = 0.1
LONG_AGO = float("-inf")

#: Since when each instance is a candidate, by key (s).
Since = Mapping[str, float]


def since_when(before: Since, candidates: Candidates, now_s: float) -> Since:
    """Since when these are candidates; `before` is the same of the candidates before them.

    If none was there before, all of them are new at once, and none has to wait for another.
    """
    keys = [one.instance.key for one in candidates]
    new_s = now_s if any(key in before for key in keys) else LONG_AGO
    return {key: before.get(key, new_s) for key in keys}


def ramped(candidates: Candidates, since: Since, now_s: float, over_s: float) -> Candidates:
    """The candidates with the weights that they have now; the same object if each has its whole weight."""
    shares = [
        min(1.0, LEAST + (1.0 - LEAST) * (now_s - since.get(one.instance.key, LONG_AGO)) / over_s)
        for one in candidates
    ]
    if min(shares) == 1.0:
        return candidates
    return candidates.weighted(
        [weight * share for weight, share in zip(candidates.weights, shares, strict=True)]
    )
