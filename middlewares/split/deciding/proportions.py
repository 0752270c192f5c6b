"""A test for two proportions that holds for every number of requests, small ones too.

It takes no approximation by the normal distribution, which would call a healthy canary broken far too often
where 5 of 40 requests fail. For k failures of n requests with the true rate q, Chernoff's bound says that
n·KL(k/n, q) is at least x with a probability of at most e^-x, in each direction. The two sides are
independent, so the sum of both is at least x with a probability of at most (1 + x)·e^-x, that of the sum of
two exponential variables. The true rate of the stable side is unknown, so the one counts that explains
the counts best.
"""

import math
from typing import NamedTuple

_HALVINGS = 60


class Counted(NamedTuple):
    """So many of so many requests."""

    some: int
    all: int

    @property
    def rate(self) -> float:
        return self.some / self.all if self.all else 0.0


class Tested(NamedTuple):
    """`p` bounds the probability of such counts if there is no excess; `statistic` is x above."""

    statistic: float
    p: float


def excess(canary: Counted, stable: Counted, margin: float = 0.0) -> Tested:
    """Test that the canary's true rate exceeds that of the stable side by more than `margin`, one-sided."""
    low, high = stable.rate, canary.rate - margin
    if not canary.all or not stable.all or high <= low:
        return Tested(0.0, 1.0)
    # The sum is convex in the rate of the stable side: the slope of it grows from below 0 to above.
    for _ in range(_HALVINGS):
        rate = (low + high) / 2
        if _slope(canary, rate + margin) + _slope(stable, rate) < 0:
            low = rate
        else:
            high = rate
    rate = (low + high) / 2
    x = canary.all * _divergence(canary.rate, rate + margin)
    x += stable.all * _divergence(stable.rate, rate)
    return Tested(x, min(1.0, (1 + x) * math.exp(-x)))


def _divergence(seen: float, true: float) -> float:
    """Kullback and Leibler's divergence of one coin from another."""
    first = seen * math.log(seen / true) if seen > 0 else 0.0
    second = (1 - seen) * math.log((1 - seen) / (1 - true)) if seen < 1 else 0.0
    return max(0.0, first + second)


def _slope(counted: Counted, true: float) -> float:
    seen = counted.rate
    first = seen / true if seen > 0 else 0.0
    second = (1 - seen) / (1 - true) if seen < 1 else 0.0
    return counted.all * (second - first)
