"""What the hop knows about a request, the same for each attempt."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from discovery.model.instance import Instance
from gateway.forwarding.memories import SenderMemory
from gateway.forwarding.requests import Inbound, plain_request_head, request_head
from gateway.front.client_limits import ClientLimits
from gateway.front.interim import pass_interim
from gateway.front.plain_request import PlainRequest
from gateway.front.request_body import REPLAYED_BYTES, RequestBody, body_of
from gateway.hop.deciding.request_timeout import asked_timeout_s, timeout_line
from gateway.hop.deciding.retry_budget import RetryBudgets
from gateway.hop.deciding.retrying import IDEMPOTENT, Tried
from gateway.machine.shares import ALL, Share
from gateway.upstream.messages import RequestHead, ResponseHead
from middlewares.exchange import ANSWERED, EXCHANGE, Exchange
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

    `in_flight` counts requests by service. `budgets` limit their repeats. `watched` gives what is known of
    a service that has outliers or a breaker.
    """

    trusts: Callable[[str], bool]
    senders: SenderMemory
    in_flight: dict[str, int]
    client_limits: ClientLimits
    budgets: RetryBudgets
    watched: Callable[[str], "WatchedService | None"] = _nothing
    #: What this worker has of a limit for the whole gateway.
    share: Share = ALL


class Sending:
    """A request to send to any instance, with its deadlines over all attempts.

    It is in flight from now on until its exchange ends.
    """

    __slots__ = (
        *("_head", "_means", "_tells_time_left", "body", "deadlines", "exchange", "idempotent"),
        *("request", "route", "watched"),
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
        self._tells_time_left = False
        if policy.is_bounded or exchange.section.request_timeout is not None:
            self._bound(means)
        #: None: neither outliers nor a breaker.
        self.watched: WatchedService | None = None
        self._means = means
        self._head: RequestHead | None = None
        if route.host == "asked" and isinstance(request, PlainRequest):
            head = request.head
            self._head = plain_request_head(
                method,
                target_for(exchange, route),
                head,
                (request.remote or "", request.scheme, head.host, prefix_for(exchange, route)),
                exchange.correlation_id,
                means.senders,
                b"" if self._tells_time_left else head.timeout_line,
                exchange.changes,
                exchange.changed_body,
            )
        # At last, because a request that is refused must not have been let in as a trial.
        if policy.is_watched and (watched := means.watched(route.service)) is not None:
            watched.admit(repeatable=self.may_be_risked)
            self.watched = watched
        if policy.retries.budget is not None:
            means.budgets[route.service].count(exchange.started_s)
        if not exchange.is_copy:
            means.in_flight[route.service] += 1
        exchange.held.append(self)

    @property
    def may_be_risked(self) -> bool:
        """Whether the request goes on to another instance, whatever its first attempt does to it.

        One with a body does not if the instance hangs, nor if the body is too long to be kept.
        """
        return self.idempotent and self.body is None

    def _bound(self, means: Means) -> None:
        """Refuse it if the service has enough, and limit its time. Raises ServiceBusy."""
        service, policy = self.route.service, self.route.policy
        if policy.concurrent:
            most = means.share.of(policy.concurrent)
            if means.in_flight[service] >= most:
                raise ServiceBusy(service, most)
        total_s, asked = policy.timeouts.total_s, self.exchange.section.request_timeout
        asked_s = asked_timeout_s(asked) if asked is not None and policy.takes_timeout else None
        if asked_s is not None:
            total_s = min(total_s or asked_s, asked_s)
            self._tells_time_left = True
        if total_s:
            spent_s = time.monotonic() - self.exchange.started_s
            # Asked only if needed, because up to CPython 3.12 each get_running_loop is a system call.
            now_s = asyncio.get_running_loop().time()
            self.deadlines = policy.deadlines_until(now_s + total_s - spent_s)

    def release(self) -> None:
        """Note that the exchange has ended."""
        exchange = self.exchange
        if self.watched is not None and not exchange.attempts:
            self.watched.said_nothing(time.monotonic())
        elif self.watched is not None and exchange.reason is not None:
            last = exchange.attempts[-1]
            if last.outcome == ANSWERED:
                key = f"{self.route.service}/{last.instance_id}"
                self.watched.body_broke(key, last, exchange.reason)
        if not exchange.is_copy:
            self._means.in_flight[self.route.service] -= 1

    def head_for(self, instance: Instance) -> RequestHead:
        """The head for an instance. Raises BadRequest or LoopDetected."""
        line = b""
        if self._tells_time_left:
            line = timeout_line(self.deadlines.ends_s - asyncio.get_running_loop().time())
        head = self._head
        if head is not None:
            if line:  # before the empty line
                return RequestHead(head.method, head.data[:-2] + line + b"\r\n", head.length)
            return head
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
            target_for(exchange, route),
            prefix_for(exchange, route),
            exchange.correlation_id,
            sent_host=_sent_host(route, instance),
            timeout_line=line,
            changes=exchange.changes,
            changed_body=exchange.changed_body,
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
        """The facts about an attempt without success that decide about a retry."""
        body, idempotent = self.body, self.idempotent
        replayable = not isinstance(body, RequestBody) or body.is_replayable
        if self.route.policy.retries.budget is not None:
            # So that it does not depend on how a body's bytes happened to arrive.
            replayable = replayable and not (isinstance(body, bytes) and len(body) > REPLAYED_BYTES)
            idempotent = idempotent or self._has_key()
        return Tried(idempotent, replayable, reused, left)

    def _has_key(self) -> bool:
        """Whether the service recognises a repeat by an Idempotency-Key."""
        fields = self.exchange.section.fields
        return any(name.lower() == b"idempotency-key" and value for name, value in fields)


def prefix_for(exchange: Exchange, route: Route) -> str:
    """What the paths of the instance begin with for clients."""
    return route.prefix if exchange.sent_prefix is None else exchange.sent_prefix


def target_for(exchange: Exchange, route: Route) -> str:
    """The target that an instance gets."""
    if exchange.sent_target is not None:
        return exchange.sent_target
    return target_behind(route, exchange.hit, exchange.target)


def _sent_host(route: Route, instance: Instance) -> bytes | None:
    """The Host in place of the one that was asked for; None: that one."""
    if isinstance(route.host, bytes):
        return route.host
    return instance.authority.encode("ascii") if route.host == "own" else None
