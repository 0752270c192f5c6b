"""What has been tried of one request, and what may be tried next."""

from gateway.hop.deciding.retrying import Again, Stop, Tried, decide, last_word
from middlewares.candidates.deciding import Candidate, Candidates
from middlewares.failures import Failure
from middlewares.routing.policy import Retries


class Tries:
    """The tries of one request: each attempt's failure, and the candidates that have had none.

    The plan is that of the request's route when it began.
    """

    __slots__ = ("_failures", "left", "untried")

    def __init__(self, candidates: Candidates, retries: Retries) -> None:
        self.untried = candidates
        most = len(candidates)
        #: The attempts that may follow the current one.
        self.left = min(retries.attempts or most, most) - 1
        self._failures: list[Failure] | None = None

    def after(self, candidate: Candidate, failure: Failure, tried: Tried) -> Again | Stop:
        """Decide what follows the failure of an attempt at this candidate."""
        if self._failures is None:
            self._failures = []
        self._failures.append(failure)
        decided = decide(failure, tried)
        if isinstance(decided, Again):
            self.left -= 1
            self.untried = self.untried.without(candidate)
        return decided

    def last_word(self, service: str) -> Failure:
        """The failure that the client is told; it is let go of here, since it refers to its frames."""
        failures, self._failures = self._failures or [], None
        return last_word(service, failures)
