"""Technical indicators of closing prices: computed by talipp, with the usual periods."""

from collections.abc import Sequence
from itertools import pairwise
from math import log, sqrt
from typing import Any, Final

from talipp.indicators import BB, EMA, MACD, RSI, SMA, StdDev

SMA_PERIOD: Final = 20
EMA_PERIOD: Final = 20
RSI_PERIOD: Final = 14
MACD_PERIODS: Final = (12, 26, 9)
BOLLINGER_PERIOD: Final = 20
BOLLINGER_DEVIATIONS: Final = 2
VOLATILITY_PERIOD: Final = 20

#: Clients see them beside the values.
PERIODS: Final = {
    "sma": SMA_PERIOD,
    "ema": EMA_PERIOD,
    "rsi": RSI_PERIOD,
    "macd": dict(zip(("fast", "slow", "signal"), MACD_PERIODS, strict=True)),
    "bollinger": {"period": BOLLINGER_PERIOD, "deviations": BOLLINGER_DEVIATIONS},
    "volatility": VOLATILITY_PERIOD,
}

#: Markets here never close.
YEAR_S: Final = 365 * 86_400


def indicators(closes: Sequence[float], candle_s: float) -> dict[str, Any]:
    """Each indicator at the last of `closes` (oldest first), or None where there are too few.

    `candle_s` is the length of a candle in seconds.
    """
    prices = list(closes)
    return {
        "sma": _rounded(_last(SMA(SMA_PERIOD, prices))),
        "ema": _rounded(_last(EMA(EMA_PERIOD, prices))),
        "rsi": _rsi(prices),
        "macd": _macd(prices),
        "bollinger": _bollinger(prices),
        "volatility": _volatility(prices, candle_s),
    }


def _rsi(prices: list[float]) -> float | None:
    """Wilder's RSI; None also where the price never moved, since that divides zero by zero."""
    if len(set(prices)) < 2:
        return None
    return _rounded(_last(RSI(RSI_PERIOD, prices)))


def _macd(prices: list[float]) -> dict[str, float | None] | None:
    value = _last(MACD(*MACD_PERIODS, prices))
    # Without a signal line, which needs nine more values, MACD tells nothing.
    if value is None or value.signal is None:
        return None
    return {
        "macd": _rounded(value.macd),
        "signal": _rounded(value.signal),
        "histogram": _rounded(value.histogram),
    }


def _bollinger(prices: list[float]) -> dict[str, float | None] | None:
    value = _last(BB(BOLLINGER_PERIOD, BOLLINGER_DEVIATIONS, prices))
    if value is None:
        return None
    return {
        "upper": _rounded(value.ub),
        "middle": _rounded(value.cb),
        "lower": _rounded(value.lb),
    }


def _volatility(prices: list[float], candle_s: float) -> dict[str, float | None] | None:
    """The standard deviation of logarithmic returns, per candle and scaled to a year, in %."""
    returns = [log(after / before) for before, after in pairwise(prices)]
    deviation = _last(StdDev(VOLATILITY_PERIOD, returns))
    if deviation is None:
        return None
    return {
        "per_candle_pct": _rounded(deviation * 100),
        "annualized_pct": _rounded(deviation * 100 * sqrt(YEAR_S / candle_s)),
    }


def _last(values: Any) -> Any:
    return values[-1] if len(values) else None


def _rounded(value: float | None) -> float | None:
    """Round to ten digits: further ones come from the arithmetic, not from the market."""
    return None if value is None else float(f"{value:.10g}")
