"""What a worker has found out by holding messages against documents."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class ValidationCounts:
    """Counts by service and outcome.

    Of `requests`: valid, invalid, unknown_path, no_document, too_large, encoded, too_deep, too_many, failed. Of
    `answers`: valid, invalid, unknown_status, no_document, unchecked. `fetches` of documents that failed, by service.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    fetches: Counter[str] = field(default_factory=Counter)
