"""Real candles from a CSV file, checked line by line and merged into all longer intervals."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from math import gcd
from pathlib import Path
from typing import NamedTuple

from services.market_data.bars import INTERVALS_S, Bar, Candle, Interval, Units, candle, merge

COLUMNS = ("timestamp", "symbol", "open", "high", "low", "close", "volume")
UNITS = Units(price_decimals=8, volume_decimals=8)

_SYMBOL = re.compile(r"[A-Z0-9]{1,32}")
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,8})?")
_SECONDS = re.compile(r"\d{1,10}")


class Row(NamedTuple):
    """One line of the file."""

    line: int
    open_s: int
    symbol: str
    bar: Bar


class CandleFile:
    """The CandleSource of recorded data; its time stands still at the end of the file."""

    name = "file"

    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        """`rows`: one or more for each symbol, oldest first."""
        base_s = _length_s(rows)
        self.symbols = tuple(sorted(rows))
        self.intervals = tuple(name for name, length_s in INTERVALS_S.items() if length_s >= base_s)
        self._as_of_s = {symbol: rows[symbol][-1].open_s + base_s for symbol in rows}
        self._candles = {
            (symbol, interval): list(self._grouped(rows[symbol], INTERVALS_S[interval]))
            for symbol in rows
            for interval in self.intervals
        }

    def as_of_s(self, symbol: str, now_s: float) -> int:
        return self._as_of_s[symbol]

    def candles(self, symbol: str, interval: Interval, limit: int, now_s: float) -> list[Candle]:
        return self._candles[symbol, interval][-limit:]

    def _grouped(self, rows: Iterable[Row], length_s: int) -> Iterator[Candle]:
        for index, group in groupby(rows, lambda row: row.open_s // length_s):
            members = list(group)
            yield candle(
                merge([row.bar for row in members]),
                UNITS,
                open_s=index * length_s,
                length_s=length_s,
                as_of_s=self._as_of_s[members[0].symbol],
            )


def read_candle_file(path: Path) -> CandleFile:
    """Read and check the file; ValueError has the line's number and what is wrong with it."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = _read(lines)
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ValueError("is not CSV in UTF-8") from None
    if not rows:
        raise ValueError("holds no candles")
    return CandleFile(rows)


def _read(lines: Iterable[str]) -> dict[str, list[Row]]:
    reader = csv.reader(lines)
    header = next(reader, [])
    if tuple(header) != COLUMNS:
        raise ValueError(f"line 1: the columns must be {','.join(COLUMNS)}")
    rows: dict[str, list[Row]] = {}
    for fields in reader:
        try:
            row = _row(reader.line_num, fields)
            earlier = rows.setdefault(row.symbol, [])
            if earlier and row.open_s <= earlier[-1].open_s:
                raise ValueError(  # noqa: TRY301 - the line's number is added in one place
                    f"timestamp {fields[0]!r} is not after the one before of {row.symbol}, "
                    f"in line {earlier[-1].line}"
                )
        except ValueError as error:
            raise ValueError(f"line {reader.line_num}: {error}") from None
        earlier.append(row)
    return rows


def _row(line: int, fields: list[str]) -> Row:
    if len(fields) != len(COLUMNS):
        raise ValueError(f"must have {len(COLUMNS)} fields, not {len(fields)}")
    timestamp, symbol, *numbers = fields
    if not _SYMBOL.fullmatch(symbol):
        raise ValueError(f"symbol {symbol!r} must be 1 to 32 capital letters and digits")
    bar = Bar(*map(_units, COLUMNS[2:], numbers))
    if bar.low == 0:
        raise ValueError("prices must be above 0")
    if bar.high < max(bar.open, bar.close, bar.low):
        raise ValueError(f"high {numbers[1]} is below another price of the candle")
    if bar.low > min(bar.open, bar.close):
        raise ValueError(f"low {numbers[2]} is above another price of the candle")
    return Row(line, _open_s(timestamp), symbol, bar)


def _units(column: str, text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{column} {text!r} must be a decimal number with at most 8 decimals")
    return int(Decimal(text).scaleb(8))


def _open_s(text: str) -> int:
    """Unix seconds of a timestamp in either notation; candles begin at full minutes."""
    if _SECONDS.fullmatch(text):
        open_s = float(text)
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ValueError(
                f"timestamp {text!r} must be Unix seconds or RFC 3339, as 2026-01-01T00:00:00Z"
            )
        open_s = (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
    if open_s % 60:
        raise ValueError(f"timestamp {text!r} is not the beginning of a minute")
    return int(open_s)


def _length_s(rows: Mapping[str, list[Row]]) -> int:
    """The length of a candle: the longest interval that all candles begin at multiples of."""
    step_s = gcd(*(row.open_s for symbol_rows in rows.values() for row in symbol_rows))
    return max(length_s for length_s in INTERVALS_S.values() if step_s % length_s == 0)
