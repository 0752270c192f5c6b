"""Flies a flight: sends the request, judges the answer, and keeps it while those who wait read it."""

from functools import partial

from aiohttp import web

from middlewares.bodies import NoLongerRead, pour
from middlewares.cache.body import KeptBody, StoredBody, TooMuch
from middlewares.cache.deciding.cache_status import OWN_ANSWER
from middlewares.cache.deciding.merging import freshened
from middlewares.cache.deciding.reusing import instead_of_error, is_shareable, is_taken_back
from middlewares.cache.deciding.storing import Kept, NotKept
from middlewares.cache.elsewhere import Elsewhere, Found, Turn
from middlewares.cache.entry import Entry, Head
from middlewares.cache.flights import Failed, Flight, Stored, Streaming
from middlewares.cache.requesting import shared_exchange
from middlewares.cache.wanted import Means, Wanted, judged, variant_key
from middlewares.exchange import EXCHANGE, Exchange, Held
from middlewares.failures import Failure
from middlewares.problems import problem_of

NOT_MODIFIED = 304
#: The key says which share of a split has answered.
OTHER_SHARE = NotKept("other-share")
#: And which versions; nobody had the oldest one any more.
OTHER_VERSION = NotKept("other-version")
#: In place of these an older answer may be used (RFC 5861 §4).
ERRORS = frozenset([500, 502, 503, 504])


class Fetch:
    """One flight's request; read `fly` first."""

    def __init__(self, means: Means, wanted: Wanted) -> None:
        self._means = means
        self._wanted = wanted
        self._since = means.purges.revision
        self._requested_s = 0.0
        #: What is kept of the answer, or that it can't be, or that the one before is none any more.
        self._kept: Found | None = None
        self._cannot_be_kept = False
        self._is_gone = False
        self._turn = Turn()

    async def fly(self, flight: Flight) -> None:
        """Tell all who wait what becomes of it. Raises the Failure that ended it."""
        elsewhere = self._means.elsewhere
        if elsewhere is None or self._wanted.policy.stores != "redis":
            await self._ask(flight)
        else:
            await self._ask_once(flight, elsewhere)

    async def _ask_once(self, flight: Flight, elsewhere: Elsewhere) -> None:
        """Find the answer among those of all gateways, or ask for all of them."""
        wanted, means = self._wanted, self._means
        asked = wanted.asked
        self._turn = turn = await elsewhere.begin(asked, wanted.vary, wanted.entry)
        if (found := turn.found) is not None:
            kept = wanted.store.keep(asked.key, found.vary, found.secondary, found.entry)
            status = found.entry.status
            flight.tell(Stored(found.entry, status, found.vary, found.secondary, kept, is_hit=True))
            return
        try:
            if turn.stale is not None and wanted.entry is None:
                wanted.entry, wanted.vary = turn.stale.entry, turn.stale.vary
            self._since = means.purges.revision
            await self._ask(flight)
            # It has its answer: who comes now is answered from the store, or asks again.
            means.flights.forget(flight)
            if self._is_gone:
                await elsewhere.drop(asked)
            if self._kept is not None:
                await elsewhere.share(asked, self._kept, since_revision=self._since)
            elif self._cannot_be_kept:
                await elsewhere.mark(asked)
        finally:
            turn.release()

    async def _ask(self, flight: Flight) -> None:
        """Send the request to the service."""
        wanted = self._wanted
        begun = wanted.request[EXCHANGE]
        exchange = shared_exchange(wanted)
        request = self._means.answers.detached(
            wanted.request, exchange, wanted.asked.method, begun.body or b""
        )
        answers = self._means.answers
        if flight.is_led:
            exchange.attempts = begun.attempts  # the log of the request that began it has them
            flight.leader_left = lambda: answers.client_left(request)
        else:
            answers.client_left(request)
        try:
            await self._send(flight, request, exchange)
        finally:
            exchange.release()

    async def _send(self, flight: Flight, request: web.Request, exchange: Exchange) -> None:
        wanted, means = self._wanted, self._means
        self._requested_s = means.unix_s()
        try:
            answer = await self._asked(request, exchange)
        except Failure as failure:
            entry = wanted.entry
            if entry is None or not self._may_replace_error(entry):
                raise
            flight.tell(Failed(failure.with_traceback(None), None, entry))
            return
        without_cors = exchange.route is not None and exchange.route.policy.cors is not None
        head = means.answers.seen(answer, without_cors=without_cors)
        if head is None:
            flight.hand_over(OWN_ANSWER, answer, self._taken(exchange))
            return
        entry = wanted.entry
        if entry is not None and head.status == NOT_MODIFIED:
            self._validated(flight, entry, head, exchange)
        elif entry is not None and head.status in ERRORS and self._may_replace_error(entry):
            flight.tell(Failed(None, head.status, entry))
        else:
            await self._received(flight, answer, head, exchange)

    async def _asked(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """Ask the service, and note how long it took for who began the flight."""
        begun = self._wanted.request[EXCHANGE]
        try:
            return await self._wanted.handler(request)
        finally:
            if exchange.attempts is begun.attempts:
                begun.upstream_s = exchange.upstream_s

    def _may_replace_error(self, entry: Entry) -> bool:
        wanted = self._wanted
        return instead_of_error(entry, wanted.asked.directives, wanted.store.now_s())

    def _judge(self, head: Head, exchange: Exchange) -> Kept | NotKept:
        begun = self._wanted.request[EXCHANGE]
        if exchange.share != begun.share:  # its own had no instance
            return OTHER_SHARE
        if exchange.ranges != begun.ranges:
            return OTHER_VERSION
        return judged(self._means, self._wanted, head, self._requested_s)

    def _validated(self, flight: Flight, entry: Entry, head: Head, exchange: Exchange) -> None:
        """Freshen the entry by a 304."""
        wanted = self._wanted
        second = wanted.asked.secondary(wanted.vary)
        as_sent = freshened(entry, head)
        if as_sent is None:
            flight.tell(Stored(entry, NOT_MODIFIED, wanted.vary, second, is_kept=False))
            return
        verdict = self._judge(as_sent, exchange)
        if isinstance(verdict, NotKept):
            wanted.store.drop(wanted.asked.key)
            self._is_gone = True
            flight.tell(Stored(entry, NOT_MODIFIED, wanted.vary, second, is_kept=False))
            return
        fresh = self._entry(verdict, as_sent, entry.pieces, entry.length)
        self._keep(flight, fresh, verdict, NOT_MODIFIED)

    async def _received(
        self, flight: Flight, answer: web.StreamResponse, head: Head, exchange: Exchange
    ) -> None:
        """Keep a new answer while it comes, or hand it over to who began the flight."""
        means, wanted = self._means, self._wanted
        verdict = self._judge(head, exchange)
        if isinstance(verdict, NotKept):
            means.counts.not_stored[wanted.route, verdict.why] += 1
            means.marks.set(wanted.asked.flight_key, wanted.store.now_s(), verdict.why)
            # What went wrong in one gateway need not in another.
            self._cannot_be_kept = head.status < 500
            means.flights.forget(flight)
            entry = wanted.entry
            if entry is not None and is_taken_back(entry, head.status, wanted.store.now_s()):
                wanted.store.drop(wanted.asked.key)  # it is no longer what the service answers
                self._is_gone = True
            flight.hand_over(verdict.why, answer, self._taken(exchange))
            return
        if not is_shareable(verdict.freshness):
            means.flights.forget(flight)
            self._turn.release()
        source = means.answers.body(answer)
        body = KeptBody(
            wanted.policy.object_bytes,
            room=means.room,
            outgrew=partial(self._outgrew, flight),
            unread=flight.note_alone,
        )
        if source.is_complete():
            rest = source.rest()
            if body.too_much(len(rest)) is None:
                if rest:
                    body.take(rest)
                body.end()
                self._keep_body(flight, verdict, head, body)
                return
            source = StoredBody((rest,), len(rest))
        told = Streaming(
            self._entry(verdict, head, (), 0),
            head,
            verdict.vary,
            wanted.asked.secondary(verdict.vary),
            body,
            verdict.own_fields,
        )
        if is_shareable(verdict.freshness):
            means.flights.also_at(variant_key(wanted.asked, verdict.vary), flight)
        flight.tell(told)
        try:
            await pour(source, body)
        except NoLongerRead:
            return
        except Failure as failure:
            exchange.reason = problem_of(failure).reason  # its instance is blamed for it
            if not self._cannot_be_kept:
                means.counts.not_stored[wanted.route, "broken"] += 1
            raise
        if body.is_whole:
            self._keep_body(None, verdict, head, body)

    def _outgrew(self, flight: Flight, why: TooMuch) -> None:
        """Let nobody else wait for a body that turns out too large to be kept."""
        means, wanted = self._means, self._wanted
        means.counts.not_stored[wanted.route, why.value] += 1
        if why is TooMuch.OF_ONE:
            self._cannot_be_kept = True
            means.marks.set(wanted.asked.flight_key, wanted.store.now_s(), why.value)
        means.flights.forget(flight)
        self._turn.release()

    def _keep_body(self, flight: Flight | None, verdict: Kept, head: Head, body: KeptBody) -> None:
        entry = self._entry(verdict, head, body.kept(), body.length)
        self._keep(flight, entry, verdict, head.status)

    def _keep(self, flight: Flight | None, entry: Entry, verdict: Kept, status: int) -> None:
        means, wanted = self._means, self._wanted
        key, second = wanted.asked.key, wanted.asked.secondary(verdict.vary)
        kept = not means.purges.took(entry, self._since)
        if kept:
            self._kept = Found(entry, verdict.vary, second)
            kept = wanted.store.keep(key, verdict.vary, second, entry)
        if kept:
            means.counts.stored[wanted.route] += 1
            means.marks.remove(wanted.asked.flight_key)
        if flight is not None:
            flight.tell(Stored(entry, status, verdict.vary, second, kept, verdict.own_fields))

    def _entry(self, verdict: Kept, head: Head, pieces: tuple[bytes, ...], length: int) -> Entry:
        fields = tuple(verdict.fields)
        return Entry(
            head.status,
            head.phrase,
            fields,
            pieces,
            length,
            verdict.freshness,
            self._wanted.store.now_s(),
            self._wanted.asked.url,
            verdict.etag,
            verdict.last_modified,
            verdict.tags,
            ready_lines=self._means.answers.ready_lines(head.status, head.phrase, fields, length),
        )

    def _taken(self, exchange: Exchange) -> list[Held]:
        """What the exchange holds, for the client that takes the answer over; the last is released first."""
        held, exchange.held = exchange.held, []
        return [*held, _Reason(exchange, self._wanted.request[EXCHANGE])]


class _Reason:
    """Tells a flight's Exchange how its answer ended with the client that took it over."""

    def __init__(self, flight: Exchange, client: Exchange) -> None:
        self._flight = flight
        self._client = client

    def release(self) -> None:
        self._flight.reason = self._client.reason
