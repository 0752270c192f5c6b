"""Tables of text in columns; a cell that is too long continues on the next line, at a space.

A word is never cut, so that addresses and commands can be copied.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import zip_longest
from textwrap import TextWrapper

from middlewares.telemetry.printable import printable

_GAP = "  "
#: No column becomes narrower than this.
_NARROWEST = 8
_ANSI = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}
_Wrapper = partial(TextWrapper, break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True, slots=True)
class Coloured:
    """A text in a colour: red, green, yellow or bold."""

    text: str
    colour: str

    def painted(self, text: str | None = None) -> str:
        """The text, or this part of it, with the terminal's codes around it."""
        return f"\x1b[{_ANSI[self.colour]}m{self.text if text is None else text}\x1b[0m"


@dataclass(frozen=True)
class _Column:
    heading: str
    cells: Sequence[Coloured]
    align: str

    @cached_property
    def whole(self) -> int:
        """The width that folds nothing."""
        return max(len(self.heading), *(len(cell.text) for cell in self.cells), 0)

    @cached_property
    def least(self) -> int:
        """The least width that cuts no word."""
        texts = (self.heading, *(cell.text for cell in self.cells))
        longest = max((len(word) for text in texts for word in text.split()), default=0)
        return max(longest, min(self.whole, _NARROWEST))


def table_lines(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Coloured]],
    *,
    width: int,
    colours: bool = False,
    to_the_right: Collection[str] = (),
    below: str | None = None,
    left_out: Sequence[str] = (),
) -> Iterator[str]:
    """The lines of a table, at most `width` wide unless a single word is longer.

    If it does not fit, the column `below` goes below each row, on lines of its own. If that is not
    enough, columns of `left_out` are dropped, the first one first.
    """
    columns = {
        heading: _Column(
            heading,
            [_as_coloured(row[index]) for row in rows],
            ">" if heading in to_the_right else "<",
        )
        for index, heading in enumerate(headings)
    }
    under = None
    if below is not None and _width([column.whole for column in columns.values()]) > width:
        under = columns.pop(below)
    for heading in left_out:
        if _width([column.least for column in columns.values()]) > width:
            del columns[heading]
    shown = list(columns.values())
    widths = _fit(shown, width)
    yield from _row(shown, [Coloured(one.heading, "bold") for one in shown], widths, colours)
    for index in range(len(rows)):
        yield from _row(shown, [one.cells[index] for one in shown], widths, colours)
        if under is not None and under.cells[index].text:
            text = f"{under.heading}: {under.cells[index].text}"
            yield from _Wrapper(width=width, initial_indent=_GAP, subsequent_indent=2 * _GAP).wrap(
                text
            )


def _row(
    columns: Sequence[_Column], cells: Sequence[Coloured], widths: Sequence[int], colours: bool
) -> Iterator[str]:
    folded = [
        _Wrapper(width=most).wrap(cell.text) for cell, most in zip(cells, widths, strict=True)
    ]
    for parts in zip_longest(*folded, fillvalue=""):
        filled = [
            f"{part:{column.align}{most}}"
            for part, column, most in zip(parts, columns, widths, strict=True)
        ]
        painted = (_paint(cell, part, colours) for cell, part in zip(cells, filled, strict=True))
        yield _GAP.join(painted).rstrip()


def _as_coloured(cell: str | Coloured) -> Coloured:
    text, colour = (cell, "") if isinstance(cell, str) else (cell.text, cell.colour)
    return Coloured(printable(text), colour)


def _paint(cell: Coloured, part: str, colours: bool) -> str:
    return cell.painted(part) if colours and cell.colour and part.strip() else part


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _fit(columns: Sequence[_Column], most: int) -> list[int]:
    """Narrow the widest columns until all fit, or until a word would be cut."""
    widths = [column.whole for column in columns]
    while _width(widths) > most:
        spare = [index for index, column in enumerate(columns) if widths[index] > column.least]
        if not spare:
            break
        widths[max(spare, key=widths.__getitem__)] -= 1
    return widths
