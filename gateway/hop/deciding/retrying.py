"""Whether a request is tried once more, where, and what is told when it is not: decided from values alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from middlewares.failures import Failure, NoHealthyInstance, UpstreamReset, UpstreamUnreachable

#: RFC 9110 §9.2.2, and QUERY (RFC 10008): doing them twice is doing them once.
IDEMPOTENT = frozenset(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"])


class Again(NamedTuple):
    """Try once more: another instance, or with `there` the same one over a new connection."""

    why: str
    there: bool = False


class Stop(NamedTuple):
    """This failure is the last."""

    why: str


CLOSING = Again("the instance was just closing the connection", there=True)
UNSEEN = Again("no application has seen the request")
REPEATABLE = Again("the request may be done twice")
ACTED_ON = Stop("the instance may have acted on the request")
FINAL = Stop("another try would change nothing")
NONE_LEFT = Stop("no try is left")


@dataclass(slots=True)
class Tried:
    """A try that came to nothing: what counts besides the failure.

    `replayable`: what was read of the request's body is kept, or there is none. `reused`: the connection
    had carried another request. `left`: tries that remain.
    """

    idempotent: bool
    replayable: bool
    reused: bool
    left: int


def decide(failure: Failure, tried: Tried) -> Again | Stop:
    """Go on, or not."""
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
    """Another instance may have the request while it waits at one that has gone silent."""
    return left > 0 and not has_body and method in IDEMPOTENT


def last_word(service: str, failures: Sequence[Failure]) -> Failure:
    """What the client is told when all tries came to nothing, in the order in which they did."""
    if not all(map(is_nobody_there, failures)):
        return failures[-1]
    nobody = NoHealthyInstance(service)
    nobody.__cause__ = failures[-1] if failures else None
    return nobody


def is_nobody_there(failure: Failure) -> bool:
    """The instance takes no connections: it is gone, refuses them, or has begun to drain."""
    cause = failure.__cause__
    return isinstance(failure, UpstreamUnreachable) and (
        cause is None or isinstance(cause, ConnectionRefusedError)
    )
