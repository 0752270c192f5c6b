"""Indicators and a price become buy, sell or hold: four rules, each with a vote and its reason."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypedDict

from services.signal.sources import Analysis, Price

Verdict = Literal["buy", "sell", "hold"]

OVERSOLD = 30
OVERBOUGHT = 70
#: One side needs this many more votes than the other.
NEEDED_LEAD = 2


class Reason(NamedTuple):
    rule: str
    verdict: Verdict
    detail: str


class Signal(TypedDict):
    """A signal as clients see it.

    It depends only on the candles closed at `candle_time` and on the price at the second `as_of`, so
    all instances give the same answer. `strength` is 0 where the votes cancel out and 1 where all
    agree.
    """

    symbol: str
    signal: Verdict
    strength: float
    price: float
    as_of: str
    candle_time: str | None
    interval: str
    source: str
    reasons: list[dict[str, str]]


def decide(analysis: Analysis, price: Price) -> Signal:
    reasons = [rule(analysis, price.price) for rule in RULES]
    lead = _lead(reasons)
    return {
        "symbol": price.symbol,
        "signal": _verdict(lead),
        "strength": abs(lead) / len(RULES),
        "price": price.price,
        "as_of": price.as_of,
        "candle_time": analysis.candle_time,
        "interval": analysis.interval,
        "source": analysis.source,
        "reasons": [reason._asdict() for reason in reasons],
    }


def _lead(reasons: Sequence[Reason]) -> int:
    """Votes to buy minus votes to sell."""
    verdicts = [reason.verdict for reason in reasons]
    return verdicts.count("buy") - verdicts.count("sell")


def _verdict(lead: int) -> Verdict:
    if lead >= NEEDED_LEAD:
        return "buy"
    if lead <= -NEEDED_LEAD:
        return "sell"
    return "hold"


def trend(analysis: Analysis, price: float) -> Reason:
    """A price above its average is rising."""
    ema = analysis.indicators.ema
    if ema is None:
        return _unknown("trend", "EMA")
    if price > ema:
        return Reason("trend", "buy", f"the price {price} is above its EMA {ema}")
    if price < ema:
        return Reason("trend", "sell", f"the price {price} is below its EMA {ema}")
    return Reason("trend", "hold", f"the price {price} is at its EMA")


def momentum(analysis: Analysis, _price: float) -> Reason:
    """A MACD above its signal line is gaining."""
    macd = analysis.indicators.macd
    if macd is None:
        return _unknown("momentum", "MACD")
    if macd.histogram > 0:
        return Reason("momentum", "buy", f"MACD is {macd.histogram} above its signal line")
    if macd.histogram < 0:
        return Reason("momentum", "sell", f"MACD is {-macd.histogram} below its signal line")
    return Reason("momentum", "hold", "MACD is at its signal line")


def exhaustion(analysis: Analysis, _price: float) -> Reason:
    """A price that rose or fell too fast turns back."""
    rsi = analysis.indicators.rsi
    if rsi is None:
        return _unknown("exhaustion", "RSI")
    if rsi < OVERSOLD:
        return Reason("exhaustion", "buy", f"RSI {rsi} is below {OVERSOLD}: oversold")
    if rsi > OVERBOUGHT:
        return Reason("exhaustion", "sell", f"RSI {rsi} is above {OVERBOUGHT}: overbought")
    return Reason("exhaustion", "hold", f"RSI {rsi} is between {OVERSOLD} and {OVERBOUGHT}")


def reversion(analysis: Analysis, price: float) -> Reason:
    """A price outside its Bollinger bands returns."""
    bands = analysis.indicators.bollinger
    if bands is None:
        return _unknown("reversion", "Bollinger bands")
    if price < bands.lower:
        return Reason("reversion", "buy", f"the price {price} is below its bands: {bands.lower}")
    if price > bands.upper:
        return Reason("reversion", "sell", f"the price {price} is above its bands: {bands.upper}")
    return Reason("reversion", "hold", f"the price {price} is inside its Bollinger bands")


def _unknown(rule: str, indicator: str) -> Reason:
    return Reason(rule, "hold", f"there are not enough candles for {indicator}")


RULES: tuple[Callable[[Analysis, float], Reason], ...] = (trend, momentum, exhaustion, reversion)
