"""Decides whether and where a request is tried again, and what the client is told if it is not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from middlewares.failures import Failure, NoHealthyInstance, UpstreamReset, UpstreamUnreachable

#: Methods that may be repeated (RFC 9110 §9.2.2), and QUERY (RFC 10008).
IDEMPOTENT = frozenset(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"])


class Again(NamedTuple):
    """Try once more at another instance, or with `there` at the same one over a new connection."""

    why: str
    there: bool = False


class Stop(NamedTuple):
    """Stop: this failure is the outcome."""

    why: str


CLOSING = Again("the instance was just closing the connection", there=True)
UNSEEN = Again("no application has seen the request")
REPEATABLE = Again("the request may be done twice")
ACTED_ON = Stop("the instance may have acted on the request")
FINAL = Stop("another try would change nothing")
NONE_LEFT = Stop("no try is left")


@dataclass(slots=True)
class Tried:
    """A failed attempt: the facts that count besides the failure.

    `replayable`: the request has no body, or all of it that was read is kept. `reused`: the connection
    had carried another request. `left`: the attempts that remain.
    """

    idempotent: bool
    replayable: bool
    reused: bool
    left: int


def decide(failure: Failure, tried: Tried) -> Again | Stop:
    """Decide whether to try again."""
    is_reset = isinstance(failure, UpstreamReset)
    untouched = isinstance(failure, UpstreamReset) and failure.untouched
    if is_reset:
        if not tried.replayable or not (untouched or tried.idempotent):
            return ACTED_ON
        if tried.reused:
            return CLOSING
    elif not failure.retryable:
        return FINAL
    if not tried.left:
        return NONE_LEFT
    return UNSEEN if untouched or failure.retryable else REPEATABLE


def may_move(method: str, *, has_body: bool, left: int) -> bool:
    """Whether a request that waits at a silent instance may move to another one."""
    return left > 0 and not has_body and method in IDEMPOTENT


def last_word(service: str, failures: Sequence[Failure]) -> Failure:
    """The failure that the client is told after all attempts have failed, given in order."""
    if not all(map(is_nobody_there, failures)):
        return failures[-1]
    return NoHealthyInstance(service, cause=failures[-1] if failures else None)


def is_nobody_there(failure: Failure) -> bool:
    """Whether the instance takes no connections: it is gone, refuses them, or drains."""
    cause = failure.cause
    return isinstance(failure, UpstreamUnreachable) and (
        cause is None or isinstance(cause, ConnectionRefusedError)
    )
