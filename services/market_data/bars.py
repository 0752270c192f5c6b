"""Bars in whole units, so that sums agree exactly, and the candles made of them."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

Interval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]

#: Each divides the next, and all begin at the Unix epoch: UTC minutes, hours and days.
INTERVALS_S: dict[Interval, int] = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "1h": 3600,
    "4h": 14_400,
    "1d": 86_400,
}


class Bar(NamedTuple):
    """Prices and volume of one period, as whole numbers of a symbol's smallest units."""

    open: int
    high: int
    low: int
    close: int
    volume: int


#: The factor that makes a number with so many decimals whole.
SCALES = (1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)


class Units(NamedTuple):
    """How many decimals a symbol's price and volume have."""

    price_decimals: int
    volume_decimals: int

    def price(self, units: int) -> float:
        # A quotient of integers is rounded once, so it prints as the decimal that it stands for.
        return units / SCALES[self.price_decimals]

    def volume(self, units: int) -> float:
        return units / SCALES[self.volume_decimals]


class Candle(NamedTuple):
    """A bar as clients see it; `close_s` is the first second after it, `closed` says it is over."""

    open_s: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_s: int
    closed: bool


def merge(bars: Sequence[Bar]) -> Bar:
    """The bar of the whole period that one or more bars cover, oldest first."""
    return Bar(
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        sum(bar.volume for bar in bars),
    )


def candle(bar: Bar, units: Units, *, open_s: int, length_s: int, as_of_s: int) -> Candle:
    """The candle that begins at `open_s`, as seen at `as_of_s`."""
    close_s = open_s + length_s
    return Candle(
        open_s,
        units.price(bar.open),
        units.price(bar.high),
        units.price(bar.low),
        units.price(bar.close),
        units.volume(bar.volume),
        close_s,
        close_s <= as_of_s,
    )


class CandleSource(Protocol):
    """Where candles come from. Times are Unix seconds; `now_s` is the caller's clock."""

    @property
    def name(self) -> str:
        """`simulated` or `file`: shown with all data, so that nobody confuses the two."""
        ...

    @property
    def symbols(self) -> Sequence[str]: ...

    @property
    def intervals(self) -> Sequence[Interval]: ...

    def as_of_s(self, symbol: str, now_s: float) -> int:
        """The last full second that the source has data for at `now_s`."""
        ...

    def candles(self, symbol: str, interval: Interval, limit: int, now_s: float) -> list[Candle]:
        """At most `limit` candles, oldest first; the last is the one that contains `as_of_s`."""
        ...
