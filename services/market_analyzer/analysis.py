"""The analysis of a symbol: indicators over its closed candles, and which candles these are."""

from typing import Any

from services.base.answers import time_text
from services.market_analyzer.indicators import PERIODS, indicators
from services.market_analyzer.market import Candles


def analysis(market: Candles, limit: int) -> dict[str, Any]:
    """Analyze at most `limit` candles, without the forming one, which changes each second."""
    closed = [candle for candle in market.candles if candle.closed][-limit:]
    last = closed[-1] if closed else None
    candle_s = (last.close_time - last.open_time).total_seconds() if last else 1.0
    return {
        "symbol": market.symbol,
        "interval": market.interval,
        "source": market.source,
        "as_of": market.as_of,
        "candle_time": time_text(int(last.close_time.timestamp())) if last else None,
        "count": len(closed),
        "close": last.close if last else None,
        "indicators": indicators([candle.close for candle in closed], candle_s),
        "periods": PERIODS,
    }
