"""Tables for a terminal and for a page, and the verdict on each bar."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that DESIGN.md asks for: a minimum with `least`, else a maximum."""

    what: str
    limit: float
    unit: str = ""
    least: bool = False

    def verdict(self, value: float) -> str:
        passed = value >= self.limit if self.least else value <= self.limit
        sign = "≥" if self.least else "≤"
        return f"{'pass' if passed else 'MISS'} ({sign} {self.limit:g}{self.unit})"


class Report:
    """Prints results as they come, and keeps the bars for a summary."""

    def __init__(self) -> None:
        self._bars: list[tuple[str, str, str]] = []
        self.values: dict[str, object] = {}

    def title(self, text: str) -> None:
        print(f"\n## {text}\n", flush=True)

    def say(self, text: str) -> None:
        print(text, flush=True)

    def progress(self, text: str) -> None:
        """Show on a terminal what is being measured; an empty text removes it."""
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        lines = [list(head), *[list(row) for row in rows]]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        for number, line in enumerate(lines):
            print("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |")
            if number == 0:
                print("| " + " | ".join("-" * width for width in widths) + " |")
        print(flush=True)

    def bar(self, bar: Bar, value: float, shown: str | None = None) -> str:
        """Record a figure beside its bar, and return the verdict."""
        verdict = bar.verdict(value)
        self._bars.append((bar.what, shown or f"{value:.2f}{bar.unit}", verdict))
        return verdict

    def summary(self) -> None:
        if self._bars:
            self.title("Bars")
            self.table(("what", "measured", "bar"), self._bars)


def with_range(values: Sequence[float], digits: int = 2) -> str:
    """The median, with the lowest and the highest value."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
