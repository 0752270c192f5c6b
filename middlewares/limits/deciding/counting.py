"""The arithmetic of limits: an exact log of admissions in any window.

A stamp is rounded *up* to the resolution, and an admission counts until its stamp plus the window. So
no interval shorter than the window ever holds more than the limit. This is the twin of rate_limit.lua,
and the limiter of a worker that decides alone.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from middlewares.limits.deciding.asking import Ask
from middlewares.limits.deciding.decisions import ROOM, USED_UP, Decision, together
from middlewares.limits.deciding.policies import Policy


@dataclass(slots=True)
class _Admitted:
    stamp_us: int
    count: int


class SlidingLog:
    """The admissions of one client under one policy, oldest first; times are in microseconds."""

    __slots__ = ("_entries", "used")

    def __init__(self) -> None:
        self._entries: deque[_Admitted] = deque()
        self.used = 0

    def count(self, policy: Policy, now_us: int) -> None:
        """Drop the admissions that no longer count; `used` is then the number of the rest."""
        stamp_us, entries = _stamp(policy, now_us), self._entries
        while entries and entries[0].stamp_us + policy.window_us <= now_us:
            self.used -= entries.popleft().count
        if entries and entries[-1].stamp_us > stamp_us:
            # The clock was set back: all admissions are older than now, so they count from now on.
            entries.clear()
            entries.append(_Admitted(stamp_us, self.used))

    def charge(self, policy: Policy, now_us: int) -> None:
        """Count one more admission from now on."""
        stamp_us = _stamp(policy, now_us)
        if self._entries and self._entries[-1].stamp_us == stamp_us:
            self._entries[-1].count += 1
        else:
            self._entries.append(_Admitted(stamp_us, 1))
        self.used += 1

    def left(self, policy: Policy, now_us: int, limit: int) -> tuple[int, int]:
        """What remains, and the µs until that grows; not at the first entry's end if too many are used."""
        if not self._entries:
            return limit, 0
        makes_room = self._entries[0] if self.used <= limit else self._makes_room(limit)
        return max(0, limit - self.used), makes_room.stamp_us + policy.window_us - now_us

    def _makes_room(self, limit: int) -> _Admitted:
        used = self.used
        for one in self._entries:
            used -= one.count
            if used < limit:
                break
        return one


def _stamp(policy: Policy, now_us: int) -> int:
    return -(-now_us // policy.resolution_us) * policy.resolution_us


def decide(
    ask: Ask,
    logs: Sequence[SlidingLog],
    limits: Sequence[int],
    now_us: int,
    *,
    locally: bool = False,
) -> Decision:
    """Count all checks of an ask, then charge all; a refused ask changes nothing."""
    admitted = True
    for (policy, _), log, limit in zip(ask.checks, logs, limits, strict=True):
        log.count(policy, now_us)
        if log.used >= limit:
            admitted = ask.anyway
    decisions = []
    for check, log, limit in zip(ask.checks, logs, limits, strict=True):
        policy = check.policy
        if admitted and (ask.anyway or not policy.counts):
            log.charge(policy, now_us)
        remaining, next_in_us = log.left(policy, now_us, limit)
        why = ROOM if admitted or remaining else USED_UP
        decisions.append(Decision(check, why, remaining, next_in_us, limit, locally))
    return together(decisions)
