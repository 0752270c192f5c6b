"""The hop: chooses an instance, tries it, decides again, and returns the answer unsent."""

import random

from aiohttp import web

from gateway.front.answer import Answer
from gateway.hop.attempt import Attempts, Outcome
from gateway.hop.deciding.balancing import choose
from gateway.hop.deciding.retrying import Stop, decide, last_word
from gateway.hop.sending import Means, Sending
from gateway.upstream.client import UpstreamClient
from middlewares.failures import Failure


class Proxy:
    """Handles every request below /api."""

    def __init__(
        self,
        *,
        upstreams: UpstreamClient,
        attempts: Attempts,
        means: Means,
    ) -> None:
        self._upstreams = upstreams
        self._attempts = attempts
        self._means = means
        self._rng = random.Random()

    async def handle(self, request: web.Request) -> Answer:
        """Pass one request on and return its answer: choose an instance, try it, and decide again.

        Raises a Failure if there is no answer.
        """
        sending = Sending(request, self._means)
        untried = sending.exchange.candidates
        assert untried is not None, "the candidates layer comes before the hop"
        failures: list[Failure] = []
        outcome: Outcome | None
        left = min(sending.route.policy.retries.attempts or len(untried), len(untried))
        while left:
            left -= 1
            candidate = choose(untried, self._upstreams, self._rng).candidate
            outcome = await self._attempts.make(sending, candidate.instance, left)
            if isinstance(outcome, Answer):
                return outcome
            failures.append(outcome)
            if isinstance(decide(outcome, sending.tried(left)), Stop):
                break
            untried = untried.without(candidate)
        try:
            raise last_word(sending.route.service, failures)
        finally:
            outcome = None  # it refers to this frame, and so do these
            failures.clear()
