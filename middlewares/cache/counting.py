"""What a worker's cache has done since it began."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class CacheCounts:
    """Counts by route: how requests were answered, and what became of answers.

    `hits` by (route, `fresh`, `stale` or `error`), `misses` by (route, why), `collapsed` and `stored` by route,
    `not_stored` by (route, why).
    """

    hits: Counter[tuple[str, str]] = field(default_factory=Counter)
    misses: Counter[tuple[str, str]] = field(default_factory=Counter)
    collapsed: Counter[str] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)
    not_stored: Counter[tuple[str, str]] = field(default_factory=Counter)
