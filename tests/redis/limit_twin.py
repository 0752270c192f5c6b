"""The twin of rate_limit.lua: a registry of limits in plain Python, for the time of one call."""

from collections import defaultdict
from collections.abc import Sequence

from middlewares.limits.deciding import Ask, Decision
from middlewares.limits.deciding.alone import Told
from middlewares.limits.deciding.counting import Account, decide
from middlewares.limits.deciding.crossing import DECIDED, LOST, SETTLING, STALE, Caller, State

#: As in the script.
GAP_US = 300_000
Answers = list[list[Decision]]


class LimitTwin:
    """What a registry knows of limits, and what it answers; times in microseconds of its clock."""

    def __init__(self, lease_us: int) -> None:
        self.accounts: dict[tuple[str, str], Account] = defaultdict(lambda: Account(lease_us))
        self._epoch: str | None = None
        self._decides_us = 0
        #: When the last call came, and since when there were no pauses longer than GAP_US.
        self._seen_us = self._since_us = 0
        self._calls: dict[str, int] = {}

    def call(
        self,
        caller: Caller,
        told: Sequence[Told],
        asked: Sequence[tuple[Ask, int]],
        now_us: int,
    ) -> tuple[State, Answers]:
        """Hear what a worker tells, then decide what it asks."""
        known, found = caller.epoch, self._epoch
        lost = bool(known) and known != found
        seen_us, self._seen_us = self._seen_us, now_us
        if not seen_us <= now_us <= seen_us + GAP_US:
            self._since_us = now_us
        if lost and self._decides_us <= now_us:
            self._decides_us = now_us + caller.settling_us
        elif caller.away_us and now_us - self._since_us < caller.away_us:
            self._decides_us = max(self._decides_us, now_us + caller.returning_us)
        self._decides_us = min(self._decides_us, now_us + caller.settling_us)
        self._epoch = found or str(now_us)
        left_us = max(0, self._decides_us - now_us)
        state = State(self._epoch, left_us, SETTLING if left_us else DECIDED)
        if lost:
            return state._replace(word=LOST), []
        last = self._calls.get(caller.worker, 0)
        if caller.call < last:
            return state._replace(word=STALE), []
        self._calls[caller.worker] = caller.call
        for policy, key, spent, held in told:
            account = self.accounts[policy.name, key]
            if spent and caller.call > last:
                account.count(policy, now_us)
                account.charge(policy, now_us, spent)
            if policy.is_held:
                account.lapse(policy, now_us)
                account.hold(caller.worker, held, now_us)
        if left_us:
            return state, []
        return state, [self._decide(ask, asking, caller.worker, now_us) for ask, asking in asked]

    def _decide(self, ask: Ask, asking: int, worker: str, now_us: int) -> list[Decision]:
        accounts = [self.accounts[policy.name, key] for policy, key in ask.checks]
        limits = [policy.limit for policy, _ in ask.checks]
        return [decide(ask, accounts, limits, now_us, worker=worker) for _ in range(asking)]
