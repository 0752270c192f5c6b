"""Which refusals a worker remembers, so that a flood of refused requests costs the registry nothing."""

import math
from weakref import WeakKeyDictionary

from middlewares.limits.deciding.asking import Ask
from middlewares.limits.deciding.decisions import STILL_USED_UP, Decision
from middlewares.limits.deciding.policies import Policy

#: How many refusals of a policy are remembered; all are forgotten at the cap.
REFUSALS_REMEMBERED = 10_000


class Refusals:
    """When (seconds of the clock) the registry is asked again about a refused key.

    An entry ends with its policy, because a new policy of the same name may have room.
    """

    def __init__(self) -> None:
        self._until_s: WeakKeyDictionary[Policy, dict[str, float]] = WeakKeyDictionary()
        #: Later than this nothing is remembered.
        self.last_s = 0.0

    def of(self, policy: Policy) -> dict[str, float]:
        """Until when each key of a policy is refused."""
        return self._until_s.get(policy, {})

    def policies(self) -> list[Policy]:
        return list(self._until_s)

    def remember(self, decision: Decision, now_s: float) -> None:
        """Remember a refusal until there may be room again."""
        for one in (decision, *decision.others):
            # What is held may be given back at any time.
            if one.allowed or one.policy.is_held:
                continue
            refused = self._until_s.setdefault(one.policy, {})
            if len(refused) >= REFUSALS_REMEMBERED:
                refused.clear()
            until_s = now_s + one.next_in_us / 1_000_000
            refused[one.check.key] = until_s
            self.last_s = max(self.last_s, until_s)

    def find(self, ask: Ask, now_s: float) -> Decision | None:
        """The refusal of an ask that can't have room yet."""
        for check in ask.checks:
            refused = self._until_s.get(check.policy)
            if refused is None or (until_s := refused.get(check.key)) is None:
                continue
            if now_s < until_s:
                left_us = math.ceil((until_s - now_s) * 1_000_000)
                return Decision(check, STILL_USED_UP, 0, left_us, check.policy.limit)
            del refused[check.key]
        return None
