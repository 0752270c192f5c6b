"""What has been tried of one request, and what may be tried next."""

import random
from typing import NamedTuple

from gateway.hop.deciding.pausing import MOST_ASKED_S, pause_s
from gateway.hop.deciding.retry_budget import RetryBudget
from gateway.hop.deciding.retrying import EXHAUSTED, TOO_LATE, Again, Stop, Tried, decide, last_word
from middlewares.candidates.deciding import Candidate, Candidates
from middlewares.failures import Failure
from middlewares.routing.policy import NEVER, Retries


class Now(NamedTuple):
    """What counts at the moment of a decision: the time, and how much of the request's is left.

    `asked_s`: the pause that the instance's Retry-After asks for.
    """

    now_s: float
    left_s: float = NEVER
    asked_s: float = 0.0


class Tries:
    """The tries of one request: how often, with which failures, and where it has not been.

    The plan is that of the request's route when it began.
    """

    __slots__ = (
        *("_answered", "_candidates", "_failures", "_made"),
        *("left", "on", "others", "retries", "untried"),
    )

    def __init__(self, candidates: Candidates, retries: Retries) -> None:
        self.untried = self._candidates = candidates
        self.retries = retries
        #: The statuses among them are repeated.
        self.on = retries.on
        most = retries.attempts or len(candidates)
        if retries.budget is None:
            most = min(most, len(candidates))
        #: The attempts that may follow the current one.
        self.left = most - 1
        #: To so many instances that have not had the request it may still go.
        self.others = min(most, len(candidates)) - 1
        self._made = 1
        self._answered = False
        self._failures: list[Failure] | None = None

    def one_more(self) -> None:
        """Allow one attempt more, at an instance that is none of those to try."""
        self.left += 1
        self.others += 1

    def after(
        self,
        candidate: Candidate,
        outcome: Failure | int,
        tried: Tried,
        budget: RetryBudget,
        now: Now,
        rng: random.Random,
    ) -> Again | Stop:
        """Decide what follows a failure of an attempt at this candidate, or its answer with this status."""
        self._note(outcome)
        decided = decide(outcome, tried, self.retries)
        if isinstance(decided, Stop):
            return decided
        rest = self.untried.without(candidate)
        if self.retries.budget is not None:
            drawn_s = pause_s(self._made, elsewhere=bool(rest), rng=rng)
            decided = decided._replace(pause_s=max(drawn_s, now.asked_s))
            if decided.pause_s >= (MOST_ASKED_S if now.left_s == NEVER else now.left_s):
                return TOO_LATE
            if not budget.take(self.retries.budget, now.now_s):
                return EXHAUSTED
        self._made += 1
        self.left -= 1
        # The last one only if it is the only one.
        self.untried = rest or self._candidates.without(candidate) or self._candidates
        self.others = min(self.left, len(self.untried) - 1)
        return decided

    def last_word(self, service: str) -> Failure:
        """The failure that the client is told; it is let go of here, since it refers to its frames."""
        failures, self._failures = self._failures or [], None
        return last_word(service, failures, answered=self._answered)

    def _note(self, outcome: Failure | int) -> None:
        if isinstance(outcome, int):
            self._answered = True
        else:
            self._failures = [*(self._failures or ()), outcome]
