"""The layer that limits requests to proxied routes: in a window, in flight, and by their cost."""

from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.costs.deciding import Cost, Reading
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import Failure, RateLimited, TooManyInFlight
from middlewares.limits.deciding import (
    ROOM,
    Ask,
    Asking,
    Decision,
    Held,
    RouteLimits,
    ask_for,
    ask_of,
    beside,
)
from middlewares.limits.holding import Holding
from middlewares.problems import problem_of
from middlewares.telemetry.metrics import GatewayMetrics

_log = structlog.get_logger()


def rate_limit_middleware(
    *,
    limits_of: Callable[[Exchange], RouteLimits],
    decide: Callable[[Ask], Awaitable[Decision]],
    charge_after: Callable[[Ask, int], Awaitable[None]],
    settle: Callable[[Held, Mapping[str, int]], None],
    extend: Callable[[Held, str, int], Awaitable[bool]],
    read_cost: Callable[
        [web.StreamResponse, Cost, Callable[[Reading], None], Callable[[int], None]], None
    ],
    key_of: Callable[[str], str],
    metrics: GatewayMetrics,
) -> Middleware:
    """Refuse a request that exceeds a limit of its route; `key_of` names a client by its address.

    `limits_of` says which limits of a routed request this layer decides; beside them it decides the
    limit of who has authenticated, if it has one of its own.

    A limit that counts answers is charged before the answer goes out, so a client that has read the
    answer has been counted. What is held is settled when the exchange ends, and extended if more is
    spent. `read_cost` has an instance's answer read for its cost; of another answer it tells nothing.
    """

    @web.middleware
    def limit(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        route = exchange.route
        if route is None:
            return handler(request)
        limits, identity = limits_of(exchange), exchange.identity
        if identity is not None and identity.limit is not None:
            limits = limits.and_own(identity.limit)
        if not limits.policies:
            return handler(request)
        client = key_of(exchange.client_ip)
        if limits.by_client:
            ask = ask_for(limits.policies, client)
        else:
            # To take the fields apart costs more than all the rest here.
            fields = exchange.section.fields if limits.by_header else ()
            subject = "" if identity is None else identity.key
            asking = Asking(client, route.service, route.id, fields, subject)
            ask = ask_of(limits.policies, asking)
        if limits.are_plain:
            return limited(request, handler, exchange, ask)
        return limited_and_settled(request, handler, exchange, ask, limits)

    async def limited(
        request: web.Request, handler: Handler, exchange: Exchange, ask: Ask
    ) -> web.StreamResponse:
        decision = await decide(ask)
        before = exchange.limit
        exchange.limit = decision if before is None else beside(before, decision)
        if decision.why is ROOM and not decision.locally:  # as nearly all are
            metrics.limit_decided(decision.check.policy.name, "allowed")
            for other in decision.others:
                metrics.limit_decided(other.check.policy.name, "allowed")
            return await handler(request)
        count(decision)
        if decision.why is not ROOM:
            raise RateLimited(decision.retry_after_s)
        return await handler(request)

    async def limited_and_settled(
        request: web.Request,
        handler: Handler,
        exchange: Exchange,
        ask: Ask,
        limits: RouteLimits,
    ) -> web.StreamResponse:
        decision = await decide(ask)
        before, seen = exchange.limit, shown(decision)
        if seen is not None:
            exchange.limit = seen if before is None else beside(before, seen)
        holding = None
        if decision.held is not None:
            holding = Holding(
                decision.held, limits.budgets, exchange.attempts, settle, extend, metrics
            )
            exchange.held.append(holding)
        count(decision)
        if not decision.allowed:
            raise refusal(decision)
        try:
            answer = await handler(request)
        except Failure as failure:
            await charge_after(ask, problem_of(failure).status)
            raise
        if holding is not None:
            for budget in limits.budgets:
                if budget.cost is not None:
                    reads = holding.reader_of(budget), holding.extender_of(budget)
                    read_cost(answer, budget.cost, *reads)
        if limits.count_answers:
            await charge_after(ask, answer.status)
        return answer

    def count(decision: Decision) -> None:
        """Count an admission for each limit, or a refusal for those that refuse."""
        admitted = decision.allowed
        count_one(decision, admitted)
        for other in decision.others:
            count_one(other, admitted)

    def count_one(decision: Decision, admitted: bool) -> None:
        policy = decision.check.policy
        if decision.why is ROOM:
            if not admitted:
                return  # another limit has refused the request
            word = "allowed"
        elif policy.shadow:
            word = "shadow_refused"
            _log.info("limit.shadow_refused", policy=policy.name)
        else:
            word = "refused"
        metrics.limit_decided(policy.name, f"{word}_locally" if decision.locally else word)

    return limit


def refusal(decision: Decision) -> Failure:
    """The failure of a request that a limit refuses."""
    if decision.check.policy.concurrent:
        return TooManyInFlight(decision.retry_after_s)
    return RateLimited(decision.retry_after_s)


def shown(decision: Decision) -> Decision | None:
    """The decision as clients are told of it, without shadows; None if all limits are shadows."""
    if decision.check.policy.shadow:
        return None
    if any(other.check.policy.shadow for other in decision.others):
        others = tuple(other for other in decision.others if not other.check.policy.shadow)
        return decision._replace(others=others)
    return decision


def limit_values(decision: Decision) -> tuple[bytes, bytes]:
    """The values of RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11)."""
    policies, left = decision.check.policy.described, _left(decision)
    for other in decision.others:
        policies += b", " + other.check.policy.described
        left += b", " + _left(other)
    return policies, left


def _left(decision: Decision) -> bytes:
    """The element of RateLimit."""
    policy = decision.check.policy
    if policy.concurrent and decision.why is ROOM:  # nobody knows when a request will end
        return b"%b;r=%d" % (policy.item, decision.remaining)
    reset_s = decision.reset_s if decision.why is ROOM else decision.retry_after_s
    return b"%b;r=%d;t=%d" % (policy.item, decision.remaining, reset_s)
