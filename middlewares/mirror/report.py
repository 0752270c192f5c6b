"""What came of the copies of one mirror: counts, differences by place, and times, all of them bounded."""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from middlewares.mirror.deciding.comparing import Found, Verdict

#: Differences at more places are counted together: one that was seen once gives way to a new one.
MOST_PLACES = 100
#: Quantiles are of so many of the last times.
TIMES_KEPT = 256
#: Of more mirrors the report that was used longest ago is dropped.
MOST_REPORTS = 1000
QUANTILES = (0.5, 0.9, 0.99)
_MOST_PLACE_CHARACTERS = 200


@dataclass(slots=True)
class Place:
    """How often the answers differed at one place, with the first example."""

    example: Found
    correlation_id: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class _Before:
    """What had been counted when a report began."""

    copies: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)


class MirrorReport:
    """The report of one mirror of one route, of this worker, since `since_s` (Unix time).

    `copies` counts them by what became of them, `results` the comparisons, `kinds` their differences, and
    `unread` bodies that were not compared, by why. The seconds are those to the heads of both answers, of
    requests where both came. All of these only grow, as counters of metrics do: a document has what
    came since the report was last begun anew.
    """

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.copies: Counter[str] = Counter()
        self.results: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()
        self.places: dict[tuple[str, str], Place] = {}
        self.elsewhere = 0
        self.original_s = 0.0
        self.copy_s = 0.0
        self._before = _Before()
        self._original_times: deque[float] = deque(maxlen=TIMES_KEPT)
        self._copy_times: deque[float] = deque(maxlen=TIMES_KEPT)

    def compared(self, verdict: Verdict, correlation_id: str) -> None:
        """Note what a comparison found."""
        self.results["different" if verdict.found else "same"] += 1
        if verdict.unread:
            self.unread[verdict.unread] += 1
        for kind in {found.kind for found in verdict.found}:
            self.kinds[kind] += 1
        for found in verdict.found:
            key = (found.kind, found.place[:_MOST_PLACE_CHARACTERS])
            place = self.places.get(key)
            if place is None:
                if len(self.places) >= MOST_PLACES:
                    self.elsewhere += 1
                    if not self._let_go():
                        continue
                place = self.places[key] = Place(_cut(found), correlation_id)
            place.count += 1

    def _let_go(self) -> bool:
        """Forget the oldest place that was seen once; False: there is none.

        Members with names of their own in each answer would else fill the report for good.
        """
        for key, place in self.places.items():
            if place.count == 1:
                del self.places[key]
                return True
        return False

    def not_compared(self, why: str) -> None:
        """Note that the two answers could not be compared at all."""
        self.results["not_compared"] += 1
        self.unread[why] += 1

    def took(self, original_s: float, copy_s: float) -> None:
        """Note how long both heads took."""
        self.original_s += original_s
        self.copy_s += copy_s
        self._original_times.append(original_s)
        self._copy_times.append(copy_s)

    def begin_anew(self, now_s: float) -> None:
        """Forget what came before."""
        self.since_s = now_s
        self._before = _Before(Counter(self.copies), Counter(self.results), Counter(self.unread))
        self.places.clear()
        self.elsewhere = 0
        self._original_times.clear()
        self._copy_times.clear()

    def is_empty(self) -> bool:
        """Whether nothing has come since it began."""
        before = self._before
        return self.copies == before.copies and self.results == before.results

    def document(self, route: str, mirror: str) -> Mapping[str, Any]:
        """The report as `GET /mirrors` has it; places by how often they differ."""
        before = self._before
        results = self.results - before.results
        places = sorted(self.places.items(), key=lambda item: -item[1].count)
        return {
            "route": route,
            "mirror": mirror,
            "since": self.since_s,
            "copies": dict(self.copies - before.copies),
            "compared": results["same"] + results["different"],
            "same": results["same"],
            "different": results["different"],
            "not_compared": dict(self.unread - before.unread),
            "differences": [
                {
                    "kind": kind,
                    "place": name,
                    "count": place.count,
                    "example": {
                        "at": place.example.at or place.example.place,
                        "original": place.example.original,
                        "mirror": place.example.copy,
                        "correlation_id": place.correlation_id,
                    },
                }
                for (kind, name), place in places
            ],
            "differences_elsewhere": self.elsewhere,
            "seconds": {
                "original": quantiles(self._original_times),
                "mirror": quantiles(self._copy_times),
            },
        }

    def told(self, route: str, mirror: str) -> Mapping[str, Any]:
        """The document, and the times that quantiles of more workers are made of."""
        times = {"original": [*self._original_times], "mirror": [*self._copy_times]}
        return {**self.document(route, mirror), "times": times}


class Reports:
    """The reports of a worker, by route and mirror; they survive reloads by these names."""

    def __init__(self) -> None:
        self._reports: OrderedDict[tuple[str, str], MirrorReport] = OrderedDict()

    def of(self, route: str, mirror: str, now_s: float) -> MirrorReport:
        """The report of a mirror, which begins now if there is none."""
        key = (route, mirror)
        report = self._reports.get(key)
        if report is None:
            report = self._reports[key] = MirrorReport(now_s)
            if len(self._reports) > MOST_REPORTS:
                self._reports.popitem(last=False)
        else:
            self._reports.move_to_end(key)
        return report

    def begin_anew(self, now_s: float) -> None:
        """Begin all of them anew."""
        for report in self._reports.values():
            report.begin_anew(now_s)

    def __iter__(self) -> Iterator[tuple[tuple[str, str], MirrorReport]]:
        return iter(sorted(self._reports.items()))

    def __len__(self) -> int:
        return len(self._reports)


def _cut(found: Found) -> Found:
    return found._replace(
        place=found.place[:_MOST_PLACE_CHARACTERS], at=found.at[:_MOST_PLACE_CHARACTERS]
    )


def quantiles(times_s: Sequence[float]) -> Mapping[str, float]:
    """Quantiles of the last times, by name; empty if there are none."""
    ordered = sorted(times_s)
    if not ordered:
        return {}
    return {
        f"p{quantile * 100:g}": round(
            ordered[min(int(len(ordered) * quantile), len(ordered) - 1)], 6
        )
        for quantile in QUANTILES
    }
