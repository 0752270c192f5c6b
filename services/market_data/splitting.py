"""Divides a bar into shorter ones that add up to it exactly: a day into hours, down to seconds."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import sqrt
from random import Random

from services.market_data.bars import Bar

#: The mean range of a random walk, in standard deviations of its end: sqrt(8 / pi).
RANGE_PER_DEVIATION = 1.596


def split(bar: Bar, parts: int, rng: Random) -> tuple[Bar, ...]:
    """`parts` bars, each opening where the last one closed; merged they are `bar` again.

    It draws only `rng.random()`: Python promises that this method alone gives the same numbers in
    every version, and instances must agree whatever they run on.
    """
    step = (bar.high - bar.low) / RANGE_PER_DEVIATION / sqrt(parts)
    prices = _path(bar, parts, step, rng)
    highs = []
    lows = []
    for before, after in pairwise(prices):
        highs.append(min(bar.high, max(before, after) + int(rng.random() * step)))
        lows.append(max(bar.low, min(before, after) - int(rng.random() * step)))
    # The part that comes nearest to the whole bar's extreme gets that extreme.
    highs[highs.index(max(highs))] = bar.high
    lows[lows.index(min(lows))] = bar.low
    volumes = _shares(bar.volume, parts, rng)
    return tuple(map(Bar, prices, highs, lows, prices[1:], volumes))


def _path(bar: Bar, parts: int, step: float, rng: Random) -> list[int]:
    """The `parts` + 1 prices at the ends of the parts: a random walk between fixed ends, in the range."""
    walk = list(accumulate((step * _deviate(rng) for _ in range(parts)), initial=0.0))
    drift = (bar.close - bar.open - walk[-1]) / parts
    free = [bar.open + walked + drift * i for i, walked in enumerate(walk)]

    # Prices beyond open and close are scaled to stay a little inside high and low.
    top, bottom = max(bar.open, bar.close), min(bar.open, bar.close)
    up = _scale(max(free) - top, bar.high - top, rng)
    down = _scale(bottom - min(free), bottom - bar.low, rng)

    def fitted(price: float) -> int:
        if price > top:
            return round(top + (price - top) * up)
        if price < bottom:
            return round(bottom - (bottom - price) * down)
        return round(price)

    return [bar.open, *map(fitted, free[1:-1]), bar.close]


def _scale(excursion: float, room: int, rng: Random) -> float:
    reach = 0.8 + 0.2 * rng.random()
    # A difference that is only rounding would be scaled up into a spike.
    return reach * room / excursion if excursion > 1e-6 else 0.0


def _deviate(rng: Random) -> float:
    """A nearly normal number: mean 0, standard deviation 1."""
    return 2.0 * (rng.random() + rng.random() + rng.random() - 1.5)


def _shares(total: int, parts: int, rng: Random) -> Sequence[int]:
    """Divide `total` into random shares that add up to it."""
    weights = [0.25 + rng.random() ** 2 for _ in range(parts)]
    scale = total / sum(weights)
    ends = [round(end * scale) for end in accumulate(weights)]
    ends[-1] = total
    return [end - begin for begin, end in pairwise([0, *ends])]
