"""The health of one instance as one gateway sees it: a state machine that eats verdicts of probes.

    starting  --first pass-->                     healthy     (on probation: `rise` passes in a row)
    starting  --`fall` failures in a row-->       unhealthy
    healthy   --`fall` failures in a row-->       unhealthy
    unhealthy --`rise` passes in a row-->         healthy

"In a row" means reset by the opposite result. Every change of state carries its evidence.
"""

from dataclasses import dataclass, replace

from discovery.view import Status


@dataclass(frozen=True, slots=True)
class Thresholds:
    """HEALTH_FALL and HEALTH_RISE."""

    fall: int = 3
    rise: int = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one probe says; `evidence` is for people: "200", "503", "connect failed: refused"."""

    passed: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Health:
    """A state, how many results in a row speak for leaving it, and the evidence of the last change."""

    status: Status = "starting"
    run: int = 0
    evidence: str = "registered"
    #: It was removed for ill health and has registered again: one pass is not enough.
    probation: bool = False


def step(health: Health, verdict: Verdict, thresholds: Thresholds) -> Health:
    """The health after one more verdict."""
    # The state that a result speaks for; on probation a failure changes nothing but the run of passes.
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


@dataclass(frozen=True, slots=True)
class ProbeTimes:
    """When an instance is probed; seconds."""

    interval_s: float = 5.0
    eager_interval_s: float = 0.1
    eager_for_s: float = 5.0


def next_probe_in_s(health: Health, age_s: float, times: ProbeTimes, jitter: float) -> float:
    """Seconds from the end of one probe to the next; `jitter` is 0 to 1 and spreads them by a tenth."""
    if health.status != "healthy" and age_s < times.eager_for_s:
        return min(times.eager_interval_s, times.interval_s)
    return times.interval_s * (0.95 + 0.1 * jitter)
