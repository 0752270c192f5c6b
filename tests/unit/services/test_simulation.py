"""The simulated exchange: everybody gets the same series, and all intervals agree."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.market_data.bars import INTERVALS_S, Candle, Interval, merge
from services.market_data.simulation import INSTRUMENTS, LEVELS_S, SimulatedExchange

#: Any moment from 1970 to 2100.
moments = st.floats(0, 4_102_444_800)
symbols = st.sampled_from(sorted(INSTRUMENTS))
intervals: st.SearchStrategy[Interval] = st.sampled_from(sorted(INTERVALS_S))

EXCHANGE = SimulatedExchange()


@given(symbol=symbols, interval=intervals, now_s=moments)
def test_two_instances_say_the_same_whatever_they_were_asked_before(
    symbol: str, interval: Interval, now_s: float
) -> None:
    assert SimulatedExchange().candles(symbol, interval, 3, now_s) == EXCHANGE.candles(
        symbol, interval, 3, now_s
    )


@given(symbol=symbols, now_s=moments)
def test_another_seed_is_another_market(symbol: str, now_s: float) -> None:
    other = SimulatedExchange("another seed")
    assert other.candles(symbol, "1d", 5, now_s) != EXCHANGE.candles(symbol, "1d", 5, now_s)


@given(symbol=symbols, level=st.integers(0, len(LEVELS_S) - 2), now_s=moments)
def test_each_bar_is_exactly_the_sum_of_its_parts(symbol: str, level: int, now_s: float) -> None:
    index = int(now_s) // LEVELS_S[level]
    parts = LEVELS_S[level] // LEVELS_S[level + 1]
    within = [EXCHANGE.bar(symbol, level + 1, index * parts + i) for i in range(parts)]
    assert merge(within) == EXCHANGE.bar(symbol, level, index)


@given(symbol=symbols, now_s=moments)
def test_five_minutes_are_their_five_minute_candles(symbol: str, now_s: float) -> None:
    [closed, _forming] = EXCHANGE.candles(symbol, "5m", 2, now_s)
    minutes = [
        minute
        for minute in EXCHANGE.candles(symbol, "1m", 10, now_s)
        if closed.open_s <= minute.open_s < closed.close_s
    ]
    assert closed[1:5] == (
        minutes[0].open,
        max(minute.high for minute in minutes),
        min(minute.low for minute in minutes),
        minutes[-1].close,
    )
    assert closed.volume == pytest.approx(sum(minute.volume for minute in minutes), rel=1e-12)


@given(symbol=symbols, interval=intervals, now_s=moments, limit=st.integers(1, 50))
def test_candles_are_consecutive_and_only_the_last_is_forming(
    symbol: str, interval: Interval, now_s: float, limit: int
) -> None:
    candles = EXCHANGE.candles(symbol, interval, limit, now_s)
    assert len(candles) == limit
    for before, after in pairwise(candles):
        assert before.close_s == after.open_s
        assert before.close == after.open
    assert [candle.closed for candle in candles] == [True] * (limit - 1) + [False]
    assert candles[-1].open_s <= now_s < candles[-1].close_s
    assert all(map(is_sound, candles))


@given(symbol=symbols, now_s=moments)
def test_the_forming_candles_of_all_intervals_close_at_the_same_price(
    symbol: str, now_s: float
) -> None:
    closes = {EXCHANGE.candles(symbol, interval, 1, now_s)[-1].close for interval in INTERVALS_S}
    assert len(closes) == 1


@given(symbol=symbols, interval=intervals, now_s=moments)
def test_a_forming_candle_stays_within_what_it_will_have_been(
    symbol: str, interval: Interval, now_s: float
) -> None:
    [forming] = EXCHANGE.candles(symbol, interval, 1, now_s)
    [whole, _next] = EXCHANGE.candles(symbol, interval, 2, forming.close_s)
    assert whole.open_s == forming.open_s
    assert whole.open == forming.open
    assert whole.low <= forming.low
    assert forming.high <= whole.high
    assert forming.volume <= whole.volume


@given(symbol=symbols, now_s=moments)
def test_prices_stay_around_their_level(symbol: str, now_s: float) -> None:
    [candle] = EXCHANGE.candles(symbol, "1d", 1, now_s)
    assert 1 / 8 < candle.close / INSTRUMENTS[symbol].typical_price < 8


def test_the_series_is_the_same_in_every_version() -> None:
    """Other instances may run on another Python, and clients keep the data that they have read."""
    [closed, forming] = EXCHANGE.candles("BTCUSDT", "1m", 2, 1_767_225_630.5)
    assert closed == EXPECTED_CLOSED
    assert forming == EXPECTED_FORMING


EXPECTED_CLOSED = Candle(
    open_s=1767225540,
    open=72287.04,
    high=72301.68,
    low=72266.54,
    close=72278.39,
    volume=0.69041,
    close_s=1767225600,
    closed=True,
)
EXPECTED_FORMING = Candle(
    open_s=1767225600,
    open=72278.39,
    high=72328.29,
    low=72172.67,
    close=72184.31,
    volume=8.52978,
    close_s=1767225660,
    closed=False,
)


def is_sound(candle: Candle) -> bool:
    return (
        0 < candle.low <= min(candle.open, candle.close)
        and max(candle.open, candle.close) <= candle.high
        and candle.volume >= 0
    )
