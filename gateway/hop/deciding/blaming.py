"""What of an attempt's outcome speaks against the instance, in words; what is nobody's fault, or ours, does not."""

from discovery.health.evidence_texts import connect_failed
from middlewares.failures import (
    Failure,
    UpstreamFailure,
    UpstreamInvalid,
    UpstreamReset,
    UpstreamSilent,
    UpstreamTimeout,
    UpstreamUnreachable,
)

#: The statuses by which an instance says that it, or what it needs, has failed. 501, 505 and the like say
#: something of the request.
FAILED = frozenset([500, 502, 503, 504])

#: The reasons for which an instance's answer breaks off in its body; a time-out may be its client's wish.
BREAKS = frozenset(["upstream_invalid", "upstream_reset"])

#: A service has limits of its own for bodies that come slowly, from about 10 s on; some just end the connection.
LONG_UPLOAD_S = 5.0


def blame(failure: Failure, took_s: float, patience_s: float) -> str:
    """The evidence against the instance of a failed attempt; empty: it says nothing.

    A connection that ended and had carried another request was perhaps just being closed, and one that ended
    in a long upload was perhaps too slow for the instance, as its client likes. A connect that
    was not even tried has no cause. A time-out counts if the instance had all the time that the file gives
    it: a client may give it less, or take most of it for its own body, and must not be able to eject anybody
    by that.
    """
    if not isinstance(failure, UpstreamFailure):
        return ""
    if isinstance(failure, UpstreamUnreachable):
        return connect_failed(failure.cause) if failure.cause is not None else ""
    if isinstance(failure, UpstreamReset):
        was_slow = failure.was_sending and took_s >= LONG_UPLOAD_S
        excused = failure.reused or failure.untouched or was_slow
        return "" if excused else "the connection was reset"
    if isinstance(failure, UpstreamInvalid):
        return "the answer was not HTTP"
    if isinstance(failure, UpstreamSilent):
        return f"no answer for {took_s:.2f} s while others answer"
    if isinstance(failure, UpstreamTimeout) and min(took_s, failure.waited_s) >= patience_s:
        return f"no answer within {took_s:.1f} s"
    return ""
