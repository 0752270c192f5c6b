"""The arithmetic of rate limits: an exact log of admissions in any window, and what is told of it.

An admission counts from the moment it is stamped until its stamp, rounded *up* to the resolution,
plus the window: so no interval shorter than the window ever holds more than the limit. This is the
twin of rate_limit.lua and the limiter of a worker that is on its own.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import NamedTuple

#: What clients are told in (draft-ietf-httpapi-ratelimit-headers-11), lower-case. In an upstream's
#: answer to a limited request they give way to ours.
LIMIT_FIELDS = frozenset([b"ratelimit-policy", b"ratelimit"])
#: Up to so many requests the log is exact to the millisecond; above, a window has so many steps.
EXACT_UP_TO = 500
#: A step is never longer: nobody shall be told to wait for more than the window and a second.
MOST_US = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """At most `requests` in any interval of `window_us` microseconds; 0 requests: no limit.

    It stands in the key of every check, so it is compared by identity, which is quick.
    """

    name: str
    requests: int
    window_us: int

    @property
    def window_s(self) -> int:
        """The window in whole seconds, rounded up, as clients are told."""
        return -(-self.window_us // 1_000_000)

    @property
    def resolution_us(self) -> int:
        """The step that stamps are rounded up to, microseconds."""
        if self.requests <= EXACT_UP_TO:
            return 1000
        return min(MOST_US, max(1000, -(-self.window_us // EXACT_UP_TO)))


class Check(NamedTuple):
    """May `client` have one more request under `policy`?"""

    policy: Policy
    client: str


class Decision(NamedTuple):
    """`remaining` after this decision; `next_in_us` until `remaining` next grows (0: nothing counts).

    `locally`: decided by this worker alone, since the registry was away; `limit` is its share then.
    """

    policy: Policy
    allowed: bool
    remaining: int
    next_in_us: int
    limit: int
    locally: bool = False

    @property
    def reset_s(self) -> int:
        """What an admitted client is told: whole seconds, rounded up, until `remaining` next grows.

        Never more than the window: of 60 s, 61 were told for the part of a millisecond by which its
        own stamp is rounded up.
        """
        return min(self._left_s, self.policy.window_s)

    @property
    def retry_after_s(self) -> int:
        """What a refused client is told to wait, 1 to the window + 1 seconds."""
        return max(1, self._left_s)

    @property
    def _left_s(self) -> int:
        return -(-self.next_in_us // 1_000_000)


def spread(
    policy: Policy, asking: int, admitted: int, remaining: int, next_in_us: int
) -> list[Decision]:
    """The decisions on `asking` requests that were decided together; the admitted ones come first.

    `remaining` is what is left after all of them.
    """
    refused = Decision(policy, False, remaining, next_in_us, policy.requests)
    return [
        Decision(policy, True, remaining + behind, next_in_us, policy.requests)
        for behind in range(admitted - 1, -1, -1)
    ] + [refused] * (asking - admitted)


@dataclass(slots=True)
class _Admitted:
    stamp_us: int
    count: int


class SlidingLog:
    """The admissions of one client under one policy, oldest first; times are microseconds."""

    __slots__ = ("_entries", "used")

    def __init__(self) -> None:
        self._entries: deque[_Admitted] = deque()
        self.used = 0

    def decide(self, policy: Policy, now_us: int, limit: int | None = None) -> Decision:
        """Admit one request, or refuse it; a refused one leaves no trace."""
        limit = policy.requests if limit is None else limit
        stamp_us = -(-now_us // policy.resolution_us) * policy.resolution_us
        self._trim(policy, now_us, stamp_us)
        allowed = self.used < limit
        if allowed:
            if self._entries and self._entries[-1].stamp_us == stamp_us:
                self._entries[-1].count += 1
            else:
                self._entries.append(_Admitted(stamp_us, 1))
            self.used += 1
        next_in_us = 0
        if self._entries:
            next_in_us = self._entries[0].stamp_us + policy.window_us - now_us
        return Decision(policy, allowed, max(0, limit - self.used), next_in_us, limit)

    def _trim(self, policy: Policy, now_us: int, stamp_us: int) -> None:
        entries = self._entries
        while entries and entries[0].stamp_us + policy.window_us <= now_us:
            self.used -= entries.popleft().count
        if entries and entries[-1].stamp_us > stamp_us:
            # The clock was set back: all of it was admitted before now, so it counts from now on.
            entries.clear()
            entries.append(_Admitted(stamp_us, self.used))


class LocalLimiter:
    """One worker on its own: a log for each client, the least recently seen ones dropped at a cap."""

    def __init__(self, clients_kept: int = 100_000) -> None:
        self._logs: OrderedDict[tuple[str, str], SlidingLog] = OrderedDict()
        self._clients_kept = clients_kept

    def decide(self, check: Check, now_us: int, workers: int) -> Decision:
        """Decide by this worker's fair share: max(1, limit // workers)."""
        key = (check.policy.name, check.client)
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = SlidingLog()
            if len(self._logs) > self._clients_kept:
                self._logs.popitem(last=False)
        self._logs.move_to_end(key)
        share = max(1, check.policy.requests // max(1, workers))
        decision = log.decide(check.policy, now_us, share)
        return Decision(
            check.policy, decision.allowed, decision.remaining, decision.next_in_us, share, True
        )
