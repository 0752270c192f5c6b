"""Real candles from a file: what is accepted, and what is refused with its line number."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services.market_data.bars import Candle
from services.market_data.candle_file import read_candle_file

HEADER = "timestamp,symbol,open,high,low,close,volume"
NO_TIMESTAMP = "must be Unix seconds or RFC 3339, as 2026-01-01T00:00:00Z"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_lines(*lines: str) -> Path:
        path = tmp_path / "candles.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write_lines


def minutes(count: int, symbol: str = "BTCUSDT") -> list[str]:
    return [
        f"{1_767_225_600 + 60 * i},{symbol},{100 + i},{102 + i},{99 + i},{101 + i},0.1"
        for i in range(count)
    ]


def test_minutes_are_made_into_longer_candles_exactly(write: Write) -> None:
    source = read_candle_file(write(HEADER, *minutes(7)))
    assert source.symbols == ("BTCUSDT",)
    assert source.intervals == ("1m", "5m", "15m", "1h", "4h", "1d")
    assert source.candles("BTCUSDT", "5m", 100, 0) == [
        Candle(1_767_225_600, 100, 106, 99, 105, 0.5, 1_767_225_900, True),
        Candle(1_767_225_900, 105, 108, 104, 107, 0.2, 1_767_226_200, False),
    ]


def test_time_stands_still_at_the_end_of_the_file(write: Write) -> None:
    source = read_candle_file(write(HEADER, *minutes(7)))
    end_s = 1_767_225_600 + 7 * 60
    assert source.as_of_s("BTCUSDT", 0) == source.as_of_s("BTCUSDT", 4e9) == end_s
    assert source.candles("BTCUSDT", "1m", 1, 0)[-1].close_s == end_s


def test_only_as_many_candles_as_asked_for_are_given_the_last_ones(write: Write) -> None:
    source = read_candle_file(write(HEADER, *minutes(7)))
    assert [candle.open for candle in source.candles("BTCUSDT", "1m", 2, 0)] == [105, 106]


def test_hours_are_recognised_and_offer_nothing_shorter(write: Write) -> None:
    source = read_candle_file(
        write(
            HEADER,
            "2026-01-01T01:00:00Z,BTCUSDT,1,2,1,2,1",
            "2026-01-01T03:00:00+01:00,BTCUSDT,2,3,2,3,1",
            "2026-01-01T04:00:00Z,ETHUSDT,2,3,2,3,1",
        )
    )
    assert source.symbols == ("BTCUSDT", "ETHUSDT")
    assert source.intervals == ("1h", "4h", "1d")
    assert source.as_of_s("BTCUSDT", 0) == 1_767_225_600 + 3 * 3600


def test_decimals_are_kept_to_the_last(write: Write) -> None:
    source = read_candle_file(
        write(HEADER, "1767225600,SHIBUSDT,0.00001234,0.00001235,0.00001233,0.00001234,0.1")
    )
    [candle] = source.candles("SHIBUSDT", "1d", 1, 0)
    assert candle[1:6] == (0.00001234, 0.00001235, 0.00001233, 0.00001234, 0.1)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["time,symbol,open"], f"line 1: the columns must be {HEADER}"),
        ([HEADER], "holds no candles"),
        ([HEADER, "1767225600,BTCUSDT,1,2"], "line 2: must have 7 fields, not 4"),
        (
            [HEADER, "yesterday,BTCUSDT,1,2,1,2,1"],
            f"line 2: timestamp 'yesterday' {NO_TIMESTAMP}",
        ),
        (
            [HEADER, "2026-01-01T00:00:00,BTCUSDT,1,2,1,2,1"],
            f"line 2: timestamp '2026-01-01T00:00:00' {NO_TIMESTAMP}",
        ),
        (
            [HEADER, "1767225600000,BTCUSDT,1,2,1,2,1"],
            f"line 2: timestamp '1767225600000' {NO_TIMESTAMP}",
        ),
        (
            [HEADER, "1767225601,BTCUSDT,1,2,1,2,1"],
            "line 2: timestamp '1767225601' is not the beginning of a minute",
        ),
        (
            [HEADER, "1767225600,btc/usdt,1,2,1,2,1"],
            "line 2: symbol 'btc/usdt' must be 1 to 32 capital letters and digits",
        ),
        (
            [HEADER, *minutes(2), "1767225720,BTCUSDT,1,x,1,2,1"],
            "line 4: high 'x' must be a decimal number with at most 8 decimals",
        ),
        (
            [HEADER, "1767225600,BTCUSDT,1,2,1,2,nan"],
            "line 2: volume 'nan' must be a decimal number with at most 8 decimals",
        ),
        ([HEADER, "1767225600,BTCUSDT,0,2,0,2,1"], "line 2: prices must be above 0"),
        (
            [HEADER, "1767225600,BTCUSDT,1,2,1,3,1"],
            "line 2: high 2 is below another price of the candle",
        ),
        (
            [HEADER, "1767225600,BTCUSDT,1,3,2,3,1"],
            "line 2: low 2 is above another price of the candle",
        ),
        (
            [HEADER, *minutes(2), *minutes(1)],
            "line 4: timestamp '1767225600' is not after the one before of BTCUSDT, in line 3",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    write: Write, lines: list[str], complaint: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is the point
        read_candle_file(write(*lines))
    assert str(caught.value) == complaint


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't be read: No such file"):
        read_candle_file(tmp_path / "nothing.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not CSV in UTF-8"):
        read_candle_file(binary)
