"""The arithmetic of rate limits: an exact log of admissions in any window, and what clients are told.

A stamp is rounded *up* to the resolution, and an admission counts until its stamp plus the window. So
no interval shorter than the window ever holds more than the limit. This is the twin of rate_limit.lua,
and the limiter of a worker that decides alone.
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Literal, NamedTuple

from middlewares.hygiene.deciding import FieldLine

#: The fields that tell clients their limits (draft-ietf-httpapi-ratelimit-headers-11), lower-case. On a
#: limited route ours replace those of an upstream.
LIMIT_FIELDS = frozenset([b"ratelimit-policy", b"ratelimit"])
#: Up to this limit the log is exact to the millisecond; above it, a window has this many steps.
EXACT_UP_TO = 500
#: The longest step, so that nobody is told to wait for longer than the window and a second.
MOST_US = 1_000_000
#: Replaces the limit in a charge that is made even without room.
NO_LIMIT = 2**53 - 1

#: The limit that every gateway has: RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW make it.
DEFAULT_POLICY = "default"
#: Whose requests are counted together.
By = Literal["client", "service", "route", "everyone", "header"]


@dataclass(frozen=True, eq=False)
class Policy:
    """At most `requests` in any interval of `window_us` microseconds; 0 requests: no limit.

    `by` says whose requests are counted together: a client's, those for a service, those of a route,
    everyone's, or those with the same value of the field `header`, which is in lower case.

    With `counts`, answers with these statuses are limited: a request is admitted while there is room,
    and charged once its answer is known. Concurrent requests may then exceed the limit together.

    A policy is part of every check's key, so it is compared by identity, which is quick. What is
    remembered about a policy is forgotten with it.
    """

    name: str
    requests: int
    window_us: int
    counts: frozenset[int] = frozenset()
    by: By = "client"
    header: bytes = b""

    @cached_property
    def window_s(self) -> int:
        """The window that clients are told, in whole seconds, rounded up."""
        return -(-self.window_us // 1_000_000)

    @cached_property
    def resolution_us(self) -> int:
        """The step that stamps are rounded up to, in microseconds."""
        if self.requests <= EXACT_UP_TO:
            return 1000
        return min(MOST_US, max(1000, -(-self.window_us // EXACT_UP_TO)))

    @cached_property
    def argument(self) -> tuple[int, int, int, int]:
        """The policy's arguments for rate_limit.lua; the last is 0 if an admission is not charged."""
        return self.requests, self.window_us, self.resolution_us, int(not self.counts)

    @cached_property
    def charged_anyway(self) -> tuple[int, int, int, int]:
        """The policy's arguments for a charge that is made even without room."""
        return NO_LIMIT, self.window_us, self.resolution_us, 1

    @cached_property
    def item(self) -> bytes:
        """The policy's name as an item of the fields."""
        return f'"{self.name}"'.encode("ascii")

    @cached_property
    def described(self) -> bytes:
        """The policy's element in RateLimit-Policy."""
        return b"%b;q=%d;w=%d" % (self.item, self.requests, self.window_s)


class Check(NamedTuple):
    """The question whether those who share a `key` may have one more request under `policy`."""

    policy: Policy
    key: str


class Ask(NamedTuple):
    """The checks of one request, each with another policy: either all admit it or none is charged.

    `anyway`: the checks are charged even without room, since the answer is known.
    """

    checks: tuple[Check, ...]
    anyway: bool = False

    def after(self, status: int) -> "Ask | None":
        """The ask that charges an answer with this status."""
        checks = tuple(check for check in self.checks if status in check.policy.counts)
        return Ask(checks, anyway=True) if checks else None


class Asking(NamedTuple):
    """Whose request it is: the client's key, its service and route, and the request's fields."""

    client: str
    service: str
    route: str
    fields: Sequence[FieldLine]


def key_of(policy: Policy, asking: Asking) -> str:
    """The key that a request is counted by; no client can choose one of another kind.

    A request without the field `header` is counted by its client.
    """
    if policy.by == "service":
        return "service:" + asking.service
    if policy.by == "route":
        return "route:" + asking.route
    if policy.by == "everyone":
        return "everyone"
    if policy.by == "header":
        values = [value for name, value in asking.fields if name.lower() == policy.header]
        if values:
            # The registry must not keep a client's value, which may be long, or a secret.
            return "header:" + hashlib.blake2b(b", ".join(values), digest_size=16).hexdigest()
    return asking.client


def ask_of(policies: Sequence[Policy], asking: Asking) -> Ask:
    """Ask whether a request may be made under these policies, each with its own key."""
    return Ask(tuple([Check(policy, key_of(policy, asking)) for policy in policies]))


def ask_for(policies: Sequence[Policy], client: str) -> Ask:
    """Ask whether a client may have one more request under these policies, which all count by client."""
    if len(policies) == 1:  # the quick way, for nearly all requests
        return Ask((Check(policies[0], client),))
    return Ask(tuple([Check(policy, client) for policy in policies]))


class Why(Enum):
    """Why a check admits or refuses a request."""

    ROOM = "there is room"
    USED_UP = "the limit is used up"
    STILL_USED_UP = "the limit was used up when it was last asked, and can't have room yet"


#: The members as module constants: CPython 3.11 takes 0.1 µs to look one up in its class.
ROOM, USED_UP, STILL_USED_UP = Why


class Decision(NamedTuple):
    """The result of a check; of several checks the one that decided, with the `others` beside it.

    That is the check with the least left, or the check that refuses for longest. `remaining` is what is
    left after this decision; `next_in_us` is the time until `remaining` grows (0: nothing counts).
    `locally`: this worker decided alone because the registry was away; `limit` is then its share.
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
        return self.why is ROOM

    @property
    def reset_s(self) -> int:
        """The seconds that an admitted client is told until `remaining` grows, rounded up.

        They are never more than the window: because a stamp is rounded up by part of a millisecond,
        clients were told 61 s for a window of 60 s.
        """
        return min(-(-self.next_in_us // 1_000_000), self.check.policy.window_s)

    @property
    def retry_after_s(self) -> int:
        """The seconds that a refused client is told to wait: 1 to the window + 1."""
        return max(1, -(-self.next_in_us // 1_000_000))


def arguments(asked: Sequence[tuple[Ask, int]]) -> list[int]:
    """The arguments of rate_limit.lua for asks and the number of requests with each ask."""
    told: list[int] = []
    for (checks, anyway), asking in asked:
        told += (len(checks), asking)
        for policy, _ in checks:
            told += policy.charged_anyway if anyway else policy.argument
    return told


def spread(ask: Ask, asking: int, reply: Sequence[Any]) -> list[Decision]:
    """Turn a reply into the decisions on `asking` requests with the same ask; admitted ones come first.

    `reply` comes from rate_limit.lua: how many are admitted, then for each check what remains after
    all of them, and when that grows.
    """
    checks = ask.checks
    if len(checks) == 1:
        check, (admitted, remaining, next_in) = checks[0], reply
        if admitted == asking == 1:  # the quick way, for nearly all asks
            return [Decision(check, ROOM, remaining, int(next_in), check.policy.requests)]
        return _of_check(check, asking, admitted, remaining, next_in)
    of_checks = [
        _of_check(check, asking, reply[0], *reply[2 * i + 1 : 2 * i + 3])
        for i, check in enumerate(checks)
    ]
    return [_together(decisions) for decisions in zip(*of_checks, strict=True)]


def _of_check(
    check: Check, asking: int, admitted: int, remaining: int, next_in: str
) -> list[Decision]:
    next_in_us = int(next_in)
    limit = check.policy.requests
    each = 0 if check.policy.counts else 1
    decided = [
        Decision(check, ROOM, remaining + behind * each, next_in_us, limit)
        for behind in range(admitted - 1, -1, -1)
    ]
    if admitted < asking:
        why = ROOM if remaining else USED_UP
        decided += [Decision(check, why, remaining, next_in_us, limit)] * (asking - admitted)
    return decided


def _together(decisions: Sequence[Decision]) -> Decision:
    """Choose the decision that counts, with the others beside it."""
    if len(decisions) == 1:  # as nearly all are
        return decisions[0]
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
    return _together(decisions)


class LocalLimiter:
    """The limiter of a worker that decides alone: a log for each client; the least recent go at a cap."""

    def __init__(self, clients_kept: int = 100_000) -> None:
        self._logs: OrderedDict[tuple[str, str], SlidingLog] = OrderedDict()
        self._clients_kept = clients_kept

    def decide(self, ask: Ask, now_us: int, workers: int) -> Decision:
        """Decide by this worker's share of the limit: max(1, limit // workers)."""
        logs = [self._log_of(check) for check in ask.checks]
        limits = [max(1, check.policy.requests // max(1, workers)) for check in ask.checks]
        return decide(ask, logs, limits, now_us, locally=True)

    def _log_of(self, check: Check) -> SlidingLog:
        # The key has the policy's name: admissions also count under the next policy of that name.
        key = (check.policy.name, check.key)
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = SlidingLog()
            if len(self._logs) > self._clients_kept:
                self._logs.popitem(last=False)
        self._logs.move_to_end(key)
        return log
