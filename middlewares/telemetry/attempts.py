"""Tells operators about attempts at instances that failed."""

import structlog

from middlewares.exchange import Attempt
from middlewares.failures import Failure

_log = structlog.get_logger()


def attempt_failed(attempt: Attempt, outcome: str, failure: Failure) -> None:
    """Log the evidence of a failed attempt, if there is any; `outcome` is the contract's reason."""
    if failure.seen:
        _log.warning(
            "attempt.failed", instance=attempt.instance_id, outcome=outcome, detail=failure.seen
        )
