"""What the limiter answers."""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from middlewares.limits.deciding.asking import Check
from middlewares.limits.deciding.policies import Policy

if TYPE_CHECKING:
    from middlewares.limits.deciding.held import Held


class Why(Enum):
    """Why a check admits or refuses a request."""

    ROOM = "there is room"
    USED_UP = "the limit is used up"
    STILL_USED_UP = "the limit was used up when it was last asked, and can't have room yet"


#: The members as module constants: CPython 3.11 takes 0.1 µs to look one up in its class.
ROOM, USED_UP, STILL_USED_UP = Why


class Decision(NamedTuple):
    """The result of a check; of several checks the one that decided, with the `others` beside it.

    That is the check with the least left, or the check that refuses for longest. `remaining` is what is
    left after this decision; `next_in_us` is the time until `remaining` grows (0: nothing counts).
    `locally`: this worker decided alone because the registry was away; `limit` is then its share.
    A shadow has its own decision in `why`, but decides for all only where there is no other check.
    `held` is what the request holds from now on, and must be settled once (SharedLimiter.settle).
    """

    check: Check
    why: Why
    remaining: int
    next_in_us: int
    limit: int
    locally: bool = False
    others: "tuple[Decision, ...]" = ()
    held: "Held | None" = None

    @property
    def policy(self) -> Policy:
        return self.check.policy

    @property
    def allowed(self) -> bool:
        """Whether this check lets the request through, as a shadow always does."""
        return self.why is ROOM or self.check.policy.shadow

    @property
    def reset_s(self) -> int:
        """The seconds that an admitted client is told until `remaining` grows, rounded up.

        They are never more than the window: because a stamp is rounded up by part of a millisecond,
        clients were told 61 s for a window of 60 s.
        """
        return min(-(-self.next_in_us // 1_000_000), self.check.policy.window_s)

    @property
    def retry_after_s(self) -> int:
        """The seconds that a refused client is told to wait: 1 to the window + 1."""
        return max(1, -(-self.next_in_us // 1_000_000))


def together(decisions: Sequence[Decision]) -> Decision:
    """Choose the decision that counts, with the others beside it."""
    if len(decisions) == 1:  # as nearly all are
        return decisions[0]
    deciding = decisions[0]
    for one in decisions[1:]:
        if _counts_more(one, deciding):
            deciding = one
    others = tuple([one for one in decisions if one is not deciding])
    check, why, remaining, next_in_us, limit, locally, _, held = deciding
    return Decision(check, why, remaining, next_in_us, limit, locally, others, held)


def beside(first: Decision, second: Decision) -> Decision:
    """Two decisions about one request as one; what they hold is not in it."""
    every = (first, *first.others, second, *second.others)
    return together([one._replace(others=(), held=None) for one in every])


def _counts_more(one: Decision, other: Decision) -> bool:
    """Whether a decision counts rather than another: who refuses for longest, else who has least left."""
    if one.why is not ROOM or other.why is not ROOM:
        if one.allowed != other.allowed:
            return not one.allowed
        if not one.allowed:
            return one.next_in_us > other.next_in_us
    policy, others = one.check.policy, other.check.policy
    if policy.shadow != others.shadow:
        return others.shadow
    return one.remaining // policy.need < other.remaining // others.need
