"""The queries of market_data_service, checked against what its source has."""

from collections.abc import Sequence

from pydantic import Field

from middlewares.failures import BadRequest
from services.base.validation import Input
from services.market_data.bars import CandleSource, Interval


class CandlesQuery(Input):
    symbol: str
    interval: Interval = "1m"
    limit: int = Field(100, ge=1, le=1000)


class TicksQuery(Input):
    """`symbol` is one, or several separated by commas; absent means all."""

    symbol: str | None = None


def known_symbol(symbol: str, source: CandleSource) -> str:
    if symbol not in source.symbols:
        raise BadRequest(f"unknown symbol {symbol!r}; known: {', '.join(source.symbols)}")
    return symbol


def offered_interval(interval: Interval, source: CandleSource) -> Interval:
    """Check the interval: a file has no candles shorter than its own."""
    if interval not in source.intervals:
        raise BadRequest(
            f"interval {interval!r} is shorter than the file's candles; "
            f"offered: {', '.join(source.intervals)}"
        )
    return interval


def chosen_symbols(query: TicksQuery, source: CandleSource) -> Sequence[str]:
    """Each symbol once, in the order asked for."""
    if query.symbol is None:
        return source.symbols
    return [known_symbol(symbol, source) for symbol in dict.fromkeys(query.symbol.split(","))]
