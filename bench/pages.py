"""Tables on a page of the documentation, between two marks that the page has."""

from collections.abc import Iterable, Sequence
from pathlib import Path

Row = Sequence[str]


def table(head: Row, rows: Iterable[Row]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(page: Path, text: str, name: str = "table") -> None:
    """Replace the text between the marks of this name on the page."""
    begins, ends = marks(name)
    before, _, rest = page.read_text("utf-8").partition(begins)
    _, _, after = rest.partition(ends)
    page.write_text(f"{before}{begins}\n{text}\n{ends}{after}", "utf-8")


def marks(name: str) -> tuple[str, str]:
    return f"<!-- {name} begins -->", f"<!-- {name} ends -->"
