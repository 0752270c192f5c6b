"""What a worker has compressed since it began."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class CompressCounts:
    """Counts by encoding: answers, and the bytes of their bodies before and after.

    `under_way` are the bodies that are compressed as they come and have not ended.
    """

    answers: Counter[str] = field(default_factory=Counter)
    bytes_before: Counter[str] = field(default_factory=Counter)
    bytes_after: Counter[str] = field(default_factory=Counter)
    under_way: int = 0

    def add(self, encoding: bytes, before: int, after: int) -> None:
        name = encoding.decode("ascii")
        self.answers[name] += 1
        self.bytes_before[name] += before
        self.bytes_after[name] += after

    def ended(self, encoding: bytes, before: int, after: int) -> None:
        """Count one that was under way."""
        self.under_way -= 1
        self.add(encoding, before, after)
