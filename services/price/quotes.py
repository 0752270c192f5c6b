"""Prices from candles: the last close, and its change against the price a day before."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, TypedDict

from pydantic import AwareDatetime, Field, PositiveFloat

from services.base.validation import Answer

DAY = timedelta(hours=24)

#: Intervals to ask for, finest first, each with enough candles to go back a whole day.
CANDLES_OF_A_DAY = {"15m": 97, "1h": 25, "4h": 7, "1d": 2}


class MarketCandle(Answer):
    open_time: AwareDatetime
    open: PositiveFloat
    close: PositiveFloat


class MarketDay(Answer):
    """A symbol's candles of the last day and a little more, oldest first."""

    symbol: str
    source: str
    as_of: str
    candles: Annotated[list[MarketCandle], Field(min_length=1)]


class Quote(TypedDict):
    """A price as clients see it."""

    symbol: str
    price: float
    change_24h_pct: float | None
    as_of: str
    source: str


def interval_among(offered: Sequence[str]) -> str:
    """The offered interval that shows a day's change best; all sources offer `1d`."""
    return next((interval for interval in CANDLES_OF_A_DAY if interval in offered), "1d")


def quote(day: MarketDay) -> Quote:
    """The price at the moment of the candles."""
    price = day.candles[-1].close
    before = _price_a_day_before(day.candles)
    return {
        "symbol": day.symbol,
        "price": price,
        "change_24h_pct": None if before is None else round((price / before - 1) * 100, 2),
        "as_of": day.as_of,
        "source": day.source,
    }


def _price_a_day_before(candles: Sequence[MarketCandle]) -> float | None:
    """The open of the candle a day before the last one; None when no candle is that old."""
    target = candles[-1].open_time - DAY
    if candles[0].open_time > target:
        return None
    return next(candle.open for candle in candles if candle.open_time >= target)
