"""The Vary of an answer that rules have made by headers of the request."""

from collections.abc import Iterable, Sequence
from typing import Final

from middlewares.head_changes import FieldLine, marks_of

_VARY: Final = b"vary"
#: Answers without one of these have no Vary.
VARY_MARKS: Final = marks_of([_VARY])


def missing_vary(fields: Iterable[FieldLine], names: Sequence[bytes]) -> FieldLine | None:
    """The line for the names (lower-case) that no Vary has yet; None: there is none left."""
    said = b",".join(value for name, value in fields if name.lower() == _VARY)
    there = {one.strip(b" \t").lower() for one in said.split(b",")}
    left = () if b"*" in there else [one for one in names if one not in there]
    return (b"Vary", b", ".join(left)) if left else None
