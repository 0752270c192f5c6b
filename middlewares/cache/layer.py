"""The layer that answers from what is kept, and keeps what services answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.cache.body import TooMuch
from middlewares.cache.changes import Changes
from middlewares.cache.deciding.asked import ONLY_IF_CACHED, Asked, Bypass
from middlewares.cache.deciding.cache_status import OWN_ANSWER, Forward, forwarded, neither
from middlewares.cache.deciding.merging import contradicts
from middlewares.cache.deciding.reusing import Use, instead_of_error, is_shareable, reuse
from middlewares.cache.deciding.storing import OF_ONE_REQUEST, NotKept
from middlewares.cache.entry import Entry, Variants
from middlewares.cache.fetching import Fetch
from middlewares.cache.flights import Failed, Flight, LetGo, Stored, Waiter
from middlewares.cache.policy import CachePolicy
from middlewares.cache.replies import Replies
from middlewares.cache.stores.store import MemoryStore, Purge
from middlewares.cache.wanted import Means, Wanted, judged, variant_key
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import OnlyIfCached, UpstreamTimeout

#: A request that finds another variant under way than its own looks again, so often at most.
TRIES = 4
OK = 200
#: Why a request goes on, in the words of RFC 9211 §2.2.
FORWARDS: Mapping[str, Forward] = {"method": "method", "no-store": "request", "request": "request"}


def cache_middleware(
    *,
    means: Means,
    memory: MemoryStore,
    ask: Callable[[web.Request, Exchange, CachePolicy], Asked | Bypass],
    read_body: Callable[[web.Request, Exchange], Awaitable[None]],
    patience_s: Callable[[Exchange], float | None],
    changes: Changes,
) -> Middleware:
    """Answer a request on a route with `cache` from what is kept, or have it fetched and kept.

    `ask` reads what the cache needs of a request. `read_body` reads the body of a QUERY,
    if it is short, into the Exchange. `patience_s` is how long its client waits, None: for ever.
    `changes` ends what is kept of URLs that a request has changed. Raises OnlyIfCached, UpstreamTimeout.
    """
    answers, marks, flights, counts = means.answers, means.marks, means.flights, means.counts
    replies = Replies(answers, counts)

    @web.middleware
    def remember(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        route = exchange.route
        if route is None:
            return handler(request)
        policy = route.policy.cache
        if policy is None:
            if changes.may_come(request.method):
                return changes.watched(request, handler, exchange)
            return handler(request)
        if request.method == "QUERY":
            return queried(request, handler, exchange, policy)
        return looked_up(request, handler, exchange, policy)

    async def queried(
        request: web.Request, handler: Handler, exchange: Exchange, policy: CachePolicy
    ) -> web.StreamResponse:
        """Read the body first, which is in the key (RFC 10008)."""
        await read_body(request, exchange)
        return await looked_up(request, handler, exchange, policy)

    def looked_up(
        request: web.Request, handler: Handler, exchange: Exchange, policy: CachePolicy
    ) -> Awaitable[web.StreamResponse]:
        asked = ask(request, exchange, policy)
        if isinstance(asked, Bypass):
            return passed_by(request, handler, exchange, asked)
        return answered(request, handler, exchange, policy, asked)

    async def answered(
        request: web.Request,
        handler: Handler,
        exchange: Exchange,
        policy: CachePolicy,
        asked: Asked,
    ) -> web.StreamResponse:
        assert exchange.route is not None, "the route layer comes before"
        route = exchange.route.id
        why: Forward = "uri-miss"
        vary: tuple[bytes, ...] = ()
        for _ in range(TRIES):
            variants = memory.get(asked.key)
            entry, why = found(asked, variants)
            if variants is not None:
                vary = variants.vary
            if entry is not None:
                reused = reuse(entry, asked.directives, memory.now_s())
                if reused.use is Use.FRESH:
                    return replies.from_store(exchange, asked, entry, reused, route)
                if reused.use is Use.STALE_WHILE_REVALIDATE:
                    refresh(Wanted(request, handler, asked, policy, memory, route, entry, vary))
                    return replies.from_store(exchange, asked, entry, reused, route)
                why = FORWARDS.get(reused.why, "stale")
            if asked.directives.only_if_cached or asked.method == "HEAD":
                there = await found_elsewhere(exchange, asked, policy, route)
                if there is not None:
                    return there
            if asked.directives.only_if_cached:
                exchange.cache_status = neither("only-if-cached")
                raise OnlyIfCached
            if asked.method == "HEAD":
                counts.misses[route, why] += 1
                answer = await passed(request, handler, exchange, why)
                compare(asked, entry, answer)
                return answer
            wanted = Wanted(request, handler, asked, policy, memory, route, entry, vary)
            if entry is None and marks.has(asked.flight_key, memory.now_s()):
                counts.misses[route, why] += 1
                return await marked(exchange, wanted, why)
            landed_on = await fetched(exchange, wanted, why)
            if not isinstance(landed_on, tuple):
                return landed_on
            vary = landed_on
        return await passed(request, handler, exchange, why, "other-variants")

    def found(asked: Asked, variants: Variants | None) -> tuple[Entry | None, Forward]:
        if variants is None:
            return None, "uri-miss"
        entry = variants.entries.get(asked.secondary(variants.vary))
        if entry is not None and not asked.takes(entry):
            return None, "request"
        return entry, "vary-miss"

    async def found_elsewhere(
        exchange: Exchange, asked: Asked, policy: CachePolicy, route: str
    ) -> web.StreamResponse | None:
        """What all gateways keep, for a request that begins no flight."""
        if means.elsewhere is None or policy.stores != "redis":
            return None
        found = await means.elsewhere.find(asked)
        if found is None:
            return None
        memory.keep(asked.key, found.vary, found.secondary, found.entry)
        reused = reuse(found.entry, asked.directives, memory.now_s())
        return replies.from_store(exchange, asked, found.entry, reused, route)

    def refresh(wanted: Wanted) -> None:
        """Have a stale entry validated while it is served."""
        if wanted.asked.method == "HEAD":  # its own answer would refresh nothing
            wanted = replace(wanted, asked=replace(wanted.asked, method="GET"))
        key = variant_key(wanted.asked, wanted.vary)
        if under_way(key, wanted.asked) is None:
            # Nobody waits for it, so it is among those of which there may be only so many.
            begin(key, wanted).join().leave()

    def begin(key: bytes | None, wanted: Wanted) -> Flight:
        return flights.begin(key, Fetch(means, wanted).fly, since=means.purges.revision)

    def under_way(key: bytes, asked: Asked) -> Flight | None:
        """The flight to join: none from before a purge, whose answer is of the time before it."""
        flight = flights.find(key)
        if flight is not None and means.purges.may_have_taken(asked.url, flight.since):
            flights.forget(flight)
            return None
        return flight

    async def fetched(
        exchange: Exchange, wanted: Wanted, why: Forward
    ) -> web.StreamResponse | tuple[bytes, ...]:
        """Wait for the answer of a flight; if it is that of another variant, return the names in its Vary."""
        key = variant_key(wanted.asked, wanted.vary)
        # An answer that is never fresh is validated by each request for itself (RFC 9111 §4).
        is_alone = wanted.entry is not None and not is_shareable(wanted.entry.freshness)
        flight = None if is_alone else under_way(key, wanted.asked)
        if flight is None:
            flight = begin(None if is_alone else key, wanted)
            waiter = flight.join(leads=True)
        else:
            waiter = flight.join()
            counts.collapsed[wanted.route] += 1
        exchange.cache_status = forwarded(why, collapsed=not waiter.leads)
        try:
            async with asyncio.timeout(patience_s(exchange)):
                await waiter.outcome()
            return await landed(exchange, wanted, waiter, why)
        except TimeoutError:
            counts.misses[wanted.route, why] += 1
            exchange.cache_status = forwarded(why, collapsed=not waiter.leads, detail=OWN_ANSWER)
            raise UpstreamTimeout("no answer came in the time that the request allows") from None
        finally:
            waiter.leave()

    async def landed(
        exchange: Exchange, wanted: Wanted, waiter: Waiter, why: Forward
    ) -> web.StreamResponse | tuple[bytes, ...]:
        outcome, asked = await waiter.outcome(), wanted.asked
        say = partial(forwarded, why, collapsed=not waiter.leads)
        if isinstance(outcome, Stored) and outcome.is_hit:
            return taken_over(exchange, wanted, waiter, outcome)
        counts.misses[wanted.route, why] += 1
        if isinstance(outcome, Failed):
            return await in_place_of_error(exchange, wanted, outcome, why, say)
        if isinstance(outcome, LetGo):
            exchange.cache_status = say(status=outcome.status, detail=outcome.why)
            # A service that is asked for a part sends no more than that.
            if waiter.leads and (asked.conditions.range is None or outcome.status != OK):
                answer, held = waiter.take_answer()
                exchange.held.extend(held)
                return answer
            return await passed(wanted.request, wanted.handler, exchange, why, outcome.why)
        is_other = asked.secondary(outcome.vary) != outcome.secondary
        if is_other and not waiter.leads:
            return outcome.vary
        entry = outcome.entry
        if not waiter.leads and not is_shareable(entry.freshness):
            return await passed(wanted.request, wanted.handler, exchange, why, "never-fresh")
        reused = reuse(entry, asked.directives, memory.now_s())
        added = b"Age: %d\r\n" % reused.age_s if reused.age_s else b""
        if waiter.leads and outcome.own_fields:
            added += b"".join([b"%b: %b\r\n" % line for line in outcome.own_fields])
        if isinstance(outcome, Stored):
            exchange.cache_status = say(
                status=outcome.status, ttl_s=reused.ttl_s, stored=outcome.is_kept
            )
            return replies.served(asked, entry, added)
        reader = waiter.take_reader()
        if reader is None:  # it came after the beginning of a long body was gone
            return outcome.vary
        exchange.held.append(reader)
        exchange.cache_status = say(status=outcome.head.status, ttl_s=reused.ttl_s, stored=True)
        return replies.streamed(asked, outcome, reader, added)

    async def in_place_of_error(
        exchange: Exchange,
        wanted: Wanted,
        failed: Failed,
        why: Forward,
        say: Callable[..., bytes],
    ) -> web.StreamResponse:
        """Answer with an older answer where this client takes one, whatever the others do."""
        entry, directives = failed.entry or wanted.entry, wanted.asked.directives
        if entry is not None and instead_of_error(entry, directives, memory.now_s()):
            counts.hits[wanted.route, "error"] += 1
            exchange.cache_status = say(status=failed.status, detail="stale-if-error")
            reused = reuse(entry, directives, memory.now_s())
            return replies.served(wanted.asked, entry, b"Age: %d\r\n" % reused.age_s)
        if failed.failure is not None:
            exchange.cache_status = say(detail=OWN_ANSWER)
            raise failed.failure.with_traceback(None)
        return await passed(wanted.request, wanted.handler, exchange, why, "service-failed")

    def taken_over(
        exchange: Exchange, wanted: Wanted, waiter: Waiter, outcome: Stored
    ) -> web.StreamResponse | tuple[bytes, ...]:
        """Answer with what another gateway has kept."""
        asked, entry = wanted.asked, outcome.entry
        reused = reuse(entry, asked.directives, memory.now_s())
        is_other = asked.secondary(outcome.vary) != outcome.secondary
        if not waiter.leads and (is_other or reused.use is Use.ASK):
            return outcome.vary
        return replies.from_store(exchange, asked, entry, reused, wanted.route)

    async def marked(exchange: Exchange, wanted: Wanted, why: Forward) -> web.StreamResponse:
        """Pass on what could not be kept lately, without waiting for anybody."""
        requested_s = means.unix_s()
        answer = await passed(wanted.request, wanted.handler, exchange, why)
        head = answers.seen(answer, without_cors=False)
        key, now_s, detail = wanted.asked.flight_key, memory.now_s(), "hit-for-miss"
        verdict = None if head is None else judged(means, wanted, head, requested_s)
        if head is None or isinstance(verdict, NotKept):
            detail = verdict.why if isinstance(verdict, NotKept) else OWN_ANSWER
            if detail not in OF_ONE_REQUEST:
                marks.set(key, now_s, detail)
        elif head.length is not None or marks.why(key, now_s) != TooMuch.OF_ONE.value:
            marks.remove(key)  # the next one is kept, since this one is not too large
        counts.not_stored[wanted.route, detail] += 1
        exchange.cache_status = forwarded(why, status=answer.status, detail=detail)
        return answer

    async def passed(
        request: web.Request, handler: Handler, exchange: Exchange, why: Forward, detail: str = ""
    ) -> web.StreamResponse:
        """Pass a request on by itself."""
        # Where the service can't be asked, the gateway answers itself.
        exchange.cache_status = forwarded(why, detail=detail or OWN_ANSWER)
        answer = await handler(request)
        exchange.cache_status = forwarded(why, status=answer.status, detail=detail)
        return answer

    def compare(asked: Asked, entry: Entry | None, answer: web.StreamResponse) -> None:
        """Age an entry that the service's answer to HEAD contradicts (RFC 9111 §4.3.5)."""
        head = answers.seen(answer, without_cors=False) if entry is not None else None
        if entry is not None and head is not None and contradicts(entry, head):
            memory.purge([Purge("url", asked.url, soft=True)])

    async def passed_by(
        request: web.Request, handler: Handler, exchange: Exchange, bypass: Bypass
    ) -> web.StreamResponse:
        """Pass on what the cache takes no part in, and age what it has changed."""
        assert exchange.route is not None
        if bypass is ONLY_IF_CACHED:
            exchange.cache_status = neither(bypass.why)
            raise OnlyIfCached
        why = FORWARDS.get(bypass.why, "bypass")
        counts.misses[exchange.route.id, why] += 1
        detail = "" if why == bypass.why else bypass.why
        answer = await passed(request, handler, exchange, why, detail)
        changes.see(request, exchange, answer)
        return answer

    return remember
