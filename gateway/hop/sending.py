"""What the hop knows about a request, the same for each attempt."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.forwarding.requests import Inbound
from gateway.front.interim import passing_on
from gateway.front.request_body import ClientLimits, RequestBody, body_of
from gateway.hop.deciding.retrying import IDEMPOTENT, Tried
from gateway.upstream.connection import OnInterim
from gateway.upstream.deadlines import Deadlines
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.routing.deciding import target_behind
from middlewares.routing.policy import Retries


@dataclass(slots=True)
class Sending:
    """A request to send to any instance, with its deadlines over all attempts."""

    exchange: Exchange
    service: str
    inbound: Inbound
    body: RequestBody | bytes | None
    interim: OnInterim | None
    idempotent: bool
    deadlines: Deadlines
    retries: Retries

    def tried(self, left: int, *, reused: bool = False) -> Tried:
        """The facts about a failed attempt that decide about a retry."""
        body = self.body
        replayable = not isinstance(body, RequestBody) or body.is_replayable
        return Tried(self.idempotent, replayable, reused, left)


def sending_of(
    request: web.Request,
    *,
    peer_trusted: Callable[[str], bool],
    client_limits: ClientLimits,
    owns_cors: bool,
) -> Sending:
    """Make the Sending of a request that has a route."""
    exchange, method = request[EXCHANGE], request.method
    section, route = exchange.section, exchange.route
    assert route is not None, "the route layer comes before the hop"
    peer = request.remote or ""
    inbound = Inbound(
        method,
        section,
        request.version,
        peer,
        peer_trusted(peer),
        request.scheme,
        exchange.authority,
        target_behind(route, exchange.target),
        route.prefix,
        exchange.correlation_id,
    )
    body = body_of(request, exchange, client_limits)
    interim = passing_on(request, exchange.correlation_id, without_cors=owns_cors)
    idempotent = method in IDEMPOTENT
    policy = route.policy
    # Asked only if needed, because up to CPython 3.12 each get_running_loop is a system call.
    now_s = asyncio.get_running_loop().time() if policy.timeouts.total_s else 0.0
    deadlines = Deadlines.begun(policy.timeouts, now_s)
    return Sending(
        exchange, route.service, inbound, body, interim, idempotent, deadlines, policy.retries
    )
