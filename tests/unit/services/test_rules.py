"""From indicators and a price to buy, sell or hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.signal.notifier import idempotency_key_of, notification_of
from services.signal.rules import Signal, decide
from services.signal.sources import Analysis, Bollinger, Indicators, Macd, Price


def signal_of(
    *,
    ema: float | None = 100,
    histogram: float | None = 0,
    rsi: float | None = 50,
    bands: tuple[float, float] | None = (90, 110),
    price: float = 100,
    as_of: str = "2026-01-01T12:34:56Z",
) -> Signal:
    """Without arguments all indicators are neutral."""
    analysis = Analysis(
        symbol="BTCUSDT",
        interval="5m",
        source="simulated",
        candle_time="2026-01-01T12:30:00Z",
        close=100,
        indicators=Indicators(
            ema=ema,
            rsi=rsi,
            macd=None if histogram is None else Macd(histogram=histogram),
            bollinger=None if bands is None else Bollinger(lower=bands[0], upper=bands[1]),
        ),
    )
    return decide(analysis, Price(symbol="BTCUSDT", price=price, as_of=as_of))


def votes(signal: Signal) -> list[str]:
    return [reason["verdict"] for reason in signal["reasons"]]


def test_a_signal_says_what_it_was_made_of() -> None:
    assert signal_of(price=101, histogram=0.5) == {
        "symbol": "BTCUSDT",
        "signal": "buy",
        "strength": 0.5,
        "price": 101,
        "as_of": "2026-01-01T12:34:56Z",
        "candle_time": "2026-01-01T12:30:00Z",
        "interval": "5m",
        "source": "simulated",
        "reasons": [
            {
                "rule": "trend",
                "verdict": "buy",
                "detail": "the price 101.0 is above its EMA 100.0",
            },
            {
                "rule": "momentum",
                "verdict": "buy",
                "detail": "MACD is 0.5 above its signal line",
            },
            {"rule": "exhaustion", "verdict": "hold", "detail": "RSI 50.0 is between 30 and 70"},
            {
                "rule": "reversion",
                "verdict": "hold",
                "detail": "the price 101.0 is inside its Bollinger bands",
            },
        ],
    }


@pytest.mark.parametrize(
    ("indicators", "verdict", "strength"),
    [
        ({}, "hold", 0),
        ({"price": 101}, "hold", 0.25),
        ({"price": 101, "histogram": 1, "rsi": 29}, "buy", 0.75),
        ({"price": 101, "histogram": 1, "rsi": 71}, "hold", 0.25),
        ({"price": 101, "histogram": -1}, "hold", 0),
        ({"price": 99, "histogram": -1}, "sell", 0.5),
        ({"price": 89, "histogram": 1, "rsi": 29}, "buy", 0.5),
        ({"price": 111, "histogram": -1, "rsi": 71}, "sell", 0.5),
        ({"price": 111, "ema": 120, "histogram": -1, "rsi": 71}, "sell", 1),
        ({"price": 89, "ema": 80, "histogram": 1, "rsi": 29}, "buy", 1),
    ],
)
def test_two_votes_ahead_make_a_signal(
    indicators: dict[str, float], verdict: str, strength: float
) -> None:
    signal = signal_of(**indicators)  # type: ignore[arg-type]
    assert (signal["signal"], signal["strength"]) == (verdict, strength)


def test_what_is_not_known_votes_for_nothing_and_says_so() -> None:
    signal = signal_of(ema=None, histogram=None, rsi=None, bands=None)
    assert (signal["signal"], votes(signal)) == ("hold", ["hold"] * 4)
    assert {reason["detail"] for reason in signal["reasons"]} == {
        f"there are not enough candles for {name}"
        for name in ("EMA", "MACD", "RSI", "Bollinger bands")
    }


numbers = st.floats(-50, 50)


@given(numbers, numbers, numbers, st.floats(0, 40))
def test_the_mirror_of_a_market_has_the_opposite_signal(
    move: float, histogram: float, swing: float, width: float
) -> None:
    up = signal_of(
        price=100 + move, histogram=histogram, rsi=50 + swing, bands=(100 - width, 100 + width)
    )
    down = signal_of(
        price=100 - move, histogram=-histogram, rsi=50 - swing, bands=(100 - width, 100 + width)
    )
    opposite = {"buy": "sell", "sell": "buy", "hold": "hold"}
    assert down["signal"] == opposite[up["signal"]]
    assert [opposite[vote] for vote in votes(down)] == votes(up)
    assert up["strength"] == down["strength"]
    assert 0 <= up["strength"] <= 1
    assert (up["signal"] == "hold") == (up["strength"] < 0.5)


def test_whoever_sees_a_change_posts_the_same_under_the_same_key() -> None:
    """Instances look at different seconds of one candle, when prices differ."""
    early = signal_of(price=101, histogram=1, as_of="2026-01-01T12:31:00Z")
    late = signal_of(price=102, histogram=1, as_of="2026-01-01T12:34:59Z")
    assert early != late
    assert notification_of(early) == notification_of(late)
    assert idempotency_key_of(early) == "signal.BTCUSDT.buy.2026-01-01T12:30:00Z"
    assert idempotency_key_of(early) == idempotency_key_of(late)
