"""The arithmetic of rate limits: an exact log of admissions in any window, and what is told of it.

An admission counts from the moment it is stamped until its stamp, rounded *up* to the resolution,
plus the window: so no interval shorter than the window ever holds more than the limit. This is the
twin of rate_limit.lua and the limiter of a worker that is on its own.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

#: What clients are told in (draft-ietf-httpapi-ratelimit-headers-11), lower-case. In an upstream's
#: answer to a limited request they give way to ours.
LIMIT_FIELDS = frozenset([b"ratelimit-policy", b"ratelimit"])
#: Up to so many requests the log is exact to the millisecond; above, a window has so many steps.
EXACT_UP_TO = 500
#: A step is never longer: nobody shall be told to wait for more than the window and a second.
MOST_US = 1_000_000
#: In place of a limit, where a charge is made whatever there is room for.
NO_LIMIT = 2**53 - 1


@dataclass(frozen=True, eq=False)
class Policy:
    """At most `requests` in any interval of `window_us` microseconds; 0 requests: no limit.

    With `counts` it is answers with these statuses that are limited: a request is let in while there
    is room, and charged once its answer is known. Requests that are under way side by side may then
    go over the limit together.

    It stands in the key of every check, so it is compared by identity, which is quick. What is
    remembered of it goes with it.
    """

    name: str
    requests: int
    window_us: int
    counts: frozenset[int] = frozenset()

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

    @cached_property
    def argument(self) -> tuple[int, int, int, int]:
        """What rate_limit.lua is told of it; the last is 0 where an admission is not charged."""
        return self.requests, self.window_us, self.resolution_us, int(not self.counts)

    @cached_property
    def charged_anyway(self) -> tuple[int, int, int, int]:
        """The same for a charge that is made whatever there is room for."""
        return NO_LIMIT, self.window_us, self.resolution_us, 1

    @cached_property
    def item(self) -> bytes:
        """Its name as an item of the fields."""
        return f'"{self.name}"'.encode("ascii")

    @cached_property
    def described(self) -> bytes:
        """Its element in RateLimit-Policy."""
        return b"%b;q=%d;w=%d" % (self.item, self.requests, self.window_s)


class Check(NamedTuple):
    """May `client` have one more request under `policy`?"""

    policy: Policy
    client: str


class Ask(NamedTuple):
    """The checks of one request, each of another policy: all of them admit it, or none is charged.

    `anyway`: they are charged whatever there is room for, since the answer is known.
    """

    checks: tuple[Check, ...]
    anyway: bool = False

    def after(self, status: int) -> "Ask | None":
        """What an answer with this status is charged to."""
        checks = tuple(check for check in self.checks if status in check.policy.counts)
        return Ask(checks, anyway=True) if checks else None


class Why(Enum):
    """Why a check admits a request, or refuses it."""

    ROOM = "there is room"
    USED_UP = "the limit is used up"
    STILL_USED_UP = "the limit was used up when it was last asked, and can't have room yet"


class Decision(NamedTuple):
    """What came of a check; of several the one that decided, with the `others` beside it.

    That is the one with the least left, and of those that refuse the one that does so for longest.
    `remaining` after this decision; `next_in_us` until `remaining` next grows (0: nothing counts).
    `locally`: decided by this worker alone, since the registry was away; `limit` is its share then.
    """

    check: Check
    why: Why
    remaining: int
    next_in_us: int
    limit: int
    locally: bool = False
    others: "tuple[Decision, ...]" = ()

    @property
    def policy(self) -> Policy:
        return self.check.policy

    @property
    def allowed(self) -> bool:
        return self.why is Why.ROOM

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


def arguments(asked: Sequence[tuple[Ask, int]]) -> list[int]:
    """What rate_limit.lua is told of asks and how many requests ask each, beside the keys."""
    told: list[int] = []
    for (checks, anyway), asking in asked:
        told += (len(checks), asking)
        for policy, _ in checks:
            told += policy.charged_anyway if anyway else policy.argument
    return told


def spread(ask: Ask, asking: int, reply: Sequence[Any]) -> list[Decision]:
    """The decisions on `asking` requests that were decided together; the admitted ones come first.

    `reply` is what rate_limit.lua says: how many are admitted, then for each check what remains after
    all of them, and when that grows.
    """
    admitted, left = reply[0], reply[1:]
    if len(ask.checks) == 1:
        (check,) = ask.checks
        if admitted == asking == 1:  # the quick way for nearly all there are
            return [Decision(check, Why.ROOM, left[0], int(left[1]), check.policy.requests)]
        return _of_check(check, asking, admitted, *left)
    of_checks = [
        _of_check(check, asking, admitted, *left[2 * i : 2 * i + 2])
        for i, check in enumerate(ask.checks)
    ]
    return [_together(decisions) for decisions in zip(*of_checks, strict=True)]


def _of_check(
    check: Check, asking: int, admitted: int, remaining: int, next_in: str
) -> list[Decision]:
    next_in_us = int(next_in)
    limit, room = check.policy.requests, Why.ROOM
    each = 0 if check.policy.counts else 1
    decided = [
        Decision(check, room, remaining + behind * each, next_in_us, limit)
        for behind in range(admitted - 1, -1, -1)
    ]
    if admitted < asking:
        why = Why.ROOM if remaining else Why.USED_UP
        decided += [Decision(check, why, remaining, next_in_us, limit)] * (asking - admitted)
    return decided


def _together(decisions: Sequence[Decision]) -> Decision:
    """The one that decides, with the others beside it."""
    refusing = [one for one in decisions if not one.allowed]
    if refusing:
        deciding = max(refusing, key=lambda one: one.next_in_us)
    else:
        deciding = min(decisions, key=lambda one: one.remaining)
    return deciding._replace(others=tuple(one for one in decisions if one is not deciding))


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

    def count(self, policy: Policy, now_us: int) -> None:
        """Drop what counts no longer: `used` is then what does."""
        stamp_us, entries = _stamp(policy, now_us), self._entries
        while entries and entries[0].stamp_us + policy.window_us <= now_us:
            self.used -= entries.popleft().count
        if entries and entries[-1].stamp_us > stamp_us:
            # The clock was set back: all of it was admitted before now, so it counts from now on.
            entries.clear()
            entries.append(_Admitted(stamp_us, self.used))

    def charge(self, policy: Policy, now_us: int) -> None:
        """One more is admitted, and counted from now on."""
        stamp_us = _stamp(policy, now_us)
        if self._entries and self._entries[-1].stamp_us == stamp_us:
            self._entries[-1].count += 1
        else:
            self._entries.append(_Admitted(stamp_us, 1))
        self.used += 1

    def left(self, policy: Policy, now_us: int, limit: int) -> tuple[int, int]:
        """What remains, and us until that grows: where more is used than the limit, not with the first entry."""
        if not self._entries:
            return limit, 0
        return max(0, limit - self.used), self._grows_us(policy, limit) - now_us

    def _grows_us(self, policy: Policy, limit: int) -> int:
        used = self.used
        for one in self._entries:
            used -= one.count
            if used < limit:
                break
        return one.stamp_us + policy.window_us


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
    """Count all of an ask's checks, then charge all; a refused one leaves no trace."""
    for check, log in zip(ask.checks, logs, strict=True):
        log.count(check.policy, now_us)
    admitted = ask.anyway or all(log.used < limit for log, limit in zip(logs, limits, strict=True))
    for check, log in zip(ask.checks, logs, strict=True):
        if admitted and (ask.anyway or not check.policy.counts):
            log.charge(check.policy, now_us)
    decisions = []
    for check, log, limit in zip(ask.checks, logs, limits, strict=True):
        remaining, next_in_us = log.left(check.policy, now_us, limit)
        why = Why.ROOM if admitted or remaining else Why.USED_UP
        decisions.append(Decision(check, why, remaining, next_in_us, limit, locally))
    return _together(decisions)


class LocalLimiter:
    """One worker on its own: a log for each client, the least recently seen ones dropped at a cap."""

    def __init__(self, clients_kept: int = 100_000) -> None:
        self._logs: OrderedDict[tuple[str, str], SlidingLog] = OrderedDict()
        self._clients_kept = clients_kept

    def decide(self, ask: Ask, now_us: int, workers: int) -> Decision:
        """Decide by this worker's fair share: max(1, limit // workers)."""
        logs = [self._log_of(check) for check in ask.checks]
        limits = [max(1, check.policy.requests // max(1, workers)) for check in ask.checks]
        return decide(ask, logs, limits, now_us, locally=True)

    def _log_of(self, check: Check) -> SlidingLog:
        # By the policy's name: what was admitted counts under the next one of that name too.
        key = (check.policy.name, check.client)
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = SlidingLog()
            if len(self._logs) > self._clients_kept:
                self._logs.popitem(last=False)
        self._logs.move_to_end(key)
        return log
