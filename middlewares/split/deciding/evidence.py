"""What requests say of the canary and of the stable side, and whether it is a breach.

Counts are a flat mapping, so that those of several workers and periods add up name by name. Every
second answer of the stable side is kept apart as the reference: it says which latencies are looked at, and
the others say how often they are exceeded. So what is counted does not depend on what is chosen.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from middlewares.split.deciding.latencies import (
    begins_s,
    cell_of,
    cells_of_ratio,
    from_cell,
    quantile,
)
from middlewares.split.deciding.proportions import Counted, Tested, excess

#: Names of counts: requests and failures of both sides; latencies have one of the prefixes and their cell.
CANARY, CANARY_FAILED, STABLE, STABLE_FAILED = "c", "cf", "s", "sf"
_OF_CANARY, _OF_STABLE, _OF_REFERENCE = "lc", "ls", "lr"

#: A window is looked at so often: whenever one of so many periods of it has ended.
PERIODS: Final = 12
#: The probability of a false alarm within one window, at most, for a canary that is as bad as it may be.
FALSE_ALARMS: Final = 1e-4
#: What is looked at each time: failures get half of it, latencies the other half.
_OF_FAILURES: Final = FALSE_ALARMS / PERIODS / 2
#: The latencies that are compared: the typical one, and that of the slowest tenth.
QUANTILES: Final = (0.5, 0.9)
_OF_EACH_QUANTILE: Final = FALSE_ALARMS / PERIODS / 2 / len(QUANTILES)

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Margins:
    """How much worse than the stable side a canary may be.

    `errors`: how much more of its requests may fail (0 to 1). `latency`: how many times as long its answers
    may take. None: that does not matter. `requests`: each side has answered so many, or nothing is said.
    `over_s`: what is looked at, up to now.
    """

    errors: float | None = 0.02
    latency: float | None = 1.5
    over_s: float = 60.0
    requests: int = 20


class Breach(NamedTuple):
    """What the canary exceeds, `errors` or `latency`, and how sure that is."""

    what: Literal["errors", "latency"]
    tested: Tested
    #: What `p` had to be below.
    alpha: float


class Judgement(NamedTuple):
    """The numbers of a window, and a breach if they show one."""

    canary: Counted
    stable: Counted
    #: By quantile, seconds of the canary and of the stable side.
    latencies: Mapping[float, tuple[float, float]]
    breach: Breach | None

    def describe(self) -> dict[str, object]:
        """The evidence, for the log and for people."""
        said: dict[str, object] = {
            "canary": {"requests": self.canary.all, "failed": self.canary.some},
            "stable": {"requests": self.stable.all, "failed": self.stable.some},
            "error_rates": {
                "canary": round(self.canary.rate, 4),
                "stable": round(self.stable.rate, 4),
            },
        }
        for quantile_, (canary_s, stable_s) in self.latencies.items():
            said[f"latency_p{quantile_ * 100:.0f}_ms"] = {
                "canary": round(canary_s * 1000, 1),
                "stable": round(stable_s * 1000, 1),
            }
        if self.breach is not None:
            said["breach"] = self.breach.what
            said["statistic"] = round(self.breach.tested.statistic, 2)
            said["p"] = float(f"{self.breach.tested.p:.2g}")
            said["alpha"] = float(f"{self.breach.alpha:.2g}")
        return said


class Evidence:
    """The counts of one period in one worker."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._is_reference = False

    def add(self, *, is_canary: bool, failed: bool, took_s: float) -> None:
        """Count a request; what fails has no latency that means anything."""
        counts = self.counts
        counts[CANARY if is_canary else STABLE] += 1
        if failed:
            counts[CANARY_FAILED if is_canary else STABLE_FAILED] += 1
        elif is_canary:
            counts[f"{_OF_CANARY}{cell_of(took_s)}"] += 1
        else:
            self._is_reference = not self._is_reference
            kind = _OF_REFERENCE if self._is_reference else _OF_STABLE
            counts[f"{kind}{cell_of(took_s)}"] += 1

    def taken(self) -> Counter[str]:
        """The counts so far, which are no longer here then."""
        counts, self.counts = self.counts, Counter()
        return counts


def summed(periods: Iterable[Counts]) -> Counter[str]:
    """The counts of several periods or workers together."""
    total: Counter[str] = Counter()
    for one in periods:
        total.update(one)
    return total


def sides(counts: Counts) -> tuple[Counted, Counted]:
    """The failures of the canary, and those of the stable side."""
    return (
        Counted(counts.get(CANARY_FAILED, 0), counts.get(CANARY, 0)),
        Counted(counts.get(STABLE_FAILED, 0), counts.get(STABLE, 0)),
    )


def judge(counts: Counts, margins: Margins) -> Judgement:
    """What the counts of a window say; a breach is only said where both sides have enough requests."""
    canary, stable = sides(counts)
    slow, usual, reference = (
        _cells(counts, kind) for kind in (_OF_CANARY, _OF_STABLE, _OF_REFERENCE)
    )
    breach: Breach | None = None
    if min(canary.all, stable.all) >= margins.requests:
        if margins.errors is not None:
            tested = excess(canary, stable, margins.errors)
            if tested.p < _OF_FAILURES:
                breach = Breach("errors", tested, _OF_FAILURES)
        if breach is None and margins.latency is not None:
            breach = _slower(slow, usual, reference, margins)
    latencies = {}
    for one in QUANTILES:
        cells = (quantile(slow, one), quantile(summed_cells(usual, reference), one))
        if cells[0] is not None and cells[1] is not None:
            latencies[one] = (begins_s(cells[0]), begins_s(cells[1]))
    return Judgement(canary, stable, latencies, breach)


def is_within(judgement: Judgement, margins: Margins) -> bool:
    """Whether the canary is no worse than it may be, as far as the counts show."""
    excess_ = judgement.canary.rate - judgement.stable.rate
    if margins.errors is not None and excess_ > margins.errors:
        return False
    if margins.latency is None:
        return True
    return all(
        canary_s <= margins.latency * stable_s
        for canary_s, stable_s in judgement.latencies.values()
    )


def summed_cells(one: Mapping[int, int], other: Mapping[int, int]) -> Counter[int]:
    total = Counter(one)
    total.update(other)
    return total


def _slower(
    slow: Mapping[int, int],
    usual: Mapping[int, int],
    reference: Mapping[int, int],
    margins: Margins,
) -> Breach | None:
    """A breach by the latency that most of the reference has, or nine tenths of it."""
    if margins.latency is None or min(sum(slow.values()), sum(usual.values())) < margins.requests:
        return None
    further = cells_of_ratio(margins.latency)
    for one in QUANTILES:
        cell = quantile(reference, one)
        if cell is None:
            return None
        tested = excess(
            Counted(from_cell(slow, cell + 1 + further), sum(slow.values())),
            Counted(from_cell(usual, cell + 1), sum(usual.values())),
        )
        if tested.p < _OF_EACH_QUANTILE:
            return Breach("latency", tested, _OF_EACH_QUANTILE)
    return None


def _cells(counts: Counts, kind: str) -> dict[int, int]:
    """The latencies of one kind, by cell; names that are none are left out."""
    return {
        int(name[len(kind) :]): count
        for name, count in counts.items()
        if name.startswith(kind) and name[len(kind) :].isascii() and name[len(kind) :].isdigit()
    }
