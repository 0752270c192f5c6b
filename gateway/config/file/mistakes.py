"""A mistake in the file, and the line that tells it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from gateway.config.file.wording import in_one_line


class Position(NamedTuple):
    """A place in the file; both count from 1, and a column is a character."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """What is wrong at a place of the file; a warning does not keep the file from being used.

    `path` names the key as in `routes[2].limits[0]`; it is empty for the file as a whole.
    """

    position: Position
    path: str
    message: str
    level: Literal["error", "warning"] = "error"

    def line(self, file: str) -> str:
        """FILE:LINE:COLUMN: PATH: MESSAGE, always one line."""
        parts = [
            f"{file}:{self.position.line}:{self.position.column}",
            "warning" if self.level == "warning" else "",
            self.path,
            self.message,
        ]
        return in_one_line(": ".join(filter(None, parts)))
