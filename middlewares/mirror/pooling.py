"""The reports of mirrors of all workers of a gateway, of those of each of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from middlewares.mirror.report import MOST_PLACES, quantiles

#: A report with the times that its quantiles are of.
Told = Mapping[str, Any]


def joined(reports: Iterable[Told]) -> list[dict[str, Any]]:
    """One report for each mirror of each route, by route and mirror."""
    by_mirror: dict[tuple[str, str], list[Told]] = {}
    for report in reports:
        by_mirror.setdefault((report["route"], report["mirror"]), []).append(report)
    return [_joined(by_mirror[key]) for key in sorted(by_mirror)]


def _joined(reports: Sequence[Told]) -> dict[str, Any]:
    places, elsewhere = _places(reports)
    return {
        "route": reports[0]["route"],
        "mirror": reports[0]["mirror"],
        "since": min(report["since"] for report in reports),
        "copies": _added(report["copies"] for report in reports),
        **{
            name: sum(report[name] for report in reports)
            for name in ("compared", "same", "different")
        },
        "not_compared": _added(report["not_compared"] for report in reports),
        "differences": places,
        "differences_elsewhere": elsewhere,
        "seconds": {
            name: quantiles([time_s for report in reports for time_s in report["times"][name]])
            for name in ("original", "mirror")
        },
    }


def _places(reports: Sequence[Told]) -> tuple[list[dict[str, Any]], int]:
    """Places by how often they differ, each with the example of the first worker; and what is counted elsewhere."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for place in (one for report in reports for one in report["differences"]):
        known = found.setdefault((place["kind"], place["place"]), {**place, "count": 0})
        known["count"] += place["count"]
    ordered = sorted(found.values(), key=lambda place: -place["count"])
    left_out = sum(place["count"] for place in ordered[MOST_PLACES:])
    elsewhere = sum(report["differences_elsewhere"] for report in reports)
    return ordered[:MOST_PLACES], elsewhere + left_out


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for one in counts:
        sums.update(one)
    return dict(sums)
