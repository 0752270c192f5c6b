"""The layer that limits each client's requests to proxied routes."""

from collections.abc import Awaitable, Callable
from functools import cache

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import RateLimited
from middlewares.hygiene.deciding import FieldLine
from middlewares.limits.deciding import Check, Decision, Policy
from middlewares.telemetry.metrics import GatewayMetrics


def rate_limit_middleware(
    *,
    decide: Callable[[Check], Awaitable[Decision]],
    key_of: Callable[[Exchange], str],
    metrics: GatewayMetrics,
) -> Middleware:
    """Refuse what is over the limit with RateLimited; `decide` is the one place where it is awaited."""

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        route = exchange.route
        if route is None or not route.policy.limits:
            return await handler(request)
        policy = route.policy.limits[0]
        decision = await decide(Check(policy, key_of(exchange)))
        exchange.limit = decision
        metrics.limit_decided(policy.name, _word(decision))
        if not decision.allowed:
            raise RateLimited(decision.retry_after_s)
        return await handler(request)

    return limit


def limit_fields(decision: Decision) -> tuple[FieldLine, FieldLine]:
    """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11)."""
    reset_s = decision.reset_s if decision.allowed else decision.retry_after_s
    name, policy_line = _of_policy(decision.policy)
    return policy_line, (b"RateLimit", b"%b;r=%d;t=%d" % (name, decision.remaining, reset_s))


@cache
def _of_policy(policy: Policy) -> tuple[bytes, FieldLine]:
    name = f'"{policy.name}"'.encode("ascii")
    value = b"%b;q=%d;w=%d" % (name, policy.requests, policy.window_s)
    return name, (b"RateLimit-Policy", value)


def _word(decision: Decision) -> str:
    word = "allowed" if decision.allowed else "refused"
    return f"{word}_locally" if decision.locally else word
