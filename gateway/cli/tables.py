"""Tables of text in columns: a cell that is too long for the terminal goes on below itself."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap

from middlewares.telemetry.printable import printable

_GAP = "  "
#: No column is made narrower.
_NARROWEST = 8
_ANSI = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}


@dataclass(frozen=True, slots=True)
class Coloured:
    """A text in a colour: red, green, yellow or bold."""

    text: str
    colour: str

    def painted(self, text: str | None = None) -> str:
        """The text, or this part of it, with the terminal's sequences around it."""
        return f"\x1b[{_ANSI[self.colour]}m{self.text if text is None else text}\x1b[0m"


def table_lines(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Coloured]],
    *,
    width: int,
    colours: bool = False,
    to_the_right: Collection[str] = (),
) -> Iterator[str]:
    """The lines of a table at most `width` wide, where its columns can be as narrow as that."""
    cells = [[_as_coloured(cell) for cell in row] for row in rows]
    texts = [list(headings), *([cell.text for cell in row] for row in cells)]
    widths = _fit([max(map(len, column)) for column in zip(*texts, strict=True)], width)
    aligned = [">" if heading in to_the_right else "<" for heading in headings]
    for row in [[Coloured(heading, "bold") for heading in headings], *cells]:
        folded = [wrap(cell.text, most) for cell, most in zip(row, widths, strict=True)]
        for parts in zip_longest(*folded, fillvalue=""):
            filled = [
                f"{part:{align}{most}}"
                for part, align, most in zip(parts, aligned, widths, strict=True)
            ]
            line = _GAP.join(
                _paint(cell, part, colours) for cell, part in zip(row, filled, strict=True)
            )
            yield line.rstrip()


def _as_coloured(cell: str | Coloured) -> Coloured:
    text, colour = (cell, "") if isinstance(cell, str) else (cell.text, cell.colour)
    return Coloured(printable(text), colour)


def _paint(cell: Coloured, part: str, colours: bool) -> str:
    return cell.painted(part) if colours and cell.colour and part.strip() else part


def _fit(widths: list[int], most: int) -> list[int]:
    """Take from the widest columns until all of them fit."""
    widths = list(widths)
    spare = most - len(_GAP) * (len(widths) - 1)
    while sum(widths) > spare and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths
