"""Asks one part of a composition."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from sys import getsizeof
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from discovery.base.stepping import in_steps
from middlewares.compose.composition import MOST_BYTES, Part
from middlewares.compose.deciding.asking import fields_for, with_query
from middlewares.compose.deciding.judging import Fine, Missing, judged, needs_missing, skipped
from middlewares.compose.deciding.texts import Known, NoValue
from middlewares.compose.room import Room
from middlewares.exchange import Exchange, PartRecord
from middlewares.failures import Failure, UpstreamTimeout
from middlewares.problems import problem_of
from middlewares.side_requests import SendsAside, SideAnswer, side_exchange
from middlewares.transform.deciding.variables import Values

CANCELLED = "cancelled"


class ValuesOf(Protocol):
    """Gives the values of a request's variables."""

    def __call__(self, request: web.Request, exchange: Exchange) -> Values: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What compositions use of the gateway.

    `patience_s` tells how long the client waits, None: as long as it takes. `now` is the monotonic clock.
    """

    send: SendsAside
    values_of: ValuesOf
    patience_s: Callable[[Exchange], float | None]
    now: Callable[[], float]
    room: Room
    #: What became of parts, by route, part and reason.
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a part: its value, or why there is none with the Failure or the answer that says so."""

    outcome: Fine | Missing
    failure: Failure | None = None
    answer: SideAnswer | None = None


class Asker:
    """Asks the parts of one request; what it holds of their answers is given back by `release`."""

    def __init__(
        self, means: Means, request: web.Request, exchange: Exchange, handler: Handler
    ) -> None:
        self._means = means
        self._request = request
        self._exchange = exchange
        self._handler = handler
        self._held_bytes = 0
        patience_s = means.patience_s(exchange)
        self._ends_s = None if patience_s is None else exchange.started_s + patience_s

    def release(self) -> None:
        """Give back the room that the answers took."""
        self._means.room.give_back(self._held_bytes)
        self._held_bytes = 0

    def leave_out(self, part: Part, missing: str) -> Asked:
        """What becomes of a part that needs another one, which is missing; it is in the log too."""
        outcome = needs_missing(missing)
        self._exchange.parts += (PartRecord(part.name, part.route.service, outcome.reason),)
        return Asked(outcome)

    async def ask(self, part: Part, known: Known) -> Asked:
        """Ask a part, whatever comes of it; it is in the log even if the asking is cancelled."""
        record = PartRecord(part.name, part.route.service, CANCELLED)
        self._exchange.parts += (record,)
        began_s = self._means.now()
        try:
            asked = await self._try(part, known, record, began_s)
        finally:
            record.duration_s = self._means.now() - began_s
        record.reason = asked.outcome.reason if isinstance(asked.outcome, Missing) else None
        return asked

    async def _try(self, part: Part, known: Known, record: PartRecord, began_s: float) -> Asked:
        try:
            answer = await self._send(part, known, record, began_s)
        except NoValue as lacks:
            return Asked(skipped(lacks))
        except Failure as failure:
            failure.__traceback__ = None  # its frames refer to the exchange, which refers to it
            reason = problem_of(failure).reason
            return Asked(Missing(reason, failure.detail), failure=failure)
        record.status = answer.status
        outcome = await in_steps(
            judged(
                answer.status,
                answer.fields,
                answer.body,
                is_whole=answer.is_whole,
                take=part.take,
                is_event_stream=answer.is_event_stream,
            )
        )
        if isinstance(outcome, Missing):
            return Asked(outcome, answer=answer)
        # From here on it is kept as text alone, whose characters may take up to 4 bytes each.
        self._take(max(0, getsizeof(outcome.whole.text) - len(answer.body)))
        return Asked(outcome)

    def _hold(self, size: int) -> None:
        """Make room for so many bytes more. Raises Overloaded."""
        self._means.room.check()
        self._take(size)

    def _take(self, size: int) -> None:
        self._means.room.take(size)
        self._held_bytes += size

    async def _send(
        self, part: Part, known: Known, record: PartRecord, began_s: float
    ) -> SideAnswer:
        """Send its request, and read its answer. Raises NoValue, or the Failure that ended it."""
        self._means.room.check()
        within_s = part.timeout_s
        if self._ends_s is not None:
            within_s = min(within_s, self._ends_s - began_s)
            if within_s <= 0:
                raise UpstreamTimeout("the time that the client gives was over before")
        await in_steps(known.look_up(part.values))
        exchange, body = self._exchange_for(part, known, within_s)
        try:
            return await self._means.send(
                self._request,
                exchange,
                part.method,
                body,
                self._handler,
                within_s=within_s,
                most_bytes=MOST_BYTES,
                hold=self._hold,
            )
        finally:
            if exchange.attempts:
                record.instance_id = exchange.attempts[-1].instance_id
                record.attempts = len(exchange.attempts)

    def _exchange_for(self, part: Part, known: Known, within_s: float) -> tuple[Exchange, bytes]:
        begun = self._exchange
        target = with_query(part.target.target(known), begun.query, part.passes_query)
        body = b"" if part.body is None else part.body.write(known).encode()
        own = [(name, text.field(known)) for name, text in part.fields]
        fields = fields_for(
            begun.section.fields,
            own,
            method=part.method,
            has_body=part.body is not None,
            left_s=within_s,
        )
        exchange = side_exchange(begun, target, fields, body, started_s=self._means.now())
        exchange.route, exchange.changes = part.route, begun.changes
        if part.versions is not None:
            exchange.ranges, exchange.version = (part.versions,), part.versions.text
        return exchange, body
