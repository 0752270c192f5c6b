"""Makes a request ready for another attempt: takes it from the budget, lets go of an answer, pauses."""

import asyncio
import random
import time
from contextlib import suppress
from typing import cast

from gateway.front.answer import Answer
from gateway.hop.attempt import Outcome
from gateway.hop.deciding.pausing import asked_pause_s
from gateway.hop.deciding.retry_budget import RetryBudgets
from gateway.hop.deciding.retrying import EXHAUSTED, Stop, cause_of
from gateway.hop.deciding.tries import Now, Tries
from gateway.hop.sending import Sending
from gateway.upstream.connection import UpstreamConnection
from middlewares.candidates.deciding import Candidate
from middlewares.failures import Failure
from middlewares.routing.policy import NEVER
from middlewares.telemetry.metrics import GatewayMetrics

#: The rest of a short answer that is not passed on is read for so long, so that its connection can be used again.
DRAINED_WITHIN_S = 0.02
DRAINED_BYTES = 64 * 1024


class Repeating:
    """Decides by a request's tries whether it is repeated, and does what comes before that."""

    def __init__(self, metrics: GatewayMetrics, budgets: RetryBudgets, rng: random.Random) -> None:
        self._metrics = metrics
        self._budgets = budgets
        self._rng = rng

    async def again(
        self, sending: Sending, tries: Tries, candidate: Candidate, outcome: Outcome
    ) -> bool:
        """Return whether the request is to be tried again now; the outcome is then let go of."""
        service = sending.route.service
        decided = tries.after(
            candidate,
            outcome.status if isinstance(outcome, Answer) else outcome,
            sending.tried(tries.left),
            self._budgets[service],
            _now(sending, outcome),
            self._rng,
        )
        if isinstance(decided, Stop):
            if decided is EXHAUSTED:
                self._metrics.budget_exhausted(service)
            return False
        if isinstance(outcome, Answer):
            why = str(outcome.status)
            await let_go(outcome)
        else:
            why = str(cause_of(outcome))
        if decided.pause_s:
            await asyncio.sleep(decided.pause_s)
        self._metrics.request_repeated(service, why)
        return True


def _now(sending: Sending, outcome: Outcome) -> Now:
    asked_s = 0.0
    if isinstance(outcome, Answer):
        fields = outcome.head.fields
        values = [value for name, value in fields if name.lower() == b"retry-after"]
        if values:
            asked_s = asked_pause_s(values[0], time.time())
    left_s = sending.deadlines.ends_s
    if left_s != NEVER:
        left_s -= asyncio.get_running_loop().time()
    return Now(time.monotonic(), left_s, asked_s)


async def let_go(answer: Answer) -> None:
    """Release an answer that is not passed on; if its rest comes at once, its connection can be used again."""
    connection, length = cast("UpstreamConnection", answer.source), answer.head.length
    read = 0
    # An upload would read on meanwhile, perhaps more of the body than is kept for the next attempt.
    if connection.is_sent and (length is None or length <= DRAINED_BYTES):
        with suppress(TimeoutError, Failure):
            async with asyncio.timeout(DRAINED_WITHIN_S):
                while read <= DRAINED_BYTES and (piece := await connection.read()):
                    read += len(piece)
    answer.release()
