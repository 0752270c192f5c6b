"""How asks, and what a worker tells, cross to rate_limit.lua, and its replies come back."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from middlewares.limits.deciding.alone import RENEWED_AFTER_US, Told
from middlewares.limits.deciding.asking import Ask, Check
from middlewares.limits.deciding.counting import LEASE_US
from middlewares.limits.deciding.decisions import ROOM, USED_UP, Decision, together
from middlewares.limits.deciding.policies import Policy

#: After a loss the registry hears from all workers for this long before it decides again what is held.
SETTLING_US = RENEWED_AFTER_US + 1_000_000
#: As long as that after the registry was away for all: workers come back to it within a second.
RETURNING_US = 2_000_000
#: How long the number of a worker's last call is kept, in ms: as long as the longest window.
KEPT_MS = 86_400_000


#: Words of the registry about a call: all is decided; all was heard, but what is held is not decided yet;
#: it has lost what it knew, and has heard nothing; a later call of this worker was there before.
DECIDED, SETTLING, LOST, STALE = "decided", "settling", "lost", "stale"


class Caller(NamedTuple):
    """Who calls rate_limit.lua: the worker, the epoch of the registry that it knows, and the call's number.

    `away_us`: for how long the worker has decided alone until this call.
    """

    worker: str
    epoch: str
    call: int
    away_us: int = 0
    lease_us: int = LEASE_US
    settling_us: int = SETTLING_US
    returning_us: int = RETURNING_US


class Call(NamedTuple):
    """The keys and arguments of one call of rate_limit.lua."""

    keys: list[str]
    args: list[str | int]


def call_of(
    prefix: str,
    asked: Sequence[tuple[Ask, int]],
    told: Sequence[Told] = (),
    caller: Caller | None = None,
) -> Call:
    """A call that tells the registry something and then asks; without a caller it asks for rates alone.

    `prefix` is the tag of the registry's keys, `asked` has the number of requests with each ask.
    """
    keys: list[str] = []
    args: list[str | int] = [""]
    if caller is not None:
        keys += (f"{prefix}:limit:/epoch", f"{prefix}:limit:/caller:{caller.worker}")
        args = [caller.worker, caller.lease_us, caller.epoch, caller.settling_us, caller.call]
        args += (KEPT_MS, len(told), caller.away_us, caller.returning_us)
        for policy, key, spent, held in told:
            keys += (_log(prefix, policy) + key, _hash(prefix, policy) + key)
            args += (policy.window_us, policy.resolution_us, spent, held if policy.is_held else -1)
    rows: dict[Any, tuple[int, str, str]] = {}
    of_rows: list[int] = []
    of_asks: list[int] = []
    for (checks, anyway, more), asking in asked:
        of_asks += (len(checks), asking)
        for policy, key in checks:
            row = (policy, anyway, more) if anyway or more else policy
            told_row = rows.get(row)
            if told_row is None:
                log = "" if policy.concurrent else _log(prefix, policy)
                hashed = _hash(prefix, policy) if policy.is_held else ""
                told_row = rows[row] = (len(rows) + 1, log, hashed)
                of_rows += _row(policy, anyway, more)
            number, log, hashed = told_row
            if log:
                keys.append(log + key)
            if hashed:
                keys.append(hashed + key)
            of_asks.append(number)
    args.append(len(rows))
    args += of_rows
    args += of_asks
    return Call(keys, args)


def _row(policy: Policy, anyway: bool, more: int) -> tuple[int, ...]:
    if anyway:
        return policy.charged_anyway
    return (*policy.argument[:4], more) if more else policy.argument


# The name of a policy has no slash, so it can't be meant for one of these.
def _log(prefix: str, policy: Policy) -> str:
    return f"{prefix}:limit:{policy.name}:"


def _hash(prefix: str, policy: Policy) -> str:
    return f"{prefix}:limit:/held:{policy.account}:"


class State(NamedTuple):
    """What the registry says of itself: its epoch, for how long it does not decide what is held, a word."""

    epoch: str
    settling_us: int
    word: str


def state_of(reply: Sequence[Any]) -> State:
    """The last element of a reply to a named caller."""
    epoch, settling_us, word = (
        one.decode("ascii") if isinstance(one, bytes) else str(one) for one in reply[-1]
    )
    return State(epoch, int(settling_us), word)


def spread(ask: Ask, asking: int, reply: Sequence[Any]) -> list[Decision]:
    """Turn a reply into the decisions on `asking` requests with the same ask; admitted ones come first.

    `reply` comes from rate_limit.lua: how many are admitted, then for each check what remains after
    all of them, and when that grows; of a shadow also how many of the admitted it has room for.
    """
    checks = ask.checks
    if len(checks) == 1 and len(reply) == 3:
        check, (admitted, remaining, next_in) = checks[0], reply
        if admitted == asking == 1:  # the quick way, for nearly all asks
            return [Decision(check, ROOM, remaining, next_in, check.policy.limit)]
        return _of_check(check, ask.need(check.policy), asking, admitted, remaining, next_in)
    if reply[0] == asking and all(check.policy.is_charged for check in checks):
        return _all_have_room(checks, ask.more, asking, reply)
    of_checks, at = [], 1
    for check in checks:
        need = ask.need(check.policy)
        if check.policy.shadow:
            of_checks.append(_of_shadow(check, need, asking, reply[0], *reply[at : at + 3]))
            at += 3
        else:
            of_checks.append(_of_check(check, need, asking, reply[0], *reply[at : at + 2]))
            at += 2
    return [together(decisions) for decisions in zip(*of_checks, strict=True)]


def _all_have_room(
    checks: Sequence[Check], more: int, asking: int, reply: Sequence[Any]
) -> list[Decision]:
    """The quick way for several limits that are each charged for every request.

    Each request then takes one admission of every limit, so the same limit has the least left for all.
    """
    counts, least = 0, -1
    told = []
    for at, check in enumerate(checks):
        policy = check.policy
        remaining, need = reply[2 * at + 1], more or policy.need
        left = remaining // policy.need
        if least < 0 or left < least:
            counts, least = at, left
        told.append((check, remaining, need, reply[2 * at + 2], policy.limit))
    check, remaining, need, next_in, limit = told.pop(counts)
    return [
        Decision(
            check,
            ROOM,
            remaining + behind * need,
            next_in,
            limit,
            False,
            tuple(
                [
                    Decision(other, ROOM, left + behind * takes, later, most)
                    for other, left, takes, later, most in told
                ]
            ),
        )
        for behind in range(asking - 1, -1, -1)
    ]


def _of_check(
    check: Check, need: int, asking: int, admitted: int, remaining: int, next_in: int
) -> list[Decision]:
    decided = _admitted(check, need, admitted, remaining, next_in)
    if admitted < asking:
        decided += [_refused(check, need, remaining, next_in)] * (asking - admitted)
    return decided


def _of_shadow(
    check: Check, need: int, asking: int, admitted: int, remaining: int, next_in: int, fitting: int
) -> list[Decision]:
    decided = _admitted(check, need, fitting, remaining, next_in)
    none_left = Decision(check, USED_UP, remaining, next_in, check.policy.limit)
    decided += [none_left] * (admitted - fitting)
    if admitted < asking:
        decided += [_refused(check, need, remaining, next_in)] * (asking - admitted)
    return decided


def _admitted(check: Check, need: int, count: int, remaining: int, next_in: int) -> list[Decision]:
    next_in_us, limit = next_in, check.policy.limit
    each = 0 if check.policy.counts else need
    return [
        Decision(check, ROOM, remaining + behind * each, next_in_us, limit)
        for behind in range(count - 1, -1, -1)
    ]


def _refused(check: Check, need: int, remaining: int, next_in: int) -> Decision:
    why = ROOM if remaining >= need else USED_UP
    return Decision(check, why, remaining, next_in, check.policy.limit)
