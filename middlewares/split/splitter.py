"""Chooses the share of each request, once, and another one where it can't answer."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import web

from middlewares.candidates.lookup import Lookup
from middlewares.exchange import Exchange
from middlewares.failures import NoView
from middlewares.split.deciding import Chosen
from middlewares.split.deciding.identities import cookie_value, field_value, identity_of
from middlewares.split.deciding.standing import Standing, first_able, standing
from middlewares.split.live import LiveSplit
from middlewares.split.policy import SplitPolicy

if TYPE_CHECKING:
    from middlewares.version_ranges import VersionRange

    Ranges = tuple[VersionRange, ...]

#: Of instances of these tiers one is well, or is not known to be otherwise.
_ABLE = ("registered", "suspected")


class Splitter:
    """The splits of a worker, by the id of their route."""

    def __init__(self, lookup: Lookup, client_key: Callable[[str], str]) -> None:
        self.live: dict[str, LiveSplit] = {}
        self._look = lookup.look
        self._client_key = client_key

    def decide(self, _request: web.Request, exchange: Exchange) -> None:
        """Write the share of a request into its Exchange, unless one is there."""
        route = exchange.route
        if route is None or exchange.chosen is not None:
            return
        policy: SplitPolicy | None = route.policy.split
        if policy is None:
            return
        live = self.of(route.id, policy)
        identity = self._identity(policy, exchange)
        override = policy.override
        if override is None and not exchange.ranges:  # nearly all requests
            first = live.hashing.pick(identity, live.weights)
            service = route.shares[first].service if route.shares else route.service
            with suppress(NoView):  # the candidates say so
                if self._look(service, live.ranges[first]).tier in _ABLE:
                    self._choose(exchange, live, first, identity)
                    return
        self._decide_with_care(exchange, live, route, identity)

    def _decide_with_care(
        self, exchange: Exchange, live: LiveSplit, route: Any, identity: bytes
    ) -> None:
        """Decide for testers, for clients that name a version, and where a share can't answer."""
        policy = live.policy
        fields = exchange.section.fields
        standing_of = self._standing_of(policy, route, exchange.ranges)
        override = policy.override
        if override is not None:
            read = field_value if override.kind == "header" else cookie_value
            tested = live.testers.meant(read(override.name, fields))
            if tested is not None and standing_of(tested) == "able":
                self._choose(exchange, live, tested, identity, counts=False)
                return
        weights = live.weights
        if exchange.ranges:  # the client has named a version: only shares that have it count
            there = [standing_of(index) != "absent" for index in range(len(weights))]
            weights = [
                one if is_there else 0.0 for one, is_there in zip(weights, there, strict=True)
            ]
            if not any(weights):
                if not any(there):
                    return
                weights = [1.0 if is_there else 0.0 for is_there in there]
        first = live.hashing.pick(identity, weights)
        found = standing_of(first)
        if found == "able":
            self._choose(exchange, live, first, identity)
            return
        able = first_able(live.hashing.order(identity, weights), standing_of)
        if able is not None and able != first:
            live.moved[policy.names[first]] += 1
            if found == "failing":  # what would have become of the request
                live.add(first, identity, failed=True, took_s=0.0)
            self._choose(exchange, live, able, identity, counts=False, tried=(first,))
            return
        self._choose(exchange, live, first, identity)

    def move(self, exchange: Exchange) -> bool:
        """Choose another share, since the one that was chosen could not answer; False: there is none."""
        chosen = exchange.chosen
        assert chosen is not None
        policy: SplitPolicy = chosen.route.policy.split
        live = self.of(chosen.route.id, policy)
        tried = (*chosen.tried, chosen.place)
        weights = [0.0 if index in tried else one for index, one in enumerate(live.weights)]
        standing_of = self._standing_of(policy, chosen.route, chosen.ranges)
        order = live.hashing.order(chosen.identity, weights)
        able = first_able(order, standing_of)
        if able is None or standing_of(able) == "starting":
            return False
        live.moved[chosen.name] += 1
        exchange.route, exchange.ranges = chosen.route, chosen.ranges
        self._choose(exchange, live, able, chosen.identity, counts=False, tried=tried)
        return True

    def of(self, route: str, policy: SplitPolicy) -> LiveSplit:
        """The split in force; a request that began before a reload has one of its own."""
        live = self.live.get(route)
        if live is None or (live.policy is not policy and live.policy.names != policy.names):
            return LiveSplit(route, policy)
        return live

    def _choose(
        self,
        exchange: Exchange,
        live: LiveSplit,
        index: int,
        identity: bytes,
        *,
        counts: bool = True,
        tried: tuple[int, ...] = (),
    ) -> None:
        share, route = live.policy.shares[index], exchange.route
        assert route is not None
        exchange.share = share.name
        exchange.chosen = Chosen(share.name, index, identity, route, exchange.ranges, counts, tried)
        if share.range is not None:
            ranges = exchange.ranges
            exchange.ranges = (*ranges, share.range) if ranges else live.ranges[index]
        elif route.shares:
            exchange.route = route.shares[index]
        live.requests[share.name] += 1

    def _identity(self, policy: SplitPolicy, exchange: Exchange) -> bytes:
        if policy.by == "client":
            return b"client\0" + self._client_key(exchange.client_ip).encode(
                "utf-8", "surrogateescape"
            )
        return identity_of(
            policy.by,
            policy.name,
            subject=None if exchange.identity is None else exchange.identity.key,
            client=self._client_key(exchange.client_ip),
            fields=exchange.section.fields,
        )

    def _standing_of(
        self, policy: SplitPolicy, route: Any, ranges: "Ranges"
    ) -> Callable[[int], Standing]:
        def standing_of(index: int) -> Standing:
            share = policy.shares[index]
            service = route.service
            within: Iterable[VersionRange] = ranges
            if share.range is not None:
                within = (*ranges, share.range)
            elif route.shares:
                service = route.shares[index].service
            try:
                return standing(self._look(service, tuple(within)))
            except NoView:  # nobody knows, and the candidates say so
                return "able"

        return standing_of
