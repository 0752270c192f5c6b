"""What an admitted request holds of budgets and of limits on requests in flight."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from middlewares.limits.deciding.asking import Check
from middlewares.limits.deciding.decisions import ROOM, Decision


class Settled(NamedTuple):
    """One check's part of a settlement: the units that were held, and those that are charged.

    `overdraft` are the units that are charged above what was held.
    """

    check: Check
    held: int
    spent: int

    @property
    def overdraft(self) -> int:
        return max(0, self.spent - self.held)


class Held:
    """What one request holds until it is settled, which is done once; units by check.

    A budget holds the units that are reserved, a limit on requests in flight holds 1.
    """

    __slots__ = ("_units", "is_settled")

    def __init__(self, units: Iterable[tuple[Check, int]]) -> None:
        self._units = dict(units)
        self.is_settled = False

    def reserved(self, name: str) -> int:
        """The units that are reserved in the budget of this name; 0: the request has none of it."""
        return sum(units for check, units in self._units.items() if check.policy.name == name)

    def budget(self, name: str) -> Check | None:
        """The check of the budget of this name, if the request has one."""
        for check in self._units:
            if check.policy.name == name and check.policy.budget:
                return check
        return None

    def items(self) -> Iterable[tuple[Check, int]]:
        """Each check, and the units that are held of it."""
        return self._units.items()

    def add(self, check: Check, units: int) -> bool:
        """Note that so many units more are reserved; False: it is too late, the request is settled."""
        if not self.is_settled:
            self._units[check] = self._units.get(check, 0) + units
        return not self.is_settled

    def settle(self, spent: Mapping[str, int] | None) -> list[Settled]:
        """What becomes of each check, once; nothing if that was done before.

        `spent` has the units that the request has cost, by the budget's name. A budget that is not in
        it is charged all that was reserved, since that may have been spent.
        """
        if self.is_settled:
            return []
        self.is_settled = True
        settled = []
        for check, units in self._units.items():
            cost = 0
            if check.policy.budget:
                cost = units if spent is None else max(0, spent.get(check.policy.name, units))
            settled.append(Settled(check, units, cost))
        return settled

    def give_back(self) -> list[Settled]:
        """As `settle`, of a request that has cost nothing."""
        return self.settle({check.policy.name: 0 for check in self._units})


def held_by(decision: Decision, more: int = 0) -> Held | None:
    """What a decided request holds; None: it was refused, or no check holds anything."""
    if not decision.allowed:
        return None
    units = [
        (one.check, more or one.policy.need)
        for one in (decision, *decision.others)
        if one.why is ROOM and one.policy.is_held
    ]
    return Held(units) if units else None
