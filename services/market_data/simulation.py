"""A simulated exchange: every price is a function of seed, symbol and time, so all instances agree.

Nothing is accumulated. A day's open comes from smooth noise over the days, its bar from a seeded
draw. Every shorter bar is a part of the longer one around it (splitting.py), down to seconds. Any
moment costs one walk down LEVELS_S, and bars of all lengths agree.
"""

from functools import lru_cache
from math import exp, sqrt
from random import Random
from types import MappingProxyType
from typing import Final, NamedTuple

from services.market_data.bars import (
    INTERVALS_S,
    SCALES,
    Bar,
    Candle,
    Interval,
    Units,
    candle,
    merge,
)
from services.market_data.splitting import split

LEVELS_S: Final = (86_400, 14_400, 3600, 900, 300, 60, 1)
DEFAULT_SEED: Final = "lockgate"

#: Days of each octave of noise; its weight is the square root of that, as in a random walk.
OCTAVES_D: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
DAILY_DEVIATION: Final = 0.012

#: Recent minutes and seconds of all symbols; an entry of sixty seconds takes about 15 KiB.
CACHED_SPLITS: Final = 1024
CACHED_NOISE: Final = 16_384


class Instrument(NamedTuple):
    """A simulated symbol: the price that it varies around, the usual volume of a day, its units."""

    typical_price: float
    typical_day_volume: float
    units: Units


INSTRUMENTS: Final = MappingProxyType(
    {
        "BNBUSDT": Instrument(600.0, 250_000.0, Units(2, 3)),
        "BTCUSDT": Instrument(65_000.0, 25_000.0, Units(2, 5)),
        "ETHUSDT": Instrument(3_200.0, 350_000.0, Units(2, 4)),
        "SOLUSDT": Instrument(150.0, 3_000_000.0, Units(2, 3)),
        "XRPUSDT": Instrument(1.5, 150_000_000.0, Units(4, 1)),
    }
)


class SimulatedExchange:
    """The CandleSource that needs no data; instances with the same seed give the same answers."""

    name = "simulated"
    symbols = tuple(INSTRUMENTS)
    intervals = tuple(INTERVALS_S)

    def __init__(self, seed: str = DEFAULT_SEED) -> None:
        self._seed = seed
        self._parts = lru_cache(CACHED_SPLITS)(self._split)
        self._noise = lru_cache(CACHED_NOISE)(self._draw_noise)

    def as_of_s(self, symbol: str, now_s: float) -> int:
        return int(now_s // 1)

    def candles(self, symbol: str, interval: Interval, limit: int, now_s: float) -> list[Candle]:
        as_of_s = self.as_of_s(symbol, now_s)
        length_s = INTERVALS_S[interval]
        level = LEVELS_S.index(length_s)
        last = as_of_s // length_s
        units = INSTRUMENTS[symbol].units
        bars = [self.bar(symbol, level, index) for index in range(last - limit + 1, last)]
        bars.append(self._forming(symbol, level, last, as_of_s))
        return [
            candle(bar, units, open_s=index * length_s, length_s=length_s, as_of_s=as_of_s)
            for index, bar in enumerate(bars, last - limit + 1)
        ]

    def bar(self, symbol: str, level: int, index: int) -> Bar:
        """The whole bar number `index` since the epoch, at the level LEVELS_S[level]."""
        if level == 0:
            return self._day(symbol, index)
        parts_per_parent = LEVELS_S[level - 1] // LEVELS_S[level]
        parent, position = divmod(index, parts_per_parent)
        return self._parts(symbol, level - 1, parent)[position]

    def _forming(self, symbol: str, level: int, index: int, as_of_s: int) -> Bar:
        """The past of the bar around `as_of_s`: its parts that are over, and the forming one."""
        parts = self._parts(symbol, level, index)
        part_s = LEVELS_S[level + 1]
        over, rest_s = divmod(as_of_s - index * LEVELS_S[level], part_s)
        happened = list(parts[:over])
        if rest_s:
            first_part = index * len(parts)
            happened.append(self._forming(symbol, level + 1, first_part + over, as_of_s))
        if not happened:
            price = parts[0].open
            return Bar(price, price, price, price, 0)
        return merge(happened)

    def _split(self, symbol: str, level: int, index: int) -> tuple[Bar, ...]:
        parts = LEVELS_S[level] // LEVELS_S[level + 1]
        rng = self._random(symbol, LEVELS_S[level], index)
        return split(self.bar(symbol, level, index), parts, rng)

    def _day(self, symbol: str, day: int) -> Bar:
        instrument = INSTRUMENTS[symbol]
        rng = self._random(symbol, "day", day)
        opened, closed = self._day_open(symbol, day), self._day_open(symbol, day + 1)
        swing = abs(closed / opened - 1) + 2 * DAILY_DEVIATION
        high = round(max(opened, closed) * (1 + swing * rng.random() / 2))
        low = round(min(opened, closed) * (1 - swing * rng.random() / 2))
        # Days with larger price moves have more volume.
        traded = instrument.typical_day_volume * (0.4 + 0.4 * rng.random() + 8 * swing)
        volume = round(traded * SCALES[instrument.units.volume_decimals])
        return Bar(opened, high, low, closed, volume)

    def _day_open(self, symbol: str, day: int) -> int:
        instrument = INSTRUMENTS[symbol]
        log_price = sum(
            DAILY_DEVIATION * sqrt(period) * self._smooth_noise(symbol, period, day)
            for period in OCTAVES_D
        )
        price = instrument.typical_price * exp(log_price)
        return round(price * SCALES[instrument.units.price_decimals])

    def _smooth_noise(self, symbol: str, period: int, day: int) -> float:
        """Between -1 and 1: random at multiples of `period`, smooth between them."""
        number, rest = divmod(day, period)
        share = rest / period
        eased = share * share * (3 - 2 * share)
        before = self._noise(symbol, period, number)
        after = self._noise(symbol, period, number + 1)
        return before + (after - before) * eased

    def _draw_noise(self, symbol: str, period: int, number: int) -> float:
        return 2 * self._random(symbol, "noise", period, number).random() - 1

    def _random(self, *key: object) -> Random:
        return Random("/".join(map(str, (self._seed, *key))))
