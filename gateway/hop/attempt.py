"""One try at an instance: it ends in an Outcome, and every end, good or bad, is told in one place."""

import time

from discovery.model.instance import Instance
from gateway.forwarding.memories import ForwardingMemories
from gateway.forwarding.requests import request_head
from gateway.front.answer import Answer
from gateway.hop.deciding.retrying import Again, decide, may_move
from gateway.hop.sending import Sending
from gateway.hop.traffic_evidence import TrafficEvidence
from gateway.upstream.client import UpstreamClient
from gateway.upstream.messages import RequestHead
from middlewares.exchange import Attempt
from middlewares.failures import Failure, UpstreamReset
from middlewares.problems import problem_of
from middlewares.telemetry.attempts import attempt_failed
from middlewares.telemetry.metrics import GatewayMetrics

ANSWERED = "answered"
#: How a try at an instance ended: by an answer, which is unsent, or by a failure.
Outcome = Answer | Failure


class Attempts:
    """Makes them; read `make` first."""

    def __init__(
        self,
        *,
        upstreams: UpstreamClient,
        evidence: TrafficEvidence,
        metrics: GatewayMetrics,
        met: ForwardingMemories,
        send_timeout_s: float,
        owns_cors: bool,
    ) -> None:
        self._upstreams = upstreams
        self._evidence = evidence
        self._metrics = metrics
        self._met = met
        self._send_timeout_s = send_timeout_s
        self._owns_cors = owns_cors

    async def make(self, sending: Sending, instance: Instance, left: int) -> Outcome:
        """Try one instance, with so many tries left behind it; whatever fails is in the Outcome."""
        head = request_head(sending.inbound, instance, self._met)
        attempts = sending.exchange.attempts
        if head.claims and not attempts:
            self._metrics.fields_dropped += head.claims
        attempts.append(Attempt(instance.id, time.monotonic()))
        try:
            outcome: Outcome = await self._ask(head, sending, instance, left)
        except Failure as failure:
            outcome = failure.with_traceback(None)  # its frames would hold it
        self.attempt_ended(sending, instance, outcome)
        return outcome

    def attempt_ended(self, sending: Sending, instance: Instance, outcome: Outcome) -> None:
        """The one place that learns how each attempt ended."""
        exchange = sending.exchange
        attempt = exchange.attempts[-1]
        failure = outcome if isinstance(outcome, Failure) else None
        attempt.outcome = ANSWERED if failure is None else problem_of(failure).reason
        attempt.duration_s = exchange.upstream_s = time.monotonic() - attempt.started_s
        self._metrics.attempt_finished(sending.service, attempt.outcome, attempt.duration_s)
        self._evidence.attempt_ended(instance, outcome)
        if failure is not None:
            attempt_failed(attempt, attempt.outcome, failure)

    async def _ask(
        self, head: RequestHead, sending: Sending, instance: Instance, left: int
    ) -> Answer:
        """Send the request and wait for the answer's head; the exchange holds the connection then.

        An idle connection may just be closing. Where that is what happened, and sending once more is
        safe, a new connection is taken: that is no second attempt, and no evidence against anyone.
        """
        pool = self._upstreams.pool(instance)
        repeatable, deadlines = sending.idempotent, sending.deadlines
        movable = may_move(sending.inbound.method, has_body=sending.body is not None, left=left)
        connection = pool.take_idle(repeatable=repeatable)
        if connection is None:
            connection = await pool.open(deadlines=deadlines, repeatable=repeatable)
        while True:
            pieces = sending.body.begin() if sending.body is not None else None
            connection.request(
                head, pieces, deadlines=deadlines, movable=movable, interim=sending.interim
            )
            try:
                said = await connection.head()
                break
            except UpstreamReset as reset:
                pool.give_back(connection)
                decided = decide(reset, sending.tried(left, reused=connection.reused))
                if not (isinstance(decided, Again) and decided.there):
                    raise
            except BaseException:
                pool.give_back(connection)
                raise
            connection = await pool.open(deadlines=deadlines, fresh=True)
        if connection.began_s > pool.answered_s:
            pool.answered_s = connection.began_s
        answer = Answer(
            said,
            connection,
            pool.give_back,
            self._met,
            send_timeout_s=self._send_timeout_s,
            without_cors=self._owns_cors,
            takes_trailers=head.trailers,
        )
        sending.exchange.held.append(answer)
        return answer
