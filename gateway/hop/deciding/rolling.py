"""Counts of attempts over a rolling window, with their typical time."""

from math import exp, log

#: Each bucket holds a second.
BUCKETS = 10
WINDOW_S = float(BUCKETS)
#: The buckets that are the latest past, the one that is being filled included.
RECENT = 2
RECENT_S = float(RECENT)
#: No answer counts as quicker, so that a few that take no time do not make the rest look slow.
_LEAST_S = 0.0001
_LEAST_LOG = log(_LEAST_S)


class Rolling:
    """The attempts of the last WINDOW_S: how many, how many failed, and what an answer typically takes.

    The typical time is the geometric mean, because one answer that takes long says little: of ten answers
    in 5 ms, one of which takes 30 s instead, it is 12 ms. `now_s` never goes back.
    """

    __slots__ = (
        "_at",
        "_counts",
        "_failed",
        "_logs",
        "_place",
        "_timed",
        "attempts",
        "failures",
        "logs",
        "timed",
    )

    def __init__(self) -> None:
        self.attempts = self.failures = self.timed = 0
        self.logs = 0.0
        self._at = self._place = 0
        self._counts = [0] * BUCKETS
        self._failed = [0] * BUCKETS
        self._timed = [0] * BUCKETS
        self._logs = [0.0] * BUCKETS

    def note(self, now_s: float, *, failed: bool, took_s: float | None = None) -> None:
        """Count an attempt; `took_s` to the answer's head, if that says something of the instance."""
        at = int(now_s)
        if at != self._at:
            self._roll(at)
        place = self._place
        self.attempts += 1
        self._counts[place] += 1
        if failed:
            self.failures += 1
            self._failed[place] += 1
        if took_s is not None:
            logged = log(took_s) if took_s > _LEAST_S else _LEAST_LOG
            self.timed += 1
            self.logs += logged
            self._timed[place] += 1
            self._logs[place] += logged

    def note_failed(self, now_s: float) -> None:
        """Count an attempt as failed that has been counted as good."""
        self.roll(now_s)
        if self.failures < self.attempts:
            self.failures += 1
            self._failed[self._place] += 1

    def roll(self, now_s: float) -> None:
        """Leave out what is older than the window."""
        at = int(now_s)
        if at != self._at:
            self._roll(at)

    def recent(self) -> tuple[int, int]:
        """Attempts and failures of the last RECENT_S, as last rolled."""
        places = [(self._at - back) % BUCKETS for back in range(RECENT)]
        return sum(self._counts[one] for one in places), sum(self._failed[one] for one in places)

    @property
    def typical_s(self) -> float:
        """The typical time to an answer's head; 0 without answers."""
        return typical_of(self.logs, self.timed)[0]

    def clear(self) -> None:
        """Forget everything."""
        self._roll(self._at + BUCKETS)

    def _roll(self, at: int) -> None:
        if at - self._at >= BUCKETS:
            self.attempts = self.failures = self.timed = 0
            self.logs = 0.0
            for numbers in (self._counts, self._failed, self._timed, self._logs):
                numbers[:] = [0] * BUCKETS
            self._at, self._place = at, at % BUCKETS
            return
        for passed in range(self._at + 1, at + 1):
            place = passed % BUCKETS
            self.attempts -= self._counts[place]
            self.failures -= self._failed[place]
            self.timed -= self._timed[place]
            self.logs -= self._logs[place]
            self._counts[place] = self._failed[place] = self._timed[place] = 0
            self._logs[place] = 0.0
        self._at, self._place = at, at % BUCKETS
        if not self.timed:
            self.logs = 0.0  # what sums of floating-point numbers leave


def typical_of(logs: float, timed: int) -> tuple[float, int]:
    """The typical time of so many answers with this sum of logarithms, and their number."""
    return (exp(logs / timed) if timed > 0 else 0.0), timed


class Peak:
    """The requests of the busiest second within the window."""

    __slots__ = ("_at", "_before", "_count")

    def __init__(self) -> None:
        self._at = self._count = 0
        #: The requests of earlier seconds, by second, in order.
        self._before: dict[int, int] = {}

    def count(self, now_s: float) -> None:
        """Count a request; `now_s` never goes back."""
        at = int(now_s)
        if at != self._at:
            self._before[self._at] = self._count
            self._at, self._count = at, 0
            while self._before and next(iter(self._before)) <= at - BUCKETS:
                del self._before[next(iter(self._before))]
        self._count += 1

    def per_s(self, now_s: float) -> float:
        within = [n for at, n in self._before.items() if at > int(now_s) - BUCKETS]
        return float(max([*within, self._count if self._at > now_s - BUCKETS else 0]))
