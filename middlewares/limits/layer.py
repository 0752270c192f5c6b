"""The layer that limits each client's requests to proxied routes."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import Failure, RateLimited
from middlewares.limits.deciding import ROOM, Ask, Asking, Decision, ask_for, ask_of
from middlewares.problems import problem_of
from middlewares.telemetry.metrics import GatewayMetrics


def rate_limit_middleware(
    *,
    decide: Callable[[Ask], Awaitable[Decision]],
    charge_after: Callable[[Ask, int], Awaitable[None]],
    key_of: Callable[[str], str],
    metrics: GatewayMetrics,
) -> Middleware:
    """Refuse a request that exceeds a limit of its route with RateLimited; `key_of` names a client by its address.

    A limit that counts answers is charged before the answer goes out, so a client that has read the
    answer has been counted.
    """

    @web.middleware
    def limit(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        route = exchange.route
        if route is None or not (policy := route.policy).limits:
            return handler(request)
        if policy.limits_by_client:
            ask = ask_for(policy.limits, key_of(exchange.client_ip))
        else:
            client, fields = key_of(exchange.client_ip), exchange.section.fields
            ask = ask_of(policy.limits, Asking(client, route.service, route.id, fields))
        return limited(request, handler, exchange, ask, policy.counts_answers)

    async def limited(
        request: web.Request, handler: Handler, exchange: Exchange, ask: Ask, counts_answers: bool
    ) -> web.StreamResponse:
        decision = exchange.limit = await decide(ask)
        allowed = decision.why is ROOM
        word = "allowed" if allowed else "refused"
        metrics.limit_decided(
            decision.check.policy.name, f"{word}_locally" if decision.locally else word
        )
        if not allowed:
            raise RateLimited(decision.retry_after_s)
        if not counts_answers:
            return await handler(request)
        try:
            answer = await handler(request)
        except Failure as failure:
            await charge_after(ask, problem_of(failure).status)
            raise
        await charge_after(ask, answer.status)
        return answer

    return limit


def limit_values(decision: Decision) -> tuple[bytes, bytes]:
    """The values of RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11)."""
    reset_s = decision.reset_s if decision.why is ROOM else decision.retry_after_s
    policy = decision.check.policy
    policies, left = policy.described, b"%b;r=%d;t=%d" % (policy.item, decision.remaining, reset_s)
    if decision.others:
        others = [limit_values(other) for other in decision.others]
        policies = b", ".join([policies, *(value for value, _ in others)])
        left = b", ".join([left, *(value for _, value in others)])
    return policies, left
