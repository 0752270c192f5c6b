"""What a request holds of budgets and of limits on requests in flight, until its exchange ends."""

from collections.abc import Callable, Mapping, Sequence

import structlog

from middlewares.costs.deciding import Reading, Why, charge_of
from middlewares.exchange import Attempt
from middlewares.limits.deciding import Held, Policy
from middlewares.telemetry.metrics import GatewayMetrics

#: The ends of attempts that reached no application, and so cost nothing.
_COSTS_NOTHING = frozenset(["upstream_unreachable", "overloaded"])

_log = structlog.get_logger()


class Holding:
    """Settles what is held when the exchange is released, with the costs that were read until then.

    A budget without a cost is charged all that was reserved if an instance may have worked on the
    request, and nothing otherwise.
    """

    __slots__ = ("_attempts", "_budgets", "_held", "_metrics", "_readings", "_settle")

    def __init__(
        self,
        held: Held,
        budgets: Sequence[Policy],
        attempts: Sequence[Attempt],
        settle: Callable[[Held, Mapping[str, int]], None],
        metrics: GatewayMetrics,
    ) -> None:
        self._held = held
        self._budgets = budgets
        self._attempts = attempts
        self._settle = settle
        self._metrics = metrics
        self._readings: dict[str, Reading] = {}

    def reader_of(self, policy: Policy) -> Callable[[Reading], None]:
        """What takes the reading of the cost for this budget."""

        def read(reading: Reading) -> None:
            self._readings[policy.name] = reading

        return read

    def release(self) -> None:
        spent = {}
        for policy in self._budgets:
            reserved = self._held.reserved(policy.name)
            if reserved:
                spent[policy.name] = self._spent(policy, reserved)
        self._settle(self._held, spent)

    def _spent(self, policy: Policy, reserved: int) -> int:
        reading = self._readings.get(policy.name)
        if reading is None:
            if not may_have_cost(self._attempts):
                return 0
            reading = Reading(Why.NO_ANSWER)
        units = charge_of(reading, reserved)
        self._metrics.budget_settled(policy.name, units, max(0, units - reserved))
        if reading.why is not Why.READ:
            self._metrics.cost_not_read(policy.name, reading.why.value)
            _log.info(
                "limit.cost_not_read", policy=policy.name, why=reading.why.value, charged=units
            )
        return units


def may_have_cost(attempts: Sequence[Attempt]) -> bool:
    """Whether an instance may have worked on the request."""
    return any(attempt.outcome not in _COSTS_NOTHING for attempt in attempts)
