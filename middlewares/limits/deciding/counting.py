"""The arithmetic of limits: an exact log of charges in any window, and what workers hold.

A stamp is rounded *up* to the resolution, and a charge counts until its stamp plus the window. So no
interval shorter than the window ever holds more than the limit. This is the twin of rate_limit.lua, and
the arithmetic of a worker that decides alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from middlewares.limits.deciding.asking import Ask
from middlewares.limits.deciding.decisions import ROOM, USED_UP, Decision, together
from middlewares.limits.deciding.policies import Policy

#: What a worker holds lapses so long after it has told the registry last.
LEASE_US = 15_000_000
#: Who is refused because others hold what is left is told to ask again after this time.
HELD_AGAIN_US = 1_000_000


@dataclass(slots=True)
class Charged:
    """What was charged at a stamp; `told` is for a worker's own accounts: the registry has been told."""

    stamp_us: int
    count: int
    told: bool = False


@dataclass(slots=True)
class Lease:
    """The units that one worker holds, and when they lapse."""

    units: int
    ends_us: int


class Account:
    """What counts under one key: charges, oldest first, and what workers hold; times in microseconds."""

    __slots__ = ("_entries", "_lease_us", "leases", "used")

    def __init__(self, lease_us: int = LEASE_US) -> None:
        self._lease_us = lease_us
        # A list, because an empty deque takes ten times its memory, and a worker may have 100,000 of them.
        self._entries: list[Charged] = []
        #: What was charged and still counts.
        self.used = 0
        self.leases: dict[str, Lease] = {}

    @property
    def held(self) -> int:
        return sum(lease.units for lease in self.leases.values())

    def count(self, policy: Policy, now_us: int) -> None:
        """Drop what no longer counts."""
        stamp_us, entries = self._stamp(policy, now_us), self._entries
        over = 0
        while over < len(entries) and entries[over].stamp_us + policy.window_us <= now_us:
            self.used -= entries[over].count
            over += 1
        if over:
            del entries[:over]
        if entries and entries[-1].stamp_us > stamp_us:
            # The clock was set back: all charges are older than now, so they count from now on.
            told = entries[-1].told
            entries.clear()
            entries.append(Charged(stamp_us, self.used, told))
        if self.leases:
            self.lapse(policy, now_us)

    def lapse(self, policy: Policy, now_us: int) -> None:
        """Drop what dead workers held."""
        for worker, lease in list(self.leases.items()):
            # What a dead worker had reserved may have been spent, so it counts for a window more.
            if lease.ends_us + policy.window_us <= now_us:
                del self.leases[worker]
            lease.ends_us = min(lease.ends_us, now_us + self._lease_us)  # the clock was set back

    def charge(self, policy: Policy, now_us: int, units: int = 1) -> None:
        """Count so many units more from now on."""
        stamp_us, entries = self._stamp(policy, now_us), self._entries
        if entries and entries[-1].stamp_us == stamp_us and not entries[-1].told:
            entries[-1].count += units
        else:
            entries.append(Charged(stamp_us, units))
        self.used += units

    def hold(self, worker: str, units: int, now_us: int) -> None:
        """Note what a worker holds in all from now on, and begin its lease anew."""
        if units:
            self.leases[worker] = Lease(units, now_us + self._lease_us)
        else:
            self.leases.pop(worker, None)

    def hold_more(self, worker: str, units: int, now_us: int) -> None:
        """Note that a worker holds so much more, and begin its lease anew."""
        lease = self.leases.get(worker)
        self.hold(worker, units + (lease.units if lease else 0), now_us)

    def left(self, policy: Policy, now_us: int, limit: int, need: int = 1) -> tuple[int, int]:
        """What remains, and the µs until that grows; if less than `need` remains, until so much does."""
        free = limit - self.held
        remaining = max(0, free - self.used)
        if not self._entries:
            return remaining, HELD_AGAIN_US if policy.is_held and remaining < need else 0
        grows = self._entries[0]
        if remaining < need:
            if policy.is_held and free < need:
                return remaining, HELD_AGAIN_US
            grows = self._makes_room(free - need)
        return remaining, grows.stamp_us + policy.window_us - now_us

    def step_us(self, policy: Policy) -> int:
        """The step that stamps are rounded up to."""
        return policy.resolution_us

    def _stamp(self, policy: Policy, now_us: int) -> int:
        step_us = self.step_us(policy)
        return -(-now_us // step_us) * step_us

    def _makes_room(self, most_used: int) -> Charged:
        used = self.used
        for one in self._entries:
            used -= one.count
            if used <= most_used:
                break
        return one


def decide(
    ask: Ask,
    accounts: Sequence[Account],
    limits: Sequence[int],
    now_us: int,
    *,
    worker: str = "",
    locally: bool = False,
) -> Decision:
    """Count all checks of an ask, then charge all; a refused ask changes nothing.

    A shadow refuses nobody, and is charged for what it would have admitted.
    """
    admitted, fits = True, []
    for (policy, _), account, limit in zip(ask.checks, accounts, limits, strict=True):
        account.count(policy, now_us)
        fit = limit - account.used - account.held >= ask.need(policy)
        fits.append(fit)
        if not fit and not policy.shadow:
            admitted = ask.anyway
    decisions = []
    for check, account, limit, fit in zip(ask.checks, accounts, limits, fits, strict=True):
        policy, need = check.policy, ask.need(check.policy)
        if admitted and (fit or not policy.shadow):
            if policy.is_held:
                account.hold_more(worker, need, now_us)
            elif ask.anyway or not policy.counts:
                account.charge(policy, now_us)
        remaining, next_in_us = account.left(policy, now_us, limit, need)
        has_room = fit if policy.shadow else admitted or remaining >= need
        why = ROOM if has_room else USED_UP
        decisions.append(Decision(check, why, remaining, next_in_us, limit, locally))
    return together(decisions)
