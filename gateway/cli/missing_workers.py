"""Says whose part is not in an answer that is made of those of several workers."""

from collections.abc import Iterator, Mapping
from typing import Any


def missing_workers(document: Mapping[str, Any]) -> Iterator[str]:
    """A sentence about the workers that did not answer in time; nothing if all did."""
    slots = document.get("missing_workers", ())
    if len(slots) == 1:
        yield f"worker {slots[0]} has not answered in time: its part is missing here"
    elif slots:
        named = f"{', '.join(map(str, slots[:-1]))} and {slots[-1]}"
        yield f"workers {named} have not answered in time: their part is missing here"
