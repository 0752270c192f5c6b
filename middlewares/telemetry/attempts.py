"""What people who operate are told of a try at an instance that came to nothing."""

import structlog

from middlewares.exchange import Attempt
from middlewares.failures import Failure

_log = structlog.get_logger()


def attempt_failed(attempt: Attempt, outcome: str, failure: Failure) -> None:
    """Log what was seen, where something was; `outcome` is the contract's reason."""
    if failure.seen:
        _log.warning(
            "attempt.failed", instance=attempt.instance_id, outcome=outcome, detail=failure.seen
        )
