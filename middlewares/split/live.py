"""One route's split as it is now in a worker: its shares, and what it has seen of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from middlewares.split.deciding.evidence import PERIODS, Counts, Evidence, summed
from middlewares.split.deciding.plan import Gathered, State
from middlewares.split.deciding.rendezvous import Rendezvous
from middlewares.split.policy import SplitPolicy
from middlewares.split.testers import Overrides
from middlewares.version_ranges import VersionRange

#: Of one identity so many requests count in a period: a single client must not speak for all.
MOST_OF_ONE = 5
#: The identities that are told apart in a period; those of more clients count each time.
MOST_IDENTITIES = 10_000


class LiveSplit:
    """Its policy is that of the file in force, its state that of all gateways."""

    def __init__(self, route: str, policy: SplitPolicy) -> None:
        self.route = route
        self.policy = policy
        self.state = State(policy.weights)
        #: Requests by share, and those that went to another share since theirs could not answer.
        self.requests: Counter[str] = Counter()
        self.moved: Counter[str] = Counter()
        #: What this worker has seen since the last change, by period.
        self.own: dict[int, Counts] = {}
        self.own_total: Counter[str] = Counter()
        #: What all have seen, as the registry said last; None: it has not said it yet.
        self.shared: Gathered | None = None
        #: The last period that was looked at.
        self.looked_at = 0
        #: Set while the registry has not been told of a change that was made here.
        self.untold: State | None = None
        #: The section of the file that was in force before this one, until the registry knows of that.
        self.came_from = ""
        self._evidence = Evidence()
        #: By hash: a client may choose its identity, as long as a header may be.
        self._heard: Counter[int] = Counter()

    # A file may have thousands of splits, of which few are used: what costs time is made with the first request.
    @cached_property
    def hashing(self) -> Rendezvous:
        return Rendezvous(self.route, self.policy.names)

    @cached_property
    def ranges(self) -> tuple[tuple[VersionRange, ...], ...]:
        """The ranges that instances of each share must hold."""
        return tuple(() if share.range is None else (share.range,) for share in self.policy.shares)

    @cached_property
    def testers(self) -> Overrides:
        return Overrides(self.policy.shares)

    @property
    def id(self) -> str:
        """What the registry knows it by: another section of the file has another state."""
        return f"{self.route}:{self.policy.print}"

    @property
    def weights(self) -> Sequence[float]:
        return self.state.weights

    def take_policy(self, policy: SplitPolicy) -> None:
        """Go by another section with the same shares; what was gathered stays."""
        if policy.plan.period_ms != self.policy.plan.period_ms:
            self.own.clear()
            self.shared = None
        self.policy = policy

    def take_state(self, state: State) -> None:
        """Go by new shares; what was gathered says nothing of them."""
        self.state = self.fitting(state)
        self._evidence.taken()
        self.own.clear()
        self.own_total.clear()
        self.shared = None

    def fitting(self, state: State) -> State:
        """The state, with the weights of the file where it has none for these shares."""
        if len(state.weights) == len(self.policy.shares):
            return state
        return replace(state, weights=self.policy.weights)

    def add(self, index: int, identity: bytes, *, failed: bool, took_s: float) -> None:
        """Count what became of a request."""
        plan = self.policy.plan
        if not plan.is_watched:
            return
        heard, who = self._heard, hash(identity)
        if heard[who] >= MOST_OF_ONE:
            return
        if len(heard) < MOST_IDENTITIES:
            heard[who] += 1
        self._evidence.add(is_canary=index == plan.canary, failed=failed, took_s=took_s)

    def is_due(self, now_ms: int) -> bool:
        """Whether the registry is to be asked although no state has changed since."""
        if not self.state.since_ms or self.came_from or self.untold is not None:
            return True
        plan = self.policy.plan
        return plan.is_watched and (
            bool(self._evidence.counts) or now_ms // plan.period_ms != self.looked_at
        )

    def taken(self, now_ms: int) -> Counts:
        """What has come since the last call; it is kept here too, in case the registry goes away."""
        counts = self._evidence.taken()
        period = now_ms // self.policy.plan.period_ms
        if counts:
            self.own[period] = summed([self.own.get(period, {}), counts])
            self.own_total.update(counts)
        for old in [one for one in self.own if one < period - PERIODS]:
            del self.own[old]
        return counts

    def begins_period(self, now_ms: int) -> bool:
        """Whether a period has ended since the last call, so that there is something to look at."""
        period = now_ms // self.policy.plan.period_ms
        if period == self.looked_at:
            return False
        self.looked_at = period
        self._heard.clear()
        return True

    def gathered(self, *, alone: bool) -> Gathered:
        """The evidence of all gateways, or of this worker alone."""
        if alone or self.shared is None:
            return Gathered(self.own, self.own_total)
        return self.shared
