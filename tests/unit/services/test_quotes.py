"""Prices and their change over a day, computed from candles."""

from datetime import UTC, datetime, timedelta

from services.price.quotes import MarketCandle, MarketDay, interval_among, quote

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def day_of(*candles: tuple[float, float, float]) -> MarketDay:
    """Candles given as (hours before noon, open, close)."""
    return MarketDay(
        symbol="BTCUSDT",
        source="simulated",
        as_of="2026-01-02T12:00:30Z",
        candles=[
            MarketCandle(open_time=NOON - timedelta(hours=hours), open=opened, close=closed)
            for hours, opened, closed in candles
        ],
    )


def test_the_price_is_the_last_close_and_changed_against_the_open_a_day_before() -> None:
    assert quote(day_of((25, 90, 100), (24, 100, 101), (0, 109, 110))) == {
        "symbol": "BTCUSDT",
        "price": 110,
        "change_24h_pct": 10.0,
        "as_of": "2026-01-02T12:00:30Z",
        "source": "simulated",
    }


def test_without_a_candle_so_old_the_change_is_unknown() -> None:
    assert quote(day_of((23, 100, 101), (0, 109, 110)))["change_24h_pct"] is None


def test_a_gap_a_day_ago_is_bridged_by_the_first_price_after_it() -> None:
    assert quote(day_of((30, 50, 60), (22, 100, 101), (0, 79, 80)))["change_24h_pct"] == -20.0


def test_the_finest_interval_that_is_offered_is_asked_for() -> None:
    assert interval_among(["1m", "5m", "15m", "1h", "4h", "1d"]) == "15m"
    assert interval_among(["4h", "1d"]) == "4h"
    assert interval_among([]) == "1d"
