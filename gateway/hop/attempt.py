"""One attempt at an instance, which ends in an Outcome; one place learns of every outcome."""

import time
from typing import TYPE_CHECKING

from discovery.model.instance import Instance
from gateway.front.answer import Answer
from gateway.front.request_body import RequestBody
from gateway.hop.deciding.blaming import FAILED, blame
from gateway.hop.deciding.retrying import Again, decide, may_move
from gateway.hop.sending import Sending
from gateway.hop.traffic_evidence import TrafficEvidence
from gateway.upstream.client import UpstreamClient
from gateway.upstream.messages import RequestHead
from middlewares.exchange import ANSWERED, Attempt
from middlewares.failures import Failure, UpstreamReset
from middlewares.problems import problem_of
from middlewares.telemetry.attempts import attempt_failed
from middlewares.telemetry.metrics import GatewayMetrics

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.hop.watched_service import WatchedService

#: How an attempt ended: with an unsent answer or with a failure.
Outcome = Answer | Failure


class Attempts:
    """Makes attempts; read `make` first."""

    def __init__(
        self,
        *,
        upstreams: UpstreamClient,
        evidence: TrafficEvidence,
        metrics: GatewayMetrics,
        send_timeout_s: float,
    ) -> None:
        self._upstreams = upstreams
        self._evidence = evidence
        self._metrics = metrics
        self._send_timeout_s = send_timeout_s

    async def make(self, sending: Sending, instance: Instance, others: int) -> Outcome:
        """Try one instance; the request may move to so many others. A failure is in the Outcome."""
        head = sending.head_for(instance)
        attempts = sending.exchange.attempts
        if head.claims and not attempts and not sending.exchange.is_copy:
            self._metrics.fields_dropped += head.claims
        attempts.append(Attempt(instance.id, time.monotonic(), version=instance.version))
        watched = sending.watched
        if watched is not None:
            watched.attempt_began(instance, is_upload=isinstance(sending.body, RequestBody))
        try:
            outcome: Outcome = await self._ask(head, sending, instance, others)
        except Failure as failure:
            outcome = failure.with_traceback(None)  # its frames refer to the failure
        except BaseException:
            if watched is not None:  # the client has left
                self._tell(watched, sending, instance, None)
            raise
        self.attempt_ended(sending, instance, outcome)
        return outcome

    def attempt_ended(self, sending: Sending, instance: Instance, outcome: Outcome) -> None:
        """Record how an attempt ended; every attempt ends here."""
        exchange = sending.exchange
        attempt = exchange.attempts[-1]
        took_s = attempt.duration_s = exchange.upstream_s = time.monotonic() - attempt.started_s
        if isinstance(outcome, Failure):
            attempt.outcome = problem_of(outcome).reason
            self._evidence.attempt_failed(instance, outcome)
            if blame(outcome, took_s, sending.route.policy.patience_s):
                self._upstreams.attempt_failed(instance.key, took_s)
            if not exchange.is_copy:
                attempt_failed(attempt, attempt.outcome, outcome)
        else:
            attempt.outcome = ANSWERED
        if sending.watched is not None:
            self._tell(sending.watched, sending, instance, outcome)
        if not exchange.is_copy:
            self._metrics.attempt_finished(sending.route.service, attempt.outcome, took_s)

    def _tell(
        self,
        watched: "WatchedService",
        sending: Sending,
        instance: Instance,
        outcome: Outcome | None,
    ) -> None:
        watched.attempt_ended(
            instance,
            outcome,
            sending.exchange.attempts[-1],
            sending.route.policy.patience_s,
            is_upload=isinstance(sending.body, RequestBody),
        )

    async def _ask(
        self, head: RequestHead, sending: Sending, instance: Instance, others: int
    ) -> Answer:
        """Send the request and wait for the answer's head; then the exchange holds the connection.

        The instance may be closing an idle connection. If it was, and sending again is safe, the request
        goes over a new connection; that is no second attempt, and no evidence against the instance.
        """
        pool = self._upstreams.pool(instance)
        repeatable, deadlines = sending.idempotent, sending.deadlines
        movable = may_move(head.method, has_body=sending.body is not None, left=others)
        connection = pool.take_idle(repeatable=repeatable)
        if connection is None:
            connection = await pool.open(deadlines=deadlines, repeatable=repeatable)
        while True:
            body = sending.body
            connection.request(
                head,
                body.begin() if isinstance(body, RequestBody) else body,
                deadlines=deadlines,
                movable=movable,
                interim=sending.pass_interim,
            )
            try:
                said = await connection.head()
                break
            except UpstreamReset as reset:
                reset.reused = connection.reused
                pool.give_back(connection)
                decided = decide(reset, sending.tried(others, reused=connection.reused))
                if not (isinstance(decided, Again) and decided.there):
                    raise
            except BaseException:
                pool.give_back(connection)
                raise
            connection = await pool.open(deadlines=deadlines, fresh=True)
        pool.answered(connection, failed=said.status in FAILED)
        answer = Answer(
            said,
            connection,
            pool.give_back,
            send_timeout_s=self._send_timeout_s,
            without_cors=sending.route.policy.cors is not None,
            takes_trailers=head.trailers,
        )
        sending.exchange.held.append(answer)
        return answer
