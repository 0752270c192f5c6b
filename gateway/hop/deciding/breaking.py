"""Whether a service gets requests at all: a circuit breaker as a state machine.

    closed     --of LEAST_ATTEMPTS or more within RECENT_S, or within WINDOW_S,
                 SHARE failed, and so at each instance that was asked-->            open
    open       --2^(n-1) `open_for_s` have passed, MOST_OPEN_S at most-->           half open
    half open  --FAILS trials fail-->                                               open, n + 1
    half open  --PASSES trials are answered well before that-->                     returning
    returning  --SHARE of LEAST_RETURNED or more failed-->                          open, n + 1
    returning  --all of the usual load is let in, and none was refused for
                 QUIET_S-->                                                         closed

Half open, one trial at a time is let in; one that can't be repeated only if none that can has come for
REPEATABLE_WITHIN_S. Returning, requests are let in at a growing rate: from FIRST_SHARE of what was usual
to MOST_SHARE after twice `open_for_s`. That is held for HELD_S, in which those who were refused come back, and
grows again after that, because more may have become usual. Usual is what came in the busiest second of the
window, or in the first MEASURED_S after it opened, when nobody comes back yet. What was sent before a change of
state says nothing about the new state. n is the number of openings in a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from gateway.hop.deciding.rolling import RECENT_S, WINDOW_S, Rolling

State = Literal["closed", "open", "half_open", "returning"]

SHARE = 0.5
LEAST_ATTEMPTS = 20
LEAST_RETURNED = 10
PASSES = 5
FAILS = 3
MOST_OPEN_S = 60.0
REPEATABLE_WITHIN_S = 1.0
#: A trial that is not answered for so long, perhaps because its client left, is followed by another.
TRIAL_S = 5.0
FIRST_SHARE = 0.1
#: A little more than usual, so that the clients that come back are served in the end.
MOST_SHARE = 1.15
HELD_S = 300.0
#: After that, MOST_SHARE grows by itself in so many seconds.
DOUBLES_IN_S = 100.0
QUIET_S = 1.0
#: A service with few requests gets so many a second while it returns.
LEAST_PER_S = 20.0
MEASURED_S = 1.0
#: As many seconds' worth of requests may come at once.
_BURST_S = 0.04


@dataclass(slots=True)
class Circuit:
    """The state of a service's breaker; times are monotonic seconds, 0 is never."""

    state: State = "closed"
    #: Openings in a row.
    n: int = 0
    since_s: float = 0.0
    open_until_s: float = 0.0
    evidence: str = ""
    trial_s: float = 0.0
    passes: int = 0
    #: What comes when it is closed, requests a second; and what has come since it opened, for a while.
    usual_per_s: float = 0.0
    came: int = 0
    returned: int = 0
    failed: int = 0
    room: float = 0.0
    room_s: float = 0.0
    refused_s: float = 0.0


def admit(circuit: Circuit, now_s: float, open_for_s: float, *, repeatable: bool) -> int:
    """Let a request in (0), or say after how many whole seconds another may be sent."""
    if circuit.state == "open":
        if now_s < circuit.open_until_s:
            circuit.came += circuit.n == 1 and now_s < circuit.since_s + MEASURED_S
            return ceil(circuit.open_until_s - now_s)
        measured_s = min(MEASURED_S, circuit.open_until_s - circuit.since_s)
        circuit.usual_per_s = max(circuit.usual_per_s, circuit.came / measured_s)
        _enter(circuit, "half_open", now_s)
        circuit.passes, circuit.failed, circuit.trial_s = 0, 0, 0.0
    if circuit.state == "half_open":
        return _try(circuit, now_s, repeatable=repeatable)
    if circuit.state == "returning":
        return _return(circuit, now_s, open_for_s)
    return 0


def ended(circuit: Circuit, began_s: float, failure: str, now_s: float, open_for_s: float) -> None:
    """Take in how an attempt ended, `failure` as in Ending, while the circuit is not closed."""
    if began_s < circuit.since_s:
        return
    if circuit.state == "half_open":
        circuit.trial_s = 0.0
        circuit.failed += bool(failure)
        circuit.passes += not failure
        if circuit.failed >= FAILS:
            said = f"{FAILS} of {FAILS + circuit.passes} trials failed, the last: {failure}"
            _open(circuit, said, now_s, open_for_s)
        elif circuit.passes >= PASSES:
            _enter(circuit, "returning", now_s)
            circuit.evidence = f"{PASSES} of {PASSES + circuit.failed} trials were answered well"
            circuit.returned = circuit.failed = 0
            circuit.room, circuit.room_s, circuit.refused_s = 1.0, now_s, now_s
    elif circuit.state == "returning":
        circuit.returned += 1
        circuit.failed += bool(failure)
        if circuit.returned >= LEAST_RETURNED and circuit.failed >= SHARE * circuit.returned:
            said = f"{circuit.failed} of {circuit.returned} requests failed as it returned"
            _open(circuit, f"{said}, the last: {failure}", now_s, open_for_s)


def said_nothing(circuit: Circuit, began_s: float) -> None:
    """Take in that an attempt ended that says nothing of the service, such as one that its client gave up.

    If it was the trial, another may follow at once: else whoever sends such requests keeps the others out.
    """
    if circuit.state == "half_open" and began_s >= circuit.since_s:
        circuit.trial_s = 0.0


def trip(
    circuit: Circuit,
    windows: Sequence[Rolling],
    failure: str,
    usual_per_s: float,
    now_s: float,
    open_for_s: float,
) -> bool:
    """Open a closed circuit if the service fails as a whole.

    `windows` are those of its instances, rolled; `failure` is the last one.
    """
    for within_s, counts in (
        (RECENT_S, [one.recent() for one in windows]),
        (WINDOW_S, [(one.attempts, one.failures) for one in windows]),
    ):
        asked = [one for one in counts if one[0]]
        attempts, failures = sum(one[0] for one in asked), sum(one[1] for one in asked)
        if attempts < LEAST_ATTEMPTS or any(failed < SHARE * n for n, failed in asked):
            continue
        circuit.n = circuit.came = 0
        circuit.usual_per_s = max(usual_per_s, LEAST_PER_S)
        where = f"at all {len(asked)} instances" if len(asked) > 1 else "at the one that was asked"
        said = f"{failures} of {attempts} requests failed within {within_s:g} s, {where}"
        _open(circuit, f"{said}, the last: {failure}", now_s, open_for_s)
        return True
    return False


def share_let_in(circuit: Circuit, now_s: float, open_for_s: float) -> float:
    """The share of the usual load that is let in now, while it returns."""
    since_s, grows_s = now_s - circuit.since_s, 2 * open_for_s
    if since_s < grows_s:
        return FIRST_SHARE + (MOST_SHARE - FIRST_SHARE) * since_s / grows_s
    return MOST_SHARE * (1.0 + max(0.0, since_s - grows_s - HELD_S) / DOUBLES_IN_S)


def _try(circuit: Circuit, now_s: float, *, repeatable: bool) -> int:
    if circuit.trial_s and now_s < circuit.trial_s + TRIAL_S:
        return 1
    if not repeatable and now_s < circuit.since_s + REPEATABLE_WITHIN_S:
        return 1
    circuit.trial_s = now_s
    return 0


def _return(circuit: Circuit, now_s: float, open_for_s: float) -> int:
    share = share_let_in(circuit, now_s, open_for_s)
    if share >= 1.0 and now_s >= circuit.refused_s + QUIET_S:
        _enter(circuit, "closed", now_s)
        circuit.n, circuit.evidence = 0, "the usual load was answered well"
        return 0
    per_s = circuit.usual_per_s * share
    gained = (now_s - circuit.room_s) * per_s
    circuit.room = min(circuit.room + gained, max(1.0, per_s * _BURST_S))
    circuit.room_s = now_s
    if circuit.room < 1.0:
        circuit.refused_s = now_s
        return 1
    circuit.room -= 1.0
    return 0


def _open(circuit: Circuit, evidence: str, now_s: float, open_for_s: float) -> None:
    circuit.n += 1
    _enter(circuit, "open", now_s)
    circuit.open_until_s = now_s + min(open_for_s * 2 ** min(circuit.n - 1, 10), MOST_OPEN_S)
    circuit.evidence = evidence


def _enter(circuit: Circuit, state: State, now_s: float) -> None:
    circuit.state, circuit.since_s = state, now_s
