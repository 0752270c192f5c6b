"""What the hop knows about a request, the same for each attempt."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from discovery.model.instance import Instance
from gateway.forwarding.memories import SenderMemory
from gateway.forwarding.requests import Inbound, plain_request_head, request_head
from gateway.front.interim import pass_interim
from gateway.front.plain_request import PlainRequest
from gateway.front.request_body import ClientLimits, RequestBody, body_of
from gateway.hop.deciding.retrying import IDEMPOTENT, Tried
from gateway.upstream.messages import RequestHead, ResponseHead
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import ServiceBusy
from middlewares.routing.deciding import target_behind
from middlewares.routing.route import Route

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.hop.watched_service import WatchedService


def _nothing(_service: str) -> "WatchedService | None":
    return None


@dataclass(frozen=True, slots=True)
class Means:
    """What the hop uses for each request.

    `in_flight` counts requests by service. `watched` gives what is known of a service that has outliers or
    a breaker.
    """

    trusts: Callable[[str], bool]
    senders: SenderMemory
    in_flight: dict[str, int]
    client_limits: ClientLimits
    watched: Callable[[str], "WatchedService | None"] = _nothing


class Sending:
    """A request to send to any instance, with its deadlines over all attempts.

    It is in flight from now on until its exchange ends.
    """

    __slots__ = (
        *("_head", "_means", "body", "deadlines", "exchange", "idempotent", "request", "route"),
        "watched",
    )

    def __init__(self, request: web.Request, means: Means) -> None:
        """Raises BodyTooLarge, BadRequest, LoopDetected, ServiceBusy or CircuitOpen."""
        exchange, method = request[EXCHANGE], request.method
        route = exchange.route
        assert route is not None, "the route layer comes before the hop"
        self.request = request
        self.exchange: Exchange = exchange
        self.route: Route = route
        self.idempotent = method in IDEMPOTENT
        policy = route.policy
        self.body = body_of(request, exchange, means.client_limits, policy.body_bytes)
        self.deadlines = policy.deadlines
        if policy.is_bounded:
            self._bound(means.in_flight)
        #: None: neither outliers nor a breaker.
        self.watched: WatchedService | None = None
        if policy.is_watched and (watched := means.watched(route.service)) is not None:
            watched.admit(repeatable=self.idempotent)
            self.watched = watched
        self._means = means
        self._head: RequestHead | None = None
        if route.host == "asked" and isinstance(request, PlainRequest):
            head = request.head
            self._head = plain_request_head(
                method,
                target_behind(route, exchange.hit, exchange.target),
                head,
                (request.remote or "", request.scheme, head.host, route.prefix),
                exchange.correlation_id,
                means.senders,
            )

        means.in_flight[route.service] += 1
        exchange.held.append(self)

    def _bound(self, in_flight: Mapping[str, int]) -> None:
        """Refuse it if the service has enough, and limit its time. Raises ServiceBusy."""
        service, policy = self.route.service, self.route.policy
        if policy.concurrent and in_flight[service] >= policy.concurrent:
            raise ServiceBusy(service, policy.concurrent)
        if policy.timeouts.total_s:
            # Asked only if needed, because up to CPython 3.12 each get_running_loop is a system call.
            self.deadlines = policy.deadlines_from(asyncio.get_running_loop().time())

    def release(self) -> None:
        """Note that the exchange has ended."""
        self._means.in_flight[self.route.service] -= 1

    def head_for(self, instance: Instance) -> RequestHead:
        """The head for an instance. Raises BadRequest or LoopDetected."""
        if self._head is not None:
            return self._head
        request, exchange, route = self.request, self.exchange, self.route
        peer = request.remote or ""
        inbound = Inbound(
            request.method,
            exchange.section,
            request.version,
            peer,
            self._means.trusts(peer),
            request.scheme,
            exchange.authority,
            target_behind(route, exchange.hit, exchange.target),
            route.prefix,
            exchange.correlation_id,
            sent_host=_sent_host(route, instance),
        )
        return request_head(inbound, instance)

    def pass_interim(self, head: ResponseHead) -> None:
        """Pass a 1xx head to the client."""
        pass_interim(
            head,
            self.request,
            self.exchange.correlation_id,
            without_cors=self.route.policy.cors is not None,
        )

    def tried(self, left: int, *, reused: bool = False) -> Tried:
        """The facts about a failed attempt that decide about a retry."""
        body = self.body
        replayable = not isinstance(body, RequestBody) or body.is_replayable
        return Tried(self.idempotent, replayable, reused, left)


def _sent_host(route: Route, instance: Instance) -> bytes | None:
    """The Host in place of the one that was asked for; None: that one."""
    if isinstance(route.host, bytes):
        return route.host
    return instance.authority.encode("ascii") if route.host == "own" else None
