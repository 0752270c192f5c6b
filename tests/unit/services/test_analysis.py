"""Which candles an analysis uses, and that it says which."""

from datetime import UTC, datetime, timedelta

from services.market_analyzer.analysis import analysis
from services.market_analyzer.market import Candles, MarketCandle

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def candles(closes: list[float], *, forming: bool) -> Candles:
    """Hourly candles from midnight on; the last one may be forming."""
    return Candles(
        symbol="BTCUSDT",
        interval="1h",
        source="simulated",
        as_of="2026-01-01T05:30:00Z",
        candles=[
            MarketCandle(
                open_time=MIDNIGHT + HOUR * i,
                close=close,
                close_time=MIDNIGHT + HOUR * (i + 1),
                closed=not (forming and i == len(closes) - 1),
            )
            for i, close in enumerate(closes)
        ],
    )


def test_the_forming_candle_is_left_out() -> None:
    document = analysis(candles([1, 2, 3], forming=True), limit=5)
    assert (document["count"], document["close"]) == (2, 2)
    assert document["candle_time"] == "2026-01-01T02:00:00Z"
    assert document == {
        **analysis(candles([1, 2], forming=False), limit=5),
        "as_of": "2026-01-01T05:30:00Z",
    }


def test_no_more_candles_than_asked_for_count() -> None:
    """A file's last candle is closed, so there is one more than asked for."""
    assert analysis(candles([1, 2, 3], forming=False), limit=2)["count"] == 2


def test_without_closed_candles_there_is_no_time_and_no_close() -> None:
    document = analysis(candles([1], forming=True), limit=2)
    assert (document["count"], document["candle_time"], document["close"]) == (0, None, None)
    assert set(document["indicators"].values()) == {None}
