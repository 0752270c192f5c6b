"""Indicators compared with published tables, and rules that hold for any prices."""

from math import exp
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talipp.indicators import EMA, SMA, StdDev

from services.market_analyzer.indicators import indicators

HOUR_S = 3600

#: StockCharts ChartSchool, "Relative Strength Index (RSI)", the spreadsheet cs-rsi.xls: QQQQ,
#: 14 December 2009 on, with the 14-day RSI from the fifteenth day on.
RSI_CLOSES = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826,
    45.8931, 46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439,
    46.2122, 46.2521, 45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672,
    43.4205, 42.6628, 43.1314,
]  # fmt: skip
RSI_14 = [
    70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99,
    41.46, 41.87, 45.46, 37.30, 33.08, 37.77,
]  # fmt: skip

#: StockCharts ChartSchool, "Moving Averages - Simple and Exponential", cs-movavg.xls: Intel,
#: 24 March 2010 on, with the averages of ten days from the tenth day on.
AVERAGED_CLOSES = [
    22.2734, 22.1940, 22.0847, 22.1741, 22.1840, 22.1344, 22.2337, 22.4323, 22.2436, 22.2933,
    22.1542, 22.3926, 22.3816, 22.6109, 23.3558, 24.0519, 23.7530, 23.8324, 23.9516, 23.6338,
    23.8225, 23.8722, 23.6537, 23.1870, 23.0976, 23.3260, 22.6805, 23.0976, 22.4025, 22.1725,
]  # fmt: skip
SMA_10 = [
    22.22, 22.21, 22.23, 22.26, 22.31, 22.42, 22.61, 22.77, 22.91, 23.08, 23.21, 23.38, 23.53,
    23.65, 23.71, 23.69, 23.61, 23.51, 23.43, 23.28, 23.13,
]  # fmt: skip
EMA_10 = [
    22.22, 22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34, 23.43, 23.51,
    23.54, 23.47, 23.40, 23.39, 23.26, 23.23, 23.08, 22.92,
]  # fmt: skip

#: StockCharts ChartSchool, "Bollinger Bands", cs-bbands.xls: SPY, 1 May 2009 on, with the bands
#: (20 days, 2 deviations) from the twentieth day on: middle, upper, lower.
BANDED_CLOSES = [
    86.1557, 89.0867, 88.7829, 90.3228, 89.0671, 91.1453, 89.4397, 89.1750, 86.9302, 87.6752,
    86.9596, 89.4299, 89.3221, 88.7241, 87.4497, 87.2634, 89.4985, 87.9006, 89.1260, 90.7043,
    92.9001, 92.9784, 91.8021, 92.6647, 92.6843, 92.3021, 92.7725, 92.5373, 92.9490, 93.2039,
    91.0669,
]  # fmt: skip
BANDS = [
    (88.71, 91.29, 86.12), (89.05, 91.95, 86.14), (89.24, 92.61, 85.87), (89.39, 92.93, 85.85),
    (89.51, 93.31, 85.70), (89.69, 93.73, 85.65), (89.75, 93.90, 85.59), (89.91, 94.27, 85.56),
    (90.08, 94.57, 85.60), (90.38, 94.79, 85.98), (90.66, 95.04, 86.27),
]  # fmt: skip

#: investexcel.net, "How to Calculate MACD in Excel": Apple, 19 February 2013 on, with MACD
#: (12, 26, 9) from the twenty-sixth day on, and its signal line from the thirty-fourth.
MACD_CLOSES = [
    459.99, 448.85, 446.06, 450.81, 442.80, 448.97, 444.57, 441.40, 430.47, 420.05, 431.14,
    425.66, 430.58, 431.72, 437.87, 428.43, 428.35, 432.50, 443.66, 455.72, 454.49, 452.08,
    452.73, 461.91, 463.58, 461.14, 452.08, 442.66, 428.91, 429.79, 431.99, 427.72, 423.20,
    426.21, 426.98, 435.69, 434.33, 429.80, 419.85, 426.24,
]  # fmt: skip
MACD_AND_SIGNAL = [
    (-2.070558190, 3.037525869),
    (-2.621842328, 1.905652229),
    (-2.329066740, 1.058708435),
    (-2.181632115, 0.410640325),
    (-2.402626273, -0.152012994),
    (-3.342121681, -0.790034732),
    (-3.530363136, -1.338100413),
]


def at_last(closes: list[float]) -> dict[str, Any]:
    return indicators(closes, HOUR_S)


def test_rsi_is_that_of_the_published_table() -> None:
    first = len(RSI_CLOSES) - len(RSI_14) + 1
    for days, published in enumerate(RSI_14, first):
        assert at_last(RSI_CLOSES[:days])["rsi"] == pytest.approx(published, abs=0.005)


def test_the_librarys_averages_are_those_of_the_published_table() -> None:
    assert [round(value, 2) for value in SMA(10, AVERAGED_CLOSES)[9:]] == SMA_10
    assert [round(value, 2) for value in EMA(10, AVERAGED_CLOSES)[9:]] == EMA_10


def test_averages_are_the_librarys_of_twenty() -> None:
    found = at_last(AVERAGED_CLOSES)
    assert found["sma"] == pytest.approx(SMA(20, AVERAGED_CLOSES)[-1])
    assert found["sma"] == pytest.approx(sum(AVERAGED_CLOSES[-20:]) / 20)
    assert found["ema"] == pytest.approx(EMA(20, AVERAGED_CLOSES)[-1])


def test_bollinger_bands_are_those_of_the_published_table() -> None:
    for days, published in enumerate(BANDS, 20):
        bands = at_last(BANDED_CLOSES[:days])["bollinger"]
        found = (bands["middle"], bands["upper"], bands["lower"])
        assert found == pytest.approx(published, abs=0.0051)


def test_macd_is_that_of_the_published_table() -> None:
    for days, (macd, signal) in enumerate(MACD_AND_SIGNAL, 34):
        found = at_last(MACD_CLOSES[:days])["macd"]
        assert found["macd"] == pytest.approx(macd, abs=1e-8)
        assert found["signal"] == pytest.approx(signal, abs=1e-8)
        assert found["histogram"] == pytest.approx(macd - signal, abs=1e-8)


def test_volatility_is_the_standard_deviation_of_returns() -> None:
    """It is in percent, scaled to a year by the square root of the number of candles."""
    closes = [100.0]
    for percent in [3, 5] * 10:  # the mean is 4, and each is 1 away from it
        closes.append(closes[-1] * exp(percent / 100))
    found = at_last(closes)["volatility"]
    assert found["per_candle_pct"] == pytest.approx(1)
    assert found["annualized_pct"] == pytest.approx((365 * 24) ** 0.5)


def test_the_librarys_deviation_is_that_of_the_well_known_example() -> None:
    """Wikipedia, "Standard deviation": the population 2, 4, 4, 4, 5, 5, 7, 9 deviates by 2."""
    assert StdDev(8, [2, 4, 4, 4, 5, 5, 7, 9])[-1] == 2


@pytest.mark.parametrize(
    ("name", "needed"),
    [("sma", 20), ("ema", 20), ("rsi", 15), ("macd", 34), ("bollinger", 20), ("volatility", 21)],
)
def test_too_few_candles_for_one_leave_it_out(name: str, needed: int) -> None:
    closes = [100.0 + i % 3 for i in range(needed)]
    assert at_last(closes)[name] is not None
    assert at_last(closes[1:])[name] is None


def test_without_candles_there_is_nothing() -> None:
    assert set(at_last([]).values()) == {None}


def test_a_price_that_never_moved_has_no_rsi() -> None:
    found = at_last([1.5] * 50)
    assert found["rsi"] is None
    assert found["sma"] == found["ema"] == 1.5
    assert found["volatility"]["per_candle_pct"] == 0


prices = st.lists(st.floats(min_value=1e-4, max_value=1e6), min_size=40, max_size=80)


@given(prices)
def test_whatever_the_prices_all_keep_to_their_bounds(closes: list[float]) -> None:
    found = at_last(closes)
    near = 1e-6 * max(closes)
    assert min(closes[-20:]) - near <= found["sma"] <= max(closes[-20:]) + near
    assert min(closes) - near <= found["ema"] <= max(closes) + near
    assert found["rsi"] is None or 0 <= found["rsi"] <= 100
    bands = found["bollinger"]
    assert bands["lower"] - near <= bands["middle"] <= bands["upper"] + near
    assert found["volatility"]["per_candle_pct"] >= 0
