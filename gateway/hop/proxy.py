"""The hop: chooses an instance, tries it, decides again, and returns the answer unsent."""

import random
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.front.answer import Answer
from gateway.hop.attempt import Attempts, Outcome
from gateway.hop.balancer import Balancer
from gateway.hop.deciding.balancing import p2c
from gateway.hop.deciding.tries import Tries
from gateway.hop.repeating import Repeating
from gateway.hop.sending import Means, Sending
from gateway.upstream.client import UpstreamClient
from middlewares.candidates.deciding import Candidate, Candidates

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.hop.watched_service import WatchedService


class Proxy:
    """Handles every request below /api."""

    def __init__(
        self,
        *,
        upstreams: UpstreamClient,
        attempts: Attempts,
        repeating: Repeating,
        means: Means,
        balancer: Balancer,
        rng: random.Random,
    ) -> None:
        self._upstreams = upstreams
        self._balancer = balancer
        self._attempts = attempts
        self._repeating = repeating
        self._means = means
        self._rng = rng

    async def handle(self, request: web.Request) -> Answer:
        """Pass one request on and return its answer: choose an instance, try it, and decide again.

        Raises a Failure if there is no answer.
        """
        sending = Sending(request, self._means)
        candidates = sending.exchange.candidates
        assert candidates is not None, "the candidates layer comes before the hop"
        tries = Tries(candidates, sending.route.policy.retries)
        outcome: Outcome | None
        while True:
            candidate = self._choose(sending, tries.untried)
            if sending.watched is not None:
                candidate = self._or_another(candidate, sending.watched, sending, tries)
            outcome = await self._attempts.make(sending, candidate.instance, tries.others)
            if isinstance(outcome, Answer) and outcome.status not in tries.on:
                return outcome
            if not await self._repeating.again(sending, tries, candidate, outcome):
                break
        if isinstance(outcome, Answer):
            return outcome
        try:
            raise tries.last_word(sending.route.service)
        finally:
            outcome = None  # it refers to this frame, and so does this

    def _or_another(
        self, chosen: Candidate, watched: "WatchedService", sending: Sending, tries: Tries
    ) -> Candidate:
        """The chosen candidate, or another one where something speaks against it, or one that is on trial."""
        others = watched.instead(chosen, tries.untried, repeatable=sending.may_be_risked)
        if others is None:
            return chosen
        if others.are_on_trial:
            tries.one_more()  # a trial takes no attempt away from those that nothing speaks against
        return self._choose(sending, others)

    def _choose(self, sending: Sending, candidates: Candidates) -> Candidate:
        balance = sending.route.policy.own_balance
        if balance is None:
            return p2c.choose(candidates, self._upstreams, self._rng).candidate
        service, exchange = sending.route.service, sending.exchange
        return self._balancer.choose(balance, service, exchange, candidates).candidate
