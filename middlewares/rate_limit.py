"""The layer that limits each client's requests to proxied routes."""

from collections.abc import Awaitable, Callable
from functools import cache

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import RateLimited
from middlewares.limiting import Check, Decision, Policy
from middlewares.metrics import GatewayMetrics


def rate_limit_middleware(
    *,
    policy: Policy,
    decide: Callable[[Check], Awaitable[Decision]],
    key_of: Callable[[Exchange], str],
    metrics: GatewayMetrics,
) -> Middleware:
    """Refuse what is over the limit with RateLimited; `decide` is the one place where it is awaited."""

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        if exchange.route is None or policy.requests == 0:
            return await handler(request)
        decision = await decide(Check(policy, key_of(exchange)))
        exchange.limit = decision
        metrics.limit_decided(policy.name, _word(decision))
        if not decision.allowed:
            raise RateLimited(decision.retry_after_s)
        return await handler(request)

    return limit


def limit_fields(decision: Decision) -> tuple[tuple[str, str], tuple[str, str]]:
    """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11)."""
    reset_s = decision.reset_s if decision.allowed else decision.retry_after_s
    return (
        ("RateLimit-Policy", _policy_value(decision.policy)),
        ("RateLimit", f'"{decision.policy.name}";r={decision.remaining};t={reset_s}'),
    )


@cache
def _policy_value(policy: Policy) -> str:
    return f'"{policy.name}";q={policy.requests};w={policy.window_s}'


def _word(decision: Decision) -> str:
    word = "allowed" if decision.allowed else "refused"
    return f"{word}_locally" if decision.locally else word
