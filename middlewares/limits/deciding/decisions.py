"""What the limiter answers, and how asks and answers cross to rate_limit.lua."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

from middlewares.limits.deciding.asking import Ask, Check
from middlewares.limits.deciding.policies import Policy


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
    return [together(decisions) for decisions in zip(*of_checks, strict=True)]


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


def together(decisions: Sequence[Decision]) -> Decision:
    """Choose the decision that counts, with the others beside it."""
    if len(decisions) == 1:  # as nearly all are
        return decisions[0]
    refusing = [one for one in decisions if not one.allowed]
    if refusing:
        deciding = max(refusing, key=lambda one: one.next_in_us)
    else:
        deciding = min(decisions, key=lambda one: one.remaining)
    return deciding._replace(others=tuple(one for one in decisions if one is not deciding))
