"""What the hop knows about a request, the same for each attempt."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.forwarding.requests import Inbound
from gateway.front.interim import pass_interim
from gateway.front.request_body import ClientLimits, RequestBody, body_of
from gateway.hop.deciding.retrying import IDEMPOTENT, Tried
from gateway.upstream.deadlines import Deadlines
from gateway.upstream.messages import ResponseHead
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.routing.deciding import target_behind
from middlewares.routing.policy import Retries


@dataclass(slots=True)
class Sending:
    """A request to send to any instance, with its deadlines over all attempts."""

    request: web.Request
    exchange: Exchange
    service: str
    inbound: Inbound
    body: RequestBody | bytes | None
    idempotent: bool
    deadlines: Deadlines
    retries: Retries
    owns_cors: bool

    def pass_interim(self, head: ResponseHead) -> None:
        """Pass a 1xx head to the client."""
        pass_interim(head, self.request, self.exchange.correlation_id, without_cors=self.owns_cors)

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
    idempotent = method in IDEMPOTENT
    policy = route.policy
    # Asked only if needed, because up to CPython 3.12 each get_running_loop is a system call.
    now_s = asyncio.get_running_loop().time() if policy.timeouts.total_s else 0.0
    deadlines = Deadlines.begun(policy.timeouts, now_s)
    return Sending(
        request,
        exchange,
        route.service,
        inbound,
        body,
        idempotent,
        deadlines,
        policy.retries,
        owns_cors,
    )
