"""Whether an instance gets requests, by what real requests say of it: a state machine.

    in        --`failures` failures in a row-->                                     out
    in        --`rate` of LEAST_ATTEMPTS or more within the window failed-->        out
    in        --its typical answer is late by `latency`, LEAST_LATER_S at least-->  out
    out       --n `eject_s` have passed, MOST_S at most-->                          on trial
    on trial  --PASSES trials in a row are answered well-->                         in
    on trial  --a trial fails or is late-->                                         out, n + 1

"In a row" means reset by the opposite result. n counts ejections in a row: it begins anew when the
instance has been in for as long as it was out. A trial is one request: there is no second one beside it,
nor beside one from before, unless that has had no answer for UNANSWERED_S. One that can't be repeated is
taken only if none that can has come for REPEATABLE_WITHIN_S. What was sent before a change of state says
nothing about the new state. Probes have no part in this. An answer whose body breaks off was good until
then: it counts for the rate, and as a failed trial. An instance stays in, whatever it does, while there
is no room among its siblings (`room`).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.hop.deciding.rolling import Rolling
from middlewares.routing.policy import Outliers

#: A rate of failures counts from so many attempts within the window.
LEAST_ATTEMPTS = 20
#: A typical time counts from so many answers within the window, of the instance and of its siblings.
LEAST_ANSWERS = 5
#: Answers are late only by so much: 1 ms against 6 ms is none.
LEAST_LATER_S = 0.1
MOST_S = 300.0
PASSES = 5
REPEATABLE_WITHIN_S = 5.0
#: A slow upload, or a poll, from before the ejection may be without an answer for as long as its client likes.
UNANSWERED_S = 30.0


class Ending(NamedTuple):
    """How an attempt ended; times are monotonic seconds.

    `failure` is the evidence, empty for a good answer. `took_s` is the time to the answer's head; None if
    it says nothing of the instance.
    """

    began_s: float
    failure: str = ""
    took_s: float | None = None


class Change(NamedTuple):
    """An ejection, the `n`-th in a row for `out_s`, or with n = 0 a readmission; and why."""

    n: int
    evidence: str
    out_s: float = 0.0


@dataclass(slots=True)
class Standing:
    """What is known of an instance; times are monotonic seconds, 0 is never."""

    window: Rolling = field(default_factory=Rolling)
    #: Failures and good answers in a row; one of the two is 0.
    failed_run: int = 0
    good_run: int = 0
    failed_s: float = 0.0
    #: When a kept connection last ended under a request: no failure, and perhaps more to come.
    ended_s: float = 0.0
    #: What the last failure was.
    failure: str = ""
    #: Requests that wait for an answer's head, those among them whose body is still on its way from the
    #: client or may be, and since when no answer has come.
    waiting: int = 0
    uploads: int = 0
    waiting_since_s: float = 0.0
    #: Late answers, and requests that were risked although it is late, since the last timely answer.
    lates: int = 0
    risked_s: float = 0.0
    is_out: bool = False
    #: Ejections in a row.
    n: int = 0
    since_s: float = 0.0
    out_until_s: float = 0.0
    evidence: str = ""
    passes: int = 0
    last_trial_s: float = 0.0


def step(
    standing: Standing,
    ending: Ending,
    rules: Outliers,
    late_after_s: float | None,
    *,
    room: bool,
    now_s: float,
) -> Change | None:
    """Take in how an attempt ended, and change the standing.

    `late_after_s` is when an answer is late (None: nothing is known of the siblings).
    """
    took_s = ending.took_s
    is_late = took_s is not None and late_after_s is not None and took_s > late_after_s
    standing.waiting_since_s = now_s
    if ending.began_s < standing.since_s:
        return None
    _count(standing, ending, is_late=is_late, now_s=now_s)
    if standing.is_out:
        if ending.began_s < standing.out_until_s:
            return None  # nobody else was there
        if ending.failure or is_late:
            said = ending.failure or f"answered after {took_s:.2f} s"
            return _eject(standing, f"a trial failed: {said}", rules, now_s)
        standing.passes += 1
        if standing.passes < PASSES:
            return None
        return _readmit(standing, f"{PASSES} trials in a row were answered well", now_s)
    if not room or not (ending.failure or is_late):
        return None
    why = reason(standing, rules, late_after_s)
    return _eject(standing, why, rules, now_s) if why else None


def broke_off(
    standing: Standing, began_s: float, failure: str, rules: Outliers, *, room: bool, now_s: float
) -> Change | None:
    """Take in that the body of an answer broke off, which has been taken in as a good one."""
    if began_s < standing.since_s and not standing.is_out:
        return None
    standing.window.note_failed(now_s)
    standing.good_run = 0
    standing.failed_s, standing.failure = now_s, failure
    if standing.is_out:
        if began_s < standing.out_until_s:
            return None
        return _eject(standing, f"a trial failed: {failure}", rules, now_s)
    why = reason(standing, rules, None) if room else ""
    return _eject(standing, why, rules, now_s) if why else None


def reason(standing: Standing, rules: Outliers, late_after_s: float | None) -> str:
    """Why the instance should be out, in words; empty: it should not. The window is rolled."""
    window, last = standing.window, standing.failure
    if rules.failures and standing.failed_run >= rules.failures:
        return f"{standing.failed_run} requests in a row failed, the last: {last}"
    attempts, failures = window.attempts, window.failures
    if rules.rate and attempts >= LEAST_ATTEMPTS and failures >= rules.rate * attempts:
        return f"{failures} of {attempts} requests failed within 10 s, the last: {last}"
    if rules.latency and late_after_s is not None and window.timed >= LEAST_ANSWERS:
        typical_s = window.typical_s
        if typical_s > late_after_s:
            return f"it answers after {typical_s:.2f} s, typically; its siblings are quicker"
    return ""


def late_after(siblings: tuple[float, int], times: float, least_s: float) -> float | None:
    """When an answer is late, for siblings with this typical time of so many answers; None: never."""
    typical_s, answers = siblings
    if answers < LEAST_ANSWERS or not times:
        return None
    return max(typical_s * times, typical_s + least_s)


def room(instances: int, out: int, most: float) -> bool:
    """Whether one more of the instances that pass their probes may be out: never the last one."""
    return out + 1 < instances and out + 1 <= max(1.0, most * instances)


def may_try(standing: Standing, now_s: float, *, repeatable: bool) -> bool:
    """Whether a request may be a trial now. The caller sends it, and it counts as the last trial."""
    if not standing.is_out or now_s < standing.out_until_s:
        return False
    last_s = max(standing.out_until_s, standing.last_trial_s)
    if standing.waiting and now_s < last_s + UNANSWERED_S:
        return False
    if not repeatable and now_s < last_s + REPEATABLE_WITHIN_S:
        return False
    standing.last_trial_s = now_s
    return True


def answered_well(standing: Standing, now_s: float, took_s: float | None) -> None:
    """Take in a good answer in time; for an instance that is in, this is all of `step`."""
    standing.window.note(now_s, failed=False, took_s=took_s)
    standing.waiting_since_s = now_s
    standing.good_run += 1
    standing.failed_run = 0
    if standing.lates and took_s is not None:
        standing.lates = 0


def _count(standing: Standing, ending: Ending, *, is_late: bool, now_s: float) -> None:
    if ending.failure:
        standing.window.note(now_s, failed=True, took_s=ending.took_s)
        standing.failed_run += 1
        standing.good_run = 0
        standing.failed_s = now_s
        standing.failure = ending.failure
    elif is_late:
        standing.window.note(now_s, failed=False, took_s=ending.took_s)
        standing.good_run += 1
        standing.failed_run = 0
    else:
        answered_well(standing, now_s, ending.took_s)
    standing.lates += is_late


def _eject(standing: Standing, evidence: str, rules: Outliers, now_s: float) -> Change:
    was_out_s = standing.out_until_s - standing.since_s
    if not standing.is_out and now_s - standing.since_s >= max(was_out_s, rules.eject_s):
        standing.n = 0
    standing.n += 1
    out_s = min(rules.eject_s * standing.n, MOST_S)
    standing.is_out, standing.passes = True, 0
    standing.since_s, standing.out_until_s = now_s, now_s + out_s
    standing.evidence = evidence
    standing.window.clear()
    return Change(standing.n, evidence, out_s)


def _readmit(standing: Standing, evidence: str, now_s: float) -> Change:
    # It keeps for how long it was out, which says when n begins anew.
    standing.out_until_s = now_s + (standing.out_until_s - standing.since_s)
    standing.since_s = now_s
    standing.is_out, standing.passes = False, 0
    standing.evidence = evidence
    return Change(0, evidence)
