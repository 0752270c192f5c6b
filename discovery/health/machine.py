"""The health of one instance as one gateway sees it: a state machine fed with evidence.

    starting  --first pass-->                     healthy     (on probation: `rise` passes in a row)
    starting  --`fall` failures in a row-->       unhealthy
    healthy   --a doubt-->                        healthy, suspected
    suspected --first pass-->                     healthy
    healthy   --`fall` failures in a row-->       unhealthy   (suspected or not)
    unhealthy --`rise` passes in a row-->         healthy

    starting  --heartbeats come-->                healthy     (not on probation)
    healthy   --its lease lapses-->               starting    (suspected or not)

"In a row" means reset by the opposite result. Verdicts come from probes, doubts from real requests.
The last two transitions are for instances whose heartbeats are their probe; the lease says whether
they come. A suspected instance is still healthy for the registry, but this gateway prefers any
other. Every change carries its evidence.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from ..view.view import Status

#: A status, or the suspicion, or the ejection for what real requests say of it; the registry is not told of
#: these two. `step` knows nothing of ejections, which probes neither cause nor end.
Condition = Status | Literal["suspected", "ejected"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """HEALTH_FALL and HEALTH_RISE."""

    fall: int = 3
    rise: int = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one probe says; `evidence` is for people: "GET /health answers 404, expected 200 to 299"."""

    passed: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """What real requests say against an instance: a reason to probe it, no verdict."""

    evidence: str


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """Whether heartbeats come from an instance whose heartbeats are its probe.

    They make a new instance healthy, and say nothing about failed requests and trials.
    """

    come: bool


Evidence = Verdict | Doubt | Heartbeats


@dataclass(frozen=True, slots=True)
class Health:
    """A state, how many results in a row speak for leaving it, and the last change's evidence."""

    status: Status = "starting"
    run: int = 0
    evidence: str = "registered"
    #: It was removed for ill health and has registered again: one pass is not enough.
    probation: bool = False
    suspected: bool = False
    #: The last evidence, whether or not it changed anything.
    latest: str = field(default="", compare=False)

    @property
    def is_unwell(self) -> bool:
        """Whether the last probe failed and it gets no requests; on probation it may be starting."""
        return self.run == 0 and (self.status == "unhealthy" or self.probation)

    @property
    def told(self) -> str:
        """The evidence that the registry is told; empty for an instance that is only starting."""
        if self.status == "starting":
            return self.latest if self.is_unwell else ""
        return self.latest if self.is_unwell and self.latest else self.evidence

    @property
    def condition(self) -> Condition:
        return "suspected" if self.suspected else self.status


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of condition, at a Unix time in seconds."""

    at_s: float
    before: Condition
    after: Condition
    evidence: str


def step(health: Health, evidence: Evidence, thresholds: Thresholds) -> Health:
    """The health after one more piece of evidence; the same object where nothing changes."""
    if isinstance(evidence, Verdict):
        return replace(_judged(health, evidence, thresholds), latest=evidence.evidence)
    if isinstance(evidence, Heartbeats):
        return _beaten(health, evidence)
    if health.status != "healthy" or health.suspected:
        return health
    return replace(health, suspected=True, evidence=evidence.evidence, latest=evidence.evidence)


def _judged(health: Health, verdict: Verdict, thresholds: Thresholds) -> Health:
    if health.suspected and verdict.passed:
        return Health("healthy", 0, verdict.evidence)
    # The state that a result speaks for. On probation a failure only ends the run of passes.
    for_state = "healthy" if verdict.passed else "unhealthy"
    if health.status == for_state or (health.probation and not verdict.passed):
        return replace(health, run=0)
    run = health.run + 1
    needed = thresholds.fall
    if verdict.passed:
        first = health.status == "starting" and not health.probation
        needed = 1 if first else thresholds.rise
    if run < needed:
        return replace(health, run=run)
    return Health("healthy" if verdict.passed else "unhealthy", 0, verdict.evidence)


def _beaten(health: Health, heartbeats: Heartbeats) -> Health:
    if heartbeats.come and health.status == "starting" and not health.probation:
        return Health("healthy", 0, "heartbeats come", latest="heartbeats come")
    if not heartbeats.come and health.status == "healthy":
        return Health("starting", 0, "its lease lapsed", latest="its lease lapsed")
    return health


@dataclass(frozen=True, slots=True)
class ProbeTimes:
    """When an instance is probed; seconds."""

    interval_s: float = 5.0
    eager_interval_s: float = 0.1
    eager_for_s: float = 5.0
    #: The interval for a healthy instance that is suspected or has just failed a probe.
    doubtful_interval_s: float = 1.0
    #: A probe takes so long at most.
    timeout_s: float = 2.0


def next_probe_in_s(health: Health, age_s: float, times: ProbeTimes, jitter: float) -> float:
    """Seconds from the end of one probe to the next; `jitter` (0 to 1) spreads them by a tenth."""
    if health.status != "healthy" and age_s < times.eager_for_s:
        return min(times.eager_interval_s, times.interval_s)
    if health.status == "healthy" and (health.run or health.suspected):
        return min(times.doubtful_interval_s, times.interval_s)
    return times.interval_s * (0.95 + 0.1 * jitter)


#: So long after an instance has come, one of the workers must have judged it.
FIRST_VERDICT_WITHIN_S = 0.5


def overdue_after_s(
    health: Health, age_s: float, times: ProbeTimes, turn: int, *, is_judged: bool
) -> float:
    """Seconds after a sibling's last verdict at which the next one is overdue: two intervals and a probe.

    A sibling that says nothing for so long hangs. For an instance that nobody has judged yet it is less.
    `turn` is 1 for the first of those that wait. Each further one leaves those before it time for a probe:
    if all probed at once, one bad moment would count as several failures in a row.
    """
    takes_s = times.timeout_s if is_judged else min(times.timeout_s, FIRST_VERDICT_WITHIN_S)
    return 2 * next_probe_in_s(health, age_s, times, 1.0) + takes_s * (1.5 * turn - 0.5)
