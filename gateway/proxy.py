"""The hop: choose an instance, send the request, stream the answer back, or try the next."""

import random
import time
from collections.abc import Callable, Iterator, Sequence

import structlog
from aiohttp import web

from gateway.balancing import choose
from gateway.forwarding import Inbound, request_head
from gateway.relayed_response import RelayedResponse
from gateway.request_body import body_of
from gateway.server import hand_over
from gateway.tunnel import join
from gateway.upstream.client import UpstreamClient
from gateway.upstream.connection import UpstreamConnection
from middlewares.candidates import Candidate
from middlewares.errors import abort
from middlewares.exchange import EXCHANGE, Attempt, Exchange
from middlewares.failures import Failure, NoHealthyInstance
from middlewares.metrics import GatewayMetrics
from middlewares.problems import problem_of
from middlewares.routing import split_target

_log = structlog.get_logger()


class Proxy:
    """Handles every request below /api; read `handle` first."""

    def __init__(
        self,
        *,
        upstreams: UpstreamClient,
        metrics: GatewayMetrics,
        peer_trusted: Callable[[str], bool],
        head_timeout_s: float,
        max_body_bytes: int,
        owns_cors: bool,
    ) -> None:
        self._upstreams = upstreams
        self._metrics = metrics
        self._peer_trusted = peer_trusted
        self._head_timeout_s = head_timeout_s
        self._max_body_bytes = max_body_bytes
        self._owns_cors = owns_cors
        self._rng = random.Random()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request from its head to its answer's last byte; a Failure where there is no answer."""
        exchange = request[EXCHANGE]
        assert exchange.route is not None, "the route layer comes before the hop"
        service = exchange.route.service
        inbound = self._inbound(request, exchange)
        body = body_of(request, exchange, self._max_body_bytes)
        failure: Failure = NoHealthyInstance(service)
        with self._metrics.in_flight(service):
            for candidate in self._in_turn(exchange.candidates):
                attempt = Attempt(candidate.instance.id, time.monotonic())
                exchange.attempts.append(attempt)
                head = request_head(inbound, candidate.instance.authority)
                try:
                    async with self._upstreams.connection(candidate.instance) as connection:
                        connection.request(head, body)
                        response_head = await connection.head(self._head_timeout_s)
                        self._end(exchange, attempt, "answered")
                        response = RelayedResponse(response_head, without_cors=self._owns_cors)
                        if response.status == 101:
                            with self._metrics.tunnel(service):
                                return await tunnel(request, exchange, connection, response)
                        return await relay(request, exchange, connection, response)
                except Failure as ended:
                    failure = ended
                    self._end(exchange, attempt, problem_of(failure).reason, failure.__cause__)
                    if not failure.retryable:
                        break
        raise failure

    def _in_turn(self, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
        """The candidates in the order in which they are to be tried, each chosen when it is due."""
        untried = list(candidates)
        while untried:
            candidate = choose(untried, self._upstreams.in_flight, self._rng)
            untried.remove(candidate)
            yield candidate

    def _end(
        self,
        exchange: Exchange,
        attempt: Attempt,
        outcome: str,
        cause: BaseException | None = None,
    ) -> None:
        attempt.outcome = outcome
        duration_s = time.monotonic() - attempt.started_s
        attempt.duration_ms = exchange.upstream_ms = duration_s * 1000
        assert exchange.route is not None
        self._metrics.attempt_finished(exchange.route.service, outcome, duration_s)
        if cause is not None:
            _log.warning(
                "attempt.failed", instance=attempt.instance_id, outcome=outcome, detail=str(cause)
            )

    def _inbound(self, request: web.Request, exchange: Exchange) -> Inbound:
        assert exchange.route is not None
        peer = request.remote or ""
        return Inbound(
            method=request.method,
            fields=request.raw_headers,
            version=(request.version.major, request.version.minor),
            peer=peer,
            peer_trusted=self._peer_trusted(peer),
            scheme=request.scheme,
            authority=split_target(request.raw_path)[0],
            target=exchange.route.target,
            prefix=exchange.route.prefix,
            correlation_id=exchange.correlation_id,
        )


async def relay(
    request: web.Request,
    exchange: Exchange,
    connection: UpstreamConnection,
    response: RelayedResponse,
) -> RelayedResponse:
    """Send the answer on as it comes; one that breaks off upstream breaks off for the client."""
    try:
        await response.prepare(request)
        while piece := await connection.read():
            await response.write(piece)
        await response.write_eof()
    except Failure as failure:
        # The head is out: only the connection's end can still say that the body is not whole.
        exchange.reason = problem_of(failure).reason
        abort(request)
        response.abandon()
    exchange.bytes_out = response.bytes_out
    return response


async def tunnel(
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
    joined = join(client.transport, connection)
    hand_over(client, joined)
    exchange.tunnelled = True
    try:
        await joined.run()
    finally:
        exchange.bytes_in, exchange.bytes_out = joined.bytes_in, joined.bytes_out
        response.abandon()
    return response
