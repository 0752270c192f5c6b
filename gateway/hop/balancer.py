"""Chooses instances for services that are balanced in another way than the default."""

import random
from collections.abc import Callable

from gateway.hop.deciding.balancing import hashing, least_request, p2c, round_robin
from gateway.hop.deciding.balancing.choice import Choice, Loads
from gateway.hop.deciding.balancing.keys import key_of
from gateway.hop.deciding.balancing.slow_start import Since, ramped, since_when
from middlewares.candidates.deciding import Candidates
from middlewares.exchange import Exchange
from middlewares.routing.policy import Balance


class Balancer:
    """Remembers by service whose turn it is, and since when instances are candidates.

    `client_of` names a client by its address; `now` is in seconds.
    """

    def __init__(
        self,
        *,
        loads: Loads,
        rng: random.Random,
        now: Callable[[], float],
        client_of: Callable[[str], str],
    ) -> None:
        self._loads = loads
        self._rng = rng
        self._now = now
        self._client_of = client_of
        self._turns: dict[str, round_robin.Turns] = {}
        #: By service the last candidates, and since when each of them is one.
        self._since: dict[str, tuple[Candidates, Since]] = {}

    def choose(
        self, balance: Balance, service: str, exchange: Exchange, untried: Candidates
    ) -> Choice:
        """Choose one of those that have not been tried for this request."""
        if balance.slow_start_s:
            untried = self._ramped(balance.slow_start_s, service, exchange, untried)
        if balance.by == "round_robin":
            return round_robin.choose(untried, self._turns.setdefault(service, {}))
        if balance.by == "least_request":
            return least_request.choose(untried, self._loads, self._rng)
        if balance.by == "hash":
            client = self._client_of(exchange.client_ip) if balance.hash_of == "client" else ""
            key = key_of(balance, exchange.section.fields, client)
            if key is not None:
                return hashing.choose(untried, key, self._loads)
        return p2c.choose(untried, self._loads, self._rng)

    def _ramped(
        self, over_s: float, service: str, exchange: Exchange, untried: Candidates
    ) -> Candidates:
        now_s, candidates = self._now(), exchange.candidates
        assert candidates is not None, "the candidates layer comes before the hop"
        last, since = self._since.get(service, (None, {}))
        if candidates is not last:
            since = since_when(since, candidates, now_s)
            self._since[service] = candidates, since
        return ramped(untried, since, now_s, over_s)
