"""The limiter of a worker that decides alone."""

from collections import OrderedDict

from middlewares.limits.deciding.asking import Ask, Check
from middlewares.limits.deciding.counting import SlidingLog, decide
from middlewares.limits.deciding.decisions import Decision


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
