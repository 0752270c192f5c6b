"""Decides whether and where a request is tried again, and what the client is told if it is not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from middlewares.failures import (
    Failure,
    NoHealthyInstance,
    OutOfResources,
    UpstreamReset,
    UpstreamSilent,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from middlewares.routing.policy import CONNECT, RESET, TIMEOUT, Cause, Retries

#: Methods that may be repeated (RFC 9110 §9.2.2), and QUERY (RFC 10008).
IDEMPOTENT = frozenset(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"])

#: The instance was found to hang; it needs no name in `on`, since only what may be done twice is moved.
SILENT = "silent"


class Again(NamedTuple):
    """Try once more at another instance, or with `there` at the same one over a new connection.

    `pause_s` comes before that.
    """

    why: str
    there: bool = False
    pause_s: float = 0.0


class Stop(NamedTuple):
    """Stop: this failure, or this answer, is the outcome."""

    why: str


CLOSING = Again("the instance was just closing the connection", there=True)
UNSEEN = Again("no application has seen the request")
REPEATABLE = Again("the request may be done twice")
ACTED_ON = Stop("the instance may have acted on the request")
FINAL = Stop("another try would change nothing")
NONE_LEFT = Stop("no try is left")
TOO_LATE = Stop("another try would come after the request's end")
EXHAUSTED = Stop("the service's budget for repeats is used up")

BUILT_IN = Retries()


@dataclass(slots=True)
class Tried:
    """An attempt without success: the facts that count besides its outcome.

    `idempotent`: the request may be done twice. `replayable`: it has no body, or all of it that was read
    is kept. `reused`: the connection had carried another request. `left`: the attempts that remain.
    """

    idempotent: bool
    replayable: bool
    reused: bool
    left: int


def decide(outcome: Failure | int, tried: Tried, retries: Retries = BUILT_IN) -> Again | Stop:
    """Decide whether to try again after a failure, or after an answer with this status."""
    cause = cause_of(outcome)
    untouched = isinstance(outcome, UpstreamReset) and outcome.untouched
    unseen = untouched or (isinstance(outcome, Failure) and outcome.retryable)
    may_repeat = unseen or tried.idempotent
    # A body is sent before an answer or a reset can come, but not before there is a connection.
    if cause not in (CONNECT, SILENT):
        may_repeat = may_repeat and tried.replayable
    if cause == RESET and tried.reused and may_repeat:
        return CLOSING
    if cause is None or not (untouched or cause == SILENT or cause in retries.on):
        return FINAL
    if not may_repeat:
        return ACTED_ON
    if not tried.left:
        return NONE_LEFT
    return UNSEEN if unseen else REPEATABLE


def cause_of(outcome: Failure | int) -> Cause | None:
    """What `on` calls the outcome, or a hang; None: nothing that another try could change."""
    if isinstance(outcome, int):
        return outcome
    if isinstance(outcome, UpstreamReset):
        return RESET
    if isinstance(outcome, UpstreamSilent):
        return SILENT
    if isinstance(outcome, UpstreamTimeout):
        return TIMEOUT
    # Without means for a connection of our own nothing was sent either.
    return CONNECT if isinstance(outcome, UpstreamUnreachable | OutOfResources) else None


def may_move(method: str, *, has_body: bool, left: int) -> bool:
    """Whether a request that waits at a silent instance may move to another one."""
    return left > 0 and not has_body and method in IDEMPOTENT


def last_word(service: str, failures: Sequence[Failure], *, answered: bool = False) -> Failure:
    """The failure that the client is told after all attempts have failed, given in order.

    `answered`: one of the attempts had an answer, so somebody is there.
    """
    if answered or not all(map(is_nobody_there, failures)):
        return failures[-1]
    return NoHealthyInstance(service, cause=failures[-1] if failures else None)


def is_nobody_there(failure: Failure) -> bool:
    """Whether the instance takes no connections: it is gone, refuses them, or drains."""
    cause = failure.cause
    return isinstance(failure, UpstreamUnreachable) and (
        cause is None or isinstance(cause, ConnectionRefusedError)
    )
