"""What a worker remembers of answers: the parts of its cache, made once and wired."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from discovery.base.steps import Steps
from discovery.model.settings import RegistrySettings
from discovery.view.view import View
from gateway.front.client_limits import ClientLimits
from gateway.front.request_body import REPLAYED_BYTES, read_into
from gateway.front.stored_answers import StoredAnswers
from gateway.hop.deciding.request_timeout import asked_timeout_s
from gateway.worker.told_apart import fingerprint_of, told_apart_by
from middlewares.cache.body import Room
from middlewares.cache.changes import Changes
from middlewares.cache.counting import CacheCounts
from middlewares.cache.deciding.asked import Asked, Bypass, url_of
from middlewares.cache.deciding.asking import Asker, Askers
from middlewares.cache.elsewhere import Elsewhere
from middlewares.cache.flights import Flights
from middlewares.cache.layer import cache_middleware
from middlewares.cache.marks import Marks
from middlewares.cache.policy import CachePolicy
from middlewares.cache.purging.purging import Purging
from middlewares.cache.stores.memory import AnswerMemory
from middlewares.cache.stores.shared import SharedStore
from middlewares.cache.stores.store import Purge
from middlewares.cache.wanted import Means
from middlewares.exchange import Exchange
from middlewares.failures import Failure
from middlewares.header_section import HeaderSection
from middlewares.routing.route import Route
from middlewares.routing.routing import Routing
from middlewares.telemetry.cache_metrics import CacheNumbers

if TYPE_CHECKING:
    from gateway.config.compiled.compiling import Compiled

#: The most routes whose askers are kept.
MOST_ASKERS = 10_000


class Remembering:
    """The cache of one worker, by the file in force."""

    def __init__(
        self,
        compiled: "Compiled",
        client_limits: ClientLimits,
        *,
        registry: RegistrySettings,
        worker: str,
        scheme_of: Callable[[web.Request], str],
        trusts: Callable[[str, HeaderSection], bool],
        routing: Routing,
        catalogue: Callable[[], View],
        decide_share: Callable[[web.Request, Exchange], None],
    ) -> None:
        self.most_bytes = compiled.cache_bounds.memory_bytes
        self.memory = AnswerMemory(self.most_bytes)
        #: Bodies on their way may take as much again.
        self.room = Room(self.most_bytes)
        self.flights = Flights()
        self.marks = Marks()
        self.counts = CacheCounts()
        self.askers = Askers()
        #: What all gateways keep; it does nothing where no route uses it.
        self.shared = SharedStore(registry, most_bytes=compiled.cache_bounds.redis_bytes)
        self.purging = Purging(registry, self.memory, worker=worker, shared=self.shared.purge)
        self.elsewhere = Elsewhere(self.shared, self.purging)
        self._client_limits = client_limits
        self._scheme_of = scheme_of
        self._trusts = trusts
        self._routing = routing
        self._catalogue = catalogue
        self._decide_share = decide_share
        self._was_used = asyncio.Event()
        self._askers: dict[tuple[str, str], tuple[Route, Asker]] = {}
        self._follow_purges(compiled)

    def middleware(self) -> Middleware:
        """The layer."""
        answers = StoredAnswers(self._client_limits.send_s)
        means = Means(
            answers=answers,
            flights=self.flights,
            marks=self.marks,
            purges=self.purging,
            counts=self.counts,
            unix_s=time.time,
            room=self.room,
            elsewhere=self.elsewhere,
        )
        return cache_middleware(
            means=means,
            memory=self.memory,
            ask=self.ask,
            read_body=self._read_body,
            patience_s=_patience_s,
            changes=Changes(
                answers,
                is_used=self._was_used.is_set,
                kept_as=self._kept_as,
                url_of=self._url_of,
                invalidate=self.purging.invalidate,
            ),
        )

    def ask(self, request: web.Request, exchange: Exchange, policy: CachePolicy) -> Asked | Bypass:
        """What a request asks of the cache."""
        self._decide_share(request, exchange)
        selected = told_apart_by(exchange, request.method)
        if isinstance(selected, Bypass):
            return selected
        route = exchange.route
        assert route is not None, "the route layer comes before"
        trusted = self._trusts(request.remote or "", exchange.section)
        return self.asker(route, policy).ask(
            request.method,
            exchange.section,
            exchange.target,
            exchange.asked_host,
            self._scheme_of(request),
            trusted=trusted,
            identity=exchange.identity,
            changes=exchange.changes,
            body=exchange.body,
            selected=selected,
        )

    def asker(self, route: Route, policy: CachePolicy) -> Asker:
        """What asks for the requests of a route."""
        route_and_asker = self._askers.get((route.id, route.service))
        if route_and_asker is None or route_and_asker[0] is not route:
            route_and_asker = self._keep_asker(route, policy)
        return route_and_asker[1]

    def describe(self) -> Mapping[str, Any]:
        """What `/status` says of it; empty while no route has had a cache."""
        if not self._was_used.is_set():
            return {}
        memory, counts = self.memory, self.counts
        return {
            "entries": memory.entries,
            "bytes": memory.bytes,
            "max_bytes": self.most_bytes,
            "hits": counts.hits.total(),
            "misses": counts.misses.total(),
            "purges": self.purging.describe(),
        }

    async def stores(self) -> Mapping[str, Any]:
        """What `GET /cache` says of the stores and of purges; `redis` is None where no route uses it."""
        memory, purging = self.memory, self.purging
        redis = await self._in_redis() if self._uses_redis else None
        return {
            "memory": {
                "entries": memory.entries,
                "bytes": memory.bytes,
                "max_bytes": self.most_bytes,
                "evicted": memory.evicted,
                "refused": memory.refused,
            },
            "redis": redis,
            "purges": {"purged": purging.purged, **purging.describe()},
        }

    async def _in_redis(self) -> Mapping[str, Any]:
        shared = self.shared
        counts = await shared.counts()
        known = {} if counts is None else counts._asdict()
        return {
            "away": counts is None or shared.is_away,
            **known,
            "max_bytes": shared.most_bytes,
            "refused": shared.refused,
            "late": shared.late,
            "bad_records": shared.bad_records,
        }

    def numbers(self) -> CacheNumbers:
        """What the metrics say of it."""
        memory, counts, purging = self.memory, self.counts, self.purging
        return CacheNumbers(
            hits=counts.hits,
            misses=counts.misses,
            collapsed=counts.collapsed,
            stored=counts.stored,
            not_stored=counts.not_stored,
            entries=memory.entries,
            bytes=memory.bytes,
            evicted=memory.evicted,
            refused=memory.refused,
            purged=purging.purged,
            dropped=purging.dropped,
            redis_up=not self.shared.is_away if self._uses_redis else None,
            redis_lost={
                "late": self.shared.late,
                "bad_record": self.shared.bad_records,
                "refused": self.shared.refused,
            },
        )

    def taking(self, compiled: "Compiled") -> Steps[None]:
        """Go by a new file; what is kept stays, unless the new bound is smaller or no route has a cache."""
        self._follow_purges(compiled)
        if compiled.cache_bounds.memory_bytes != self.most_bytes:
            self.most_bytes = self.room.most_bytes = compiled.cache_bounds.memory_bytes
            yield from self.memory.resizing(self.most_bytes)
        if not compiled.cache_stores:
            yield from self.memory.purging([Purge("prefix", b"/")])

    def _follow_purges(self, compiled: "Compiled") -> None:
        #: Whether a route of the file in force has a cache.
        self.is_used = bool(compiled.cache_stores)
        self.shared.most_bytes = compiled.cache_bounds.redis_bytes
        self._uses_redis = "redis" in compiled.cache_stores
        self.purging.shares_answers = self._uses_redis
        self.purging.want(self.is_used)
        if self.is_used:
            self._was_used.set()

    async def run(self) -> None:
        """Follow purges, once a route has a cache."""
        await self._was_used.wait()
        async with asyncio.TaskGroup() as both:
            both.create_task(self.purging.run())
            both.create_task(self.shared.run())

    async def close(self) -> None:
        """End what is under way."""
        await self.flights.close()
        await self.elsewhere.close()
        await self.purging.close()
        await self.shared.close()

    def _keep_asker(self, route: Route, policy: CachePolicy) -> tuple[Route, Asker]:
        if len(self._askers) >= MOST_ASKERS:
            self._askers.clear()
        made = (route, self.askers.of(fingerprint_of(route), policy))
        self._askers[route.id, route.service] = made
        return made

    def _url_of(self, request: web.Request, exchange: Exchange) -> bytes:
        return url_of(self._scheme_of(request), exchange.asked_host, exchange.target)

    def _kept_as(self, exchange: Exchange) -> CachePolicy | None:
        """The cache of the route that a GET with a request's URL and fields has."""
        try:
            route = self._routing.table.look(exchange, self._catalogue, "GET").route
        except Failure:  # nothing is known of the services yet
            return None
        return None if route is None else route.policy.cache

    async def _read_body(self, request: web.Request, exchange: Exchange) -> None:
        await read_into(exchange, request, self._client_limits, REPLAYED_BYTES)


def _patience_s(exchange: Exchange) -> float | None:
    """How long the client waits, by X-Request-Timeout; None: as long as the route allows."""
    asked = exchange.section.request_timeout
    route = exchange.route
    if asked is None or route is None or not route.policy.takes_timeout:
        return None
    return asked_timeout_s(asked)
