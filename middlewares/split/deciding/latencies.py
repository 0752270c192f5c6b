"""Latencies as counts in cells, each 4.4 % wider than the one before it."""

import math
from collections.abc import Mapping
from typing import Final

#: The first cell begins here; all that is quicker is in it.
_FIRST_S: Final = 100e-6
_PER_OCTAVE: Final = 16
#: The last cell has all that takes longer than 54 minutes.
LAST: Final = 25 * _PER_OCTAVE

Cells = Mapping[int, int]


def cell_of(seconds: float) -> int:
    """The cell of a latency."""
    if seconds <= _FIRST_S:
        return 0
    return min(LAST, int(math.log2(seconds / _FIRST_S) * _PER_OCTAVE))


def begins_s(cell: int) -> float:
    """Where a cell begins, in seconds."""
    return float(_FIRST_S * 2 ** (cell / _PER_OCTAVE))


def cells_of_ratio(ratio: float) -> int:
    """How many cells further a latency is that is `ratio` times as long, rounded up."""
    return math.ceil(math.log2(ratio) * _PER_OCTAVE - 1e-9)


def from_cell(cells: Cells, cell: int) -> int:
    """How many latencies are in this cell or a later one."""
    return sum(count for one, count in cells.items() if one >= cell)


def quantile(cells: Cells, share: float) -> int | None:
    """The cell up to which this share of the latencies is, its own included; None: there are none."""
    left = share * sum(cells.values())
    last: int | None = None
    for cell in sorted(cells):
        last = cell
        left -= cells[cell]
        if left <= 0:
            break
    return last
