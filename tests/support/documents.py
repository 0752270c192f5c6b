"""Reads blocks and tables of our Markdown files, so that tests can run and check them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LINE = re.compile(
    r"^#+ (?P<heading>[^\n]+)$|^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block with its heading."""

    heading: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines of a block of shell commands."""
        return self.text.splitlines()


def blocks(document: str, language: str | None = None) -> list[Block]:
    """The blocks of a file in order: all, or those of one language. Shell blocks have the language ""."""
    heading = ""
    found = []
    for line in _LINE.finditer((ROOT / document).read_text()):
        if line["heading"] is not None:
            heading = line["heading"]
        elif language in (None, line["language"]):
            found.append(Block(heading, line["language"], line["text"]))
    return found


def rows_of(document: str, heading: str) -> list[list[str]]:
    """The rows of the table under a second-level heading, as cells without backticks."""
    section = (ROOT / document).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]
    ]
