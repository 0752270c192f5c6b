"""Whether a request prefers another instance than the chosen one, by fresh evidence that ejects nobody.

    a kept connection   that ended under a request, which could not be repeated: others like it go
                        elsewhere for DOUBTED_S, since the next kept connection may end as well
    a failure           requests that can't be repeated go elsewhere for DOUBTED_S, and until CLEAN_RUN good
                        answers in a row have come or DOUBTED_AT_MOST_S have passed
    lateness            no answer for so long, or a late one: all requests go elsewhere until a timely answer;
                        after a pause, which doubles with each late answer and each try, one that can be
                        repeated goes there as a trial

Nobody is avoided while too few are left that nothing speaks against: then the service as a whole fails, or
is slow, and the others would get too much.
"""

from gateway.hop.deciding.ejecting import REPEATABLE_WITHIN_S, Standing

DOUBTED_S = 1.0
DOUBTED_AT_MOST_S = 10.0
CLEAN_RUN = 20
#: An answer is late for a request that can't be repeated by less than for others: it costs nothing.
LEAST_LATER_S = 0.02
FIRST_PAUSE_S = 0.2
MOST_PAUSE_S = 5.0
_MOST_DOUBLINGS = 5


def doubt(standing: Standing, now_s: float, late_after_s: float | None, *, repeatable: bool) -> str:
    """Why a request should prefer other instances; empty: nothing speaks against this one."""
    if not repeatable and _has_failed(standing, now_s):
        return f"a request failed {now_s - standing.failed_s:.1f} s ago: {standing.failure}"
    if not repeatable and standing.ended_s and now_s - standing.ended_s < DOUBTED_S:
        return f"a connection ended {now_s - standing.ended_s:.1f} s ago"
    if is_late(standing, now_s, late_after_s):
        resumed_s = _resumed_s(standing)
        if now_s < (resumed_s if repeatable else resumed_s + REPEATABLE_WITHIN_S):
            return f"no timely answer for {now_s - standing.waiting_since_s:.2f} s"
    return ""


def is_late(standing: Standing, now_s: float, late_after_s: float | None) -> bool:
    """Whether its last answer was late, or the requests that wait have waited for long."""
    if standing.lates:
        return True
    return (
        late_after_s is not None
        and standing.waiting > standing.uploads
        and now_s - standing.waiting_since_s > late_after_s
    )


def risk(standing: Standing, now_s: float) -> None:
    """Note that a request goes to an instance that is late; the next pause is twice as long."""
    standing.risked_s = now_s
    standing.lates += 1


def enough(clean: int, candidates: int, most: float) -> bool:
    """Whether so many instances can take the requests of all candidates."""
    return clean > 0 and clean >= (1.0 - most) * candidates


def _has_failed(standing: Standing, now_s: float) -> bool:
    if not standing.failed_s:
        return False
    ago_s = now_s - standing.failed_s
    return ago_s < DOUBTED_S or (standing.good_run < CLEAN_RUN and ago_s < DOUBTED_AT_MOST_S)


def _resumed_s(standing: Standing) -> float:
    """When a request may be risked although it is late."""
    pause_s = min(FIRST_PAUSE_S * (1 << min(standing.lates, _MOST_DOUBLINGS)), MOST_PAUSE_S)
    return max(standing.waiting_since_s, standing.risked_s) + pause_s
