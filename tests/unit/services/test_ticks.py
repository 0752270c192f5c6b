"""When a tick stream sends what: one tick a second, and keep-alives while there is none."""

from collections.abc import Sequence

import orjson

from services.base.event_stream import KEEP_ALIVE
from services.market_data.bars import Candle, Interval
from services.market_data.simulation import SimulatedExchange
from services.market_data.ticks import KEEP_ALIVE_AFTER_S, TickStream, until_next_second_s

NOW_S = 1_767_225_600.25


class StillSource:
    """A source whose time stands still, as a file's does."""

    name = "file"
    symbols: Sequence[str] = ("AAA",)
    intervals: Sequence[Interval] = ("1h", "4h", "1d")

    def as_of_s(self, symbol: str, now_s: float) -> int:
        return 3600

    def candles(self, symbol: str, interval: Interval, limit: int, now_s: float) -> list[Candle]:
        return [Candle(0, 1.0, 3.0, 0.5, 2.5, 1.0, 3600, True)]


def test_a_tick_a_second_for_each_symbol_with_the_price_of_the_forming_candle() -> None:
    exchange = SimulatedExchange()
    stream = TickStream(exchange, ["BTCUSDT", "XRPUSDT"])
    first, second = stream.due(NOW_S).removesuffix(b"\n\n").split(b"\n\n")
    assert first.splitlines()[:2] == [b"id: 1767225600", b"event: tick"]
    assert orjson.loads(first.splitlines()[2].removeprefix(b"data: ")) == {
        "symbol": "BTCUSDT",
        "price": exchange.candles("BTCUSDT", "1d", 1, NOW_S)[-1].close,
        "as_of": "2026-01-01T00:00:00Z",
    }
    assert b"XRPUSDT" in second
    assert stream.due(NOW_S + 0.5) == b""
    assert stream.due(NOW_S + 1).count(b"id: 1767225601\n") == 2


def test_while_nothing_moves_a_comment_keeps_the_stream_alive() -> None:
    stream = TickStream(StillSource(), ["AAA"])
    assert b'{"symbol":"AAA","price":2.5,"as_of":"1970-01-01T01:00:00Z"}' in stream.due(NOW_S)
    assert stream.due(NOW_S + KEEP_ALIVE_AFTER_S - 1) == b""
    assert stream.due(NOW_S + KEEP_ALIVE_AFTER_S) == KEEP_ALIVE
    assert stream.due(NOW_S + KEEP_ALIVE_AFTER_S + 1) == b""


def test_the_pause_ends_with_the_second() -> None:
    assert until_next_second_s(10.25) == 0.75
    assert until_next_second_s(10.0) == 1.0
