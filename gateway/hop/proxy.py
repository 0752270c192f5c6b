"""The hop: choose an instance, send the request, stream the answer back, or try the next."""

import random
import time
from collections.abc import Callable, Iterator, Sequence

import structlog
from aiohttp import HttpVersion11, web

from gateway.forwarding.memories import ForwardingMemories
from gateway.forwarding.requests import Inbound, request_head
from gateway.forwarding.responses import interim_head
from gateway.front.relayed_response import RelayedResponse
from gateway.front.request_body import ClientLimits, RequestBody
from gateway.front.server import hand_over, streaming
from gateway.front.tunnel import join
from gateway.hop.deciding.balancing import choose
from gateway.hop.traffic_evidence import TrafficEvidence
from gateway.upstream.client import UpstreamClient
from gateway.upstream.connection import OnInterim, UpstreamConnection
from gateway.upstream.messages import RequestHead, ResponseHead
from gateway.upstream.pool import Pool
from middlewares.candidates.deciding import Candidate
from middlewares.errors import abort
from middlewares.exchange import EXCHANGE, Attempt, Exchange
from middlewares.failures import (
    Failure,
    NoHealthyInstance,
    UpstreamFailure,
    UpstreamReset,
    UpstreamUnreachable,
)
from middlewares.problems import problem_of
from middlewares.routing.deciding import Route, target_behind
from middlewares.telemetry.metrics import GatewayMetrics

#: RFC 9110 §9.2.2, and QUERY (RFC 10008): doing them twice is doing them once.
IDEMPOTENT = frozenset(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"])

SWITCHING_PROTOCOLS = 101

_log = structlog.get_logger()


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

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request from its head to its answer's last byte; a Failure where there is no answer."""
        exchange = request[EXCHANGE]
        route = exchange.route
        assert route is not None, "the route layer comes before the hop"
        service = route.service
        inbound = self._inbound(request, exchange, route)
        has_body = exchange.section.has_body
        body = RequestBody(request, exchange, self._client_limits) if has_body else None
        interim = self._interim(request, exchange)
        may_move = body is None and request.method in IDEMPOTENT
        ends_s = self._upstreams.ends_s()
        failure: Failure | None = None
        nobody_there = True
        self._metrics.in_flight[service] += 1
        try:
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
                    connection, answer = await self._ask(pool, head, body, movable, interim, ends_s)
                    try:
                        if connection.began_s > pool.answered_s:
                            pool.answered_s = connection.began_s
                        self._end(exchange, attempt, service, "answered")
                        response = RelayedResponse(
                            answer,
                            self._met,
                            send_timeout_s=self._client_limits.send_s,
                            without_cors=self._owns_cors,
                            takes_trailers=head.trailers,
                        )
                        if answer.status == SWITCHING_PROTOCOLS:
                            return await self._tunnel(request, exchange, connection, response)
                        return await relay(request, exchange, connection, response)
                    finally:
                        pool.give_back(connection)
                except Failure as ended:
                    failure = ended
                    nobody_there = nobody_there and is_nobody_there(ended)
                    self._evidence.attempt_failed(candidate.instance, ended)
                    self._end(exchange, attempt, service, problem_of(ended).reason, seen_in(ended))
                    # An instance that died on a request may have acted on it, unless it saw nothing.
                    may_repeat = isinstance(failure, UpstreamReset) and may_send_again(
                        failure, request.method, body
                    )
                    if not (failure.retryable or may_repeat):
                        break
        finally:
            self._metrics.in_flight[service] -= 1
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
        ends_s: float,
    ) -> tuple[UpstreamConnection, ResponseHead]:
        """Send the request and wait for the response's head; the connection is then the caller's.

        An idle connection may just be closing. Where that is what happened, and sending once more is
        safe, a new connection is taken: that is no second attempt, and no evidence against anyone.
        """
        repeatable = head.method in IDEMPOTENT
        connection = pool.take_idle(repeatable=repeatable) or await pool.open(
            repeatable=repeatable, ends_s=ends_s
        )
        try:
            answer = await self._ask_over(connection, pool, head, body, movable, interim, ends_s)
        except UpstreamReset as reset:
            if not connection.reused or not may_send_again(reset, head.method, body):
                raise
        else:
            return connection, answer
        connection = await pool.open(fresh=True, ends_s=ends_s)
        answer = await self._ask_over(connection, pool, head, body, movable, interim, ends_s)
        return connection, answer

    async def _ask_over(
        self,
        connection: UpstreamConnection,
        pool: Pool,
        head: RequestHead,
        body: RequestBody | None,
        movable: bool,
        interim: OnInterim | None,
        ends_s: float,
    ) -> ResponseHead:
        pieces = body.begin() if body is not None else None
        connection.request(head, pieces, movable=movable, interim=interim, ends_s=ends_s)
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

    async def _tunnel(
        self,
        request: web.Request,
        exchange: Exchange,
        connection: UpstreamConnection,
        response: RelayedResponse,
    ) -> RelayedResponse:
        """Pass the 101 on, then bytes both ways until both ends have finished."""
        await response.prepare(request)
        client = request.protocol
        if client.transport is None:
            raise ConnectionResetError("the client is gone")
        tunnel = join(client.transport, connection)
        hand_over(client, tunnel)
        exchange.stream = "tunnel"
        assert exchange.route is not None
        self._metrics.tunnels[exchange.route.service] += 1
        try:
            await tunnel.run()
        finally:
            self._metrics.tunnels[exchange.route.service] -= 1
            exchange.bytes_in, exchange.bytes_out = tunnel.bytes_in, tunnel.bytes_out
            response.abandon()
        return response

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


async def relay(
    request: web.Request,
    exchange: Exchange,
    connection: UpstreamConnection,
    response: RelayedResponse,
) -> RelayedResponse:
    """Send the answer on as it comes; one that breaks off upstream breaks off for the client."""
    try:
        response.trailers = connection.trailers
        if connection.is_complete:
            await response.send_whole(request, connection.rest())
        else:
            if response.is_event_stream:
                exchange.stream = "event_stream"
            await response.prepare(request)
            with streaming(request, response):
                connection.forward_to(response.forward)
                while piece := await connection.read():
                    await response.write(piece)
            await response.write_eof()
    except Failure as failure:
        # The head is out: only the connection's end can still say that the body is not whole.
        exchange.reason = problem_of(failure).reason
        if exchange.attempts and (seen := seen_in(failure)):
            _say_failed(exchange.attempts[-1], exchange.reason, seen)
        abort(request)
        response.abandon()
    finally:
        exchange.bytes_out = response.bytes_out  # also where the client leaves in the middle
    return response


def is_nobody_there(failure: Failure) -> bool:
    """The instance takes no connections: it is gone, refuses them, or has begun to drain."""
    cause = failure.__cause__
    return isinstance(failure, UpstreamUnreachable) and (
        cause is None or isinstance(cause, ConnectionRefusedError)
    )


def seen_in(failure: Failure) -> str:
    """What of a failed attempt is for people who operate, and not for the client."""
    if isinstance(failure, UpstreamFailure) and failure.evidence:
        return failure.evidence
    cause = failure.__cause__
    return str(cause) or type(cause).__name__ if cause is not None else ""


def _say_failed(attempt: Attempt, outcome: str, seen: str) -> None:
    _log.warning("attempt.failed", instance=attempt.instance_id, outcome=outcome, detail=seen)


def may_send_again(reset: UpstreamReset, method: str, body: RequestBody | None) -> bool:
    """A request whose connection ended may go out once more: it was not seen, or may be twice."""
    return (reset.untouched or method in IDEMPOTENT) and (body is None or body.is_replayable)
