"""What a worker knows by itself: it decides alone by it, and tells the registry of it."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from middlewares.limits.deciding.asking import Ask, Check
from middlewares.limits.deciding.counting import LEASE_US, Account, decide
from middlewares.limits.deciding.decisions import Decision
from middlewares.limits.deciding.held import Held, Settled, held_by
from middlewares.limits.deciding.policies import Policy

#: What is held is told again after this time, so that it does not lapse.
RENEWED_AFTER_US = LEASE_US // 3
#: The steps of a window in which a worker remembers what it has spent of a budget.
OWN_STEPS = 12
#: Accounts that are looked at in a turn to find those in which nothing counts any more.
SWEPT = 200

#: The account of a policy, because what was admitted also counts under the next policy of that name; and
#: the check's key.
Key = tuple[str, str]


class Told(NamedTuple):
    """What the registry is told of one key: units to be charged, and all that the worker now holds."""

    policy: Policy
    key: str
    spent: int
    held: int


class OwnAccount(Account):
    """What one worker has charged and holds under one key."""

    __slots__ = ("check", "left_us", "most", "told_at_us", "told_held")

    def __init__(self, check: Check) -> None:
        super().__init__()
        self.check = check
        #: What the registry takes this worker to hold; None: that is not known.
        self.told_held: int | None = 0
        self.told_at_us = 0
        #: What this account may reach by the registry's last word, if it left so much for all workers:
        #: (used and held then, left for all then), and when that was.
        self.most: tuple[int, int] = (0, 0)
        self.left_us: int | None = None

    def step_us(self, policy: Policy) -> int:
        """Coarser than the registry's, since a worker keeps this for all who have spent in a window."""
        if policy.budget:
            return max(policy.resolution_us, policy.window_us // OWN_STEPS)
        return policy.resolution_us

    def limit(self, policy: Policy, now_us: int, workers: int) -> int:
        """What this worker may admit by itself, together with what the registry has admitted for it.

        It is the worker's share of the limit, and of a budget no more than its share of what was left
        at the registry's last word.
        """
        workers = max(1, workers)
        share = max(1, policy.limit // workers)
        if policy.budget and self.left_us is not None and now_us < self.left_us + policy.window_us:
            own, left = self.most
            return min(share, own + left // workers)
        return share

    def take_untold(self) -> int:
        """The units that the registry has not been told of; they are marked as told."""
        units = 0
        for entry in reversed(self._entries):
            if entry.told:
                break
            entry.told = True
            units += entry.count
        return units

    def forget_told(self) -> None:
        self.told_held = None
        for entry in self._entries:
            entry.told = False

    def lapse(self, policy: Policy, now_us: int) -> None:
        """What a worker holds itself lapses only where others have not heard of it."""


class OwnAccounts:
    """The accounts of one worker; the least recently used of those that hold nothing go at a cap.

    A worker that decides alone has its share of each limit in any window. Requests that it admitted so,
    what its requests have spent and what they hold are told to the registry.
    """

    def __init__(self, clients_kept: int = 100_000) -> None:
        self._accounts: OrderedDict[Key, OwnAccount] = OrderedDict()
        self._clients_kept = clients_kept
        #: The keys of which the registry must be told something.
        self.untold: dict[Key, None] = {}
        self._holding: dict[Key, None] = {}
        #: How many accounts were dropped at the cap before the registry was told of them.
        self.dropped_untold = 0

    def __len__(self) -> int:
        return len(self._accounts)

    def decide(self, ask: Ask, now_us: int, workers: int) -> Decision:
        """Decide by this worker's share of the limit: max(1, limit // workers)."""
        accounts = [self._account_of(check) for check in ask.checks]
        limits = [
            account.limit(check.policy, now_us, workers)
            for check, account in zip(ask.checks, accounts, strict=True)
        ]
        decision = decide(ask, accounts, limits, now_us, locally=True)
        if decision.allowed:
            for check, account in zip(ask.checks, accounts, strict=True):
                key = (check.policy.account, check.key)
                self.untold[key] = None
                if account.leases:
                    self._holding[key] = None
        return decision

    def note(self, decision: Decision, now_us: int, more: int = 0) -> Held | None:
        """Note what the registry has said of limits that hold something; what the request then holds."""
        held = held_by(decision, more)
        if held is not None:
            for check, units in held.items():
                account = self._account_of(check)
                account.hold_more("", units, now_us)
                self._holding[check.policy.account, check.key] = None
                if account.told_held is not None:
                    account.told_held += units
        for one in (decision, *decision.others):
            if one.policy.budget:
                account = self._account_of(one.check)
                account.count(one.policy, now_us)
                account.most = (account.used + account.held, one.remaining)
                account.left_us = now_us
        return held

    def settle(self, settled: Iterable[Settled], now_us: int) -> None:
        """Give back what was held, and charge what was spent."""
        for check, held, spent in settled:
            key, account = (check.policy.account, check.key), self._account_of(check)
            account.count(check.policy, now_us)
            account.hold("", account.held - held, now_us)
            if not account.held:
                self._holding.pop(key, None)
            if spent:
                account.charge(check.policy, now_us, spent)
            self.untold[key] = None

    def reserved(self) -> dict[str, int]:
        """The units that are held, by the policy's name."""
        units: dict[str, int] = {}
        for key in self._holding:
            account = self._accounts[key]
            name = account.check.policy.name
            units[name] = units.get(name, 0) + account.held
        return units

    def take(self, first: Sequence[Check], most: int, now_us: int) -> list[Told]:
        """What the registry is told next: of the keys of `first`, then of others up to `most`."""
        keys = [key for policy, name in first if (key := (policy.account, name)) in self.untold]
        for key in self.untold:
            if len(keys) >= most:
                break
            keys.append(key)
        told = []
        for key in dict.fromkeys(keys):
            del self.untold[key]
            account = self._accounts.get(key)
            if account is None:
                continue
            policy = account.check.policy
            account.count(policy, now_us)
            account.told_held = None
            told.append(Told(policy, key[1], account.take_untold(), account.held))
        return told

    def heard(self, told: Iterable[Told], now_us: int) -> None:
        """Note that the registry has heard this."""
        for policy, name, _, held in told:
            key = (policy.account, name)
            account = self._accounts.get(key)
            if account is None:
                continue
            account.told_held, account.told_at_us = held, now_us
            if account.held != held:
                self.untold[key] = None
            elif not account.held and not account.used and key not in self.untold:
                del self._accounts[key]

    def unsure(self, checks: Iterable[Check]) -> None:
        """Note that the registry may or may not have heard of these; it is told again."""
        for check in checks:
            account = self._account_of(check)
            account.told_held = None
            self.untold[check.policy.account, check.key] = None

    def forget_told(self) -> None:
        """Tell the registry everything again, which has lost what it knew."""
        for key, account in self._accounts.items():
            account.forget_told()
            self.untold[key] = None

    def renew(self, now_us: int) -> None:
        """Have what is held told again before it lapses, and drop accounts in which nothing counts."""
        for key in self._holding:
            if self._accounts[key].told_at_us + RENEWED_AFTER_US <= now_us:
                self.untold[key] = None
        for key in list(islice(self._accounts, SWEPT)):
            account = self._accounts[key]
            account.count(account.check.policy, now_us)
            if not account.used and not account.held and key not in self.untold:
                del self._accounts[key]

    def _account_of(self, check: Check) -> OwnAccount:
        key = (check.policy.account, check.key)
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = OwnAccount(check)
            if len(self._accounts) > self._clients_kept:
                self._drop_one()
        account.check = check
        self._accounts.move_to_end(key)
        return account

    def _drop_one(self) -> None:
        for key in self._accounts:
            if key not in self._holding:
                del self._accounts[key]
                if key in self.untold:
                    del self.untold[key]
                    self.dropped_untold += 1
                return
