"""The hop: choose an instance, send the request, and give back its answer unsent, or try the next."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence

import structlog
from aiohttp import HttpVersion11, web

from gateway.forwarding.memories import ForwardingMemories
from gateway.forwarding.requests import Inbound, request_head
from gateway.forwarding.responses import interim_head
from gateway.front.answer import Answer
from gateway.front.request_body import ClientLimits, RequestBody
from gateway.hop.deciding.balancing import choose
from gateway.hop.traffic_evidence import TrafficEvidence
from gateway.upstream.client import UpstreamClient
from gateway.upstream.connection import OnInterim, UpstreamConnection
from gateway.upstream.deadlines import Deadlines
from gateway.upstream.messages import RequestHead, ResponseHead
from gateway.upstream.pool import Pool
from middlewares.candidates.deciding import Candidate
from middlewares.exchange import EXCHANGE, Attempt, Exchange
from middlewares.failures import (
    Failure,
    NoHealthyInstance,
    UpstreamReset,
    UpstreamUnreachable,
)
from middlewares.problems import problem_of
from middlewares.routing.deciding import Route, target_behind
from middlewares.telemetry.metrics import GatewayMetrics

#: RFC 9110 §9.2.2, and QUERY (RFC 10008): doing them twice is doing them once.
IDEMPOTENT = frozenset(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"])

_log = structlog.get_logger()


class _UnderWay:
    """Counts a request until its exchange is over."""

    __slots__ = ("_counts", "_service")

    def __init__(self, counts: dict[str, int], service: str) -> None:
        self._counts = counts
        self._service = service
        counts[service] += 1

    def release(self) -> None:
        self._counts[self._service] -= 1


class Proxy:
    """Handles every request below /api; read `handle` first."""

    def __init__(
        self,
        *,
        upstreams: UpstreamClient,
        evidence: TrafficEvidence,
        metrics: GatewayMetrics,
        peer_trusted: Callable[[str], bool],
        client_limits: ClientLimits,
        owns_cors: bool,
        met: ForwardingMemories,
    ) -> None:
        self._upstreams = upstreams
        self._evidence = evidence
        self._metrics = metrics
        self._peer_trusted = peer_trusted
        self._client_limits = client_limits
        self._owns_cors = owns_cors
        self._met = met
        self._rng = random.Random()

    async def handle(self, request: web.Request) -> Answer:
        """One request from its head to its answer's; a Failure where there is none."""
        exchange = request[EXCHANGE]
        route = exchange.route
        assert route is not None, "the route layer comes before the hop"
        service = route.service
        inbound = self._inbound(request, exchange, route)
        has_body = exchange.section.has_body
        body = RequestBody(request, exchange, self._client_limits) if has_body else None
        interim = self._interim(request, exchange)
        may_move = body is None and request.method in IDEMPOTENT
        now_s = asyncio.get_running_loop().time()
        deadlines = Deadlines.begun(route.policy.timeouts, now_s)
        failure: Failure | None = None
        nobody_there = True
        exchange.held.append(_UnderWay(self._metrics.in_flight, service))
        candidates = exchange.candidates
        for candidate in candidates if len(candidates) == 1 else self._in_turn(candidates):
            head = request_head(inbound, candidate.instance, self._met)
            if head.claims and not exchange.attempts:
                self._metrics.fields_dropped += head.claims
            attempt = Attempt(candidate.instance.id, time.monotonic())
            exchange.attempts.append(attempt)
            try:
                pool = self._upstreams.pool(candidate.instance)
                is_last = len(exchange.attempts) == len(candidates)
                movable = may_move and not is_last
                connection, said = await self._ask(pool, head, body, movable, interim, deadlines)
                answer = Answer(
                    said,
                    connection,
                    pool.give_back,
                    self._met,
                    send_timeout_s=self._client_limits.send_s,
                    without_cors=self._owns_cors,
                    takes_trailers=head.trailers,
                )
                exchange.held.append(answer)
                if connection.began_s > pool.answered_s:
                    pool.answered_s = connection.began_s
                self._end(exchange, attempt, service, "answered")
                return answer
            except Failure as ended:
                failure = ended
                nobody_there = nobody_there and is_nobody_there(ended)
                self._evidence.attempt_failed(candidate.instance, ended)
                self._end(exchange, attempt, service, problem_of(ended).reason, ended.seen)
                # An instance that died on a request may have acted on it, unless it saw nothing.
                may_repeat = isinstance(failure, UpstreamReset) and may_send_again(
                    failure, request.method, body
                )
                if not (failure.retryable or may_repeat):
                    break
        if failure is None or nobody_there:
            raise NoHealthyInstance(service) from failure
        raise failure

    async def _ask(
        self,
        pool: Pool,
        head: RequestHead,
        body: RequestBody | None,
        movable: bool,
        interim: OnInterim | None,
        deadlines: Deadlines,
    ) -> tuple[UpstreamConnection, ResponseHead]:
        """Send the request and wait for the response's head; the connection is then the caller's.

        An idle connection may just be closing. Where that is what happened, and sending once more is
        safe, a new connection is taken: that is no second attempt, and no evidence against anyone.
        """
        repeatable = head.method in IDEMPOTENT
        connection = pool.take_idle(repeatable=repeatable) or await pool.open(
            deadlines=deadlines, repeatable=repeatable
        )
        try:
            answer = await self._ask_over(connection, pool, head, body, movable, interim, deadlines)
        except UpstreamReset as reset:
            if not connection.reused or not may_send_again(reset, head.method, body):
                raise
        else:
            return connection, answer
        connection = await pool.open(deadlines=deadlines, fresh=True)
        answer = await self._ask_over(connection, pool, head, body, movable, interim, deadlines)
        return connection, answer

    async def _ask_over(
        self,
        connection: UpstreamConnection,
        pool: Pool,
        head: RequestHead,
        body: RequestBody | None,
        movable: bool,
        interim: OnInterim | None,
        deadlines: Deadlines,
    ) -> ResponseHead:
        pieces = body.begin() if body is not None else None
        connection.request(head, pieces, deadlines=deadlines, movable=movable, interim=interim)
        try:
            return await connection.head()
        except BaseException:
            pool.give_back(connection)
            raise

    def _interim(self, request: web.Request, exchange: Exchange) -> OnInterim | None:
        """What passes 1xx heads on to a client that knows them."""
        if request.version < HttpVersion11:
            return None
        without_cors, correlation_id = self._owns_cors, exchange.correlation_id

        def pass_on(head: ResponseHead) -> None:
            if request.transport is not None and not request.transport.is_closing():
                data = interim_head(head, correlation_id, without_cors=without_cors)
                request.transport.write(data)

        return pass_on

    def _in_turn(self, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
        """The candidates in the order in which they are to be tried, each chosen when it is due."""
        untried = list(candidates)
        while untried:
            candidate = choose(
                untried, self._upstreams.in_flight, self._upstreams.is_new, self._rng
            )
            untried.remove(candidate)
            yield candidate

    def _end(
        self,
        exchange: Exchange,
        attempt: Attempt,
        service: str,
        outcome: str,
        seen: str = "",
    ) -> None:
        attempt.outcome = outcome
        duration_s = time.monotonic() - attempt.started_s
        attempt.duration_s = exchange.upstream_s = duration_s
        self._metrics.attempt_finished(service, outcome, duration_s)
        if seen:
            _say_failed(attempt, outcome, seen)

    def _inbound(self, request: web.Request, exchange: Exchange, route: Route) -> Inbound:
        peer = request.remote or ""
        version = request.version
        return Inbound(
            request.method,
            exchange.section,
            version,
            peer,
            self._peer_trusted(peer),
            request.scheme,
            exchange.authority,
            target_behind(route, exchange.target),
            route.prefix,
            exchange.correlation_id,
        )


def is_nobody_there(failure: Failure) -> bool:
    """The instance takes no connections: it is gone, refuses them, or has begun to drain."""
    cause = failure.__cause__
    return isinstance(failure, UpstreamUnreachable) and (
        cause is None or isinstance(cause, ConnectionRefusedError)
    )


def _say_failed(attempt: Attempt, outcome: str, seen: str) -> None:
    _log.warning("attempt.failed", instance=attempt.instance_id, outcome=outcome, detail=seen)


def may_send_again(reset: UpstreamReset, method: str, body: RequestBody | None) -> bool:
    """A request whose connection ended may go out once more: it was not seen, or may be twice."""
    return (reset.untouched or method in IDEMPOTENT) and (body is None or body.is_replayable)
