"""Tables on a page of the documentation, between two marks that the page has."""

from collections.abc import Iterable, Sequence
from pathlib import Path

BEGINS, ENDS = "<!-- table begins -->", "<!-- table ends -->"

Row = Sequence[str]


def table(head: Row, rows: Iterable[Row]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(page: Path, text: str) -> None:
    """Replace the text between the marks of the page."""
    before, _, rest = page.read_text("utf-8").partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    page.write_text(f"{before}{BEGINS}\n{text}\n{ENDS}{after}", "utf-8")
