"""What a request holds of budgets and of limits on requests in flight, until its exchange ends."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

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

    Where a stream says that it has already cost more than is reserved, more is reserved, so that other
    requests are refused in time; where there is no room for that, the stream goes on.

    A budget without a cost is charged all that was reserved if an instance may have worked on the
    request, and nothing otherwise.
    """

    __slots__ = (
        *("_attempts", "_budgets", "_extend", "_extending", "_held"),
        *("_metrics", "_readings", "_settle"),
    )

    def __init__(
        self,
        held: Held,
        budgets: Sequence[Policy],
        attempts: Sequence[Attempt],
        settle: Callable[[Held, Mapping[str, int]], None],
        extend: Callable[[Held, str, int], Awaitable[bool]],
        metrics: GatewayMetrics,
    ) -> None:
        self._held = held
        self._budgets = budgets
        self._attempts = attempts
        self._settle = settle
        self._extend = extend
        #: The extension of each budget that is under way, or was refused.
        self._extending: dict[str, asyncio.Task[None]] = {}
        self._metrics = metrics
        self._readings: dict[str, Reading] = {}

    def reader_of(self, policy: Policy) -> Callable[[Reading], None]:
        """What takes the reading of the cost for this budget."""

        def read(reading: Reading) -> None:
            self._readings[policy.name] = reading

        return read

    def extender_of(self, policy: Policy) -> Callable[[int], None]:
        """What takes a cost that may still grow, for this budget."""

        def grew(units: int) -> None:
            missing = units - self._held.reserved(policy.name)
            if missing > 0 and policy.name not in self._extending:
                # By as much as a request reserves at least: not each event asks.
                more = self._reserve_more(policy.name, max(missing, policy.need))
                self._extending[policy.name] = asyncio.get_running_loop().create_task(more)

        return grew

    async def _reserve_more(self, name: str, units: int) -> None:
        if await self._extend(self._held, name, units):
            del self._extending[name]

    def release(self) -> None:
        for task in self._extending.values():
            task.cancel()
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
        # Without what was reserved later, which is a guess at what follows.
        units = charge_of(reading, policy.need)
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
