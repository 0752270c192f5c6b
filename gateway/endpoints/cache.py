"""`/cache`: purges what is kept, counts, and says what a request would get; each call needs the token."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from discovery.view.view import View
from gateway.endpoints.bodies import json_body
from gateway.endpoints.pooling.asking import Asking
from gateway.endpoints.process import answer
from gateway.front.client_limits import ClientLimits
from gateway.guard.admin import AdminGuard
from middlewares.cache.stores.store import Purge
from middlewares.failures import BadRequest, NoConfiguration, NoView
from middlewares.routing.routing import Routing

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.worker.remembering import Remembering

MAX_BODY_BYTES = 64 * 1024
#: The purge is accepted, and not done everywhere yet (RFC 9110 §15.3.3).
ACCEPTED = 202
STATS, SHOW, PURGE = "cache", "cache.show", "cache.purge"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEndpoints:
    """The handlers; without a file there is no cache."""

    remembering: "Remembering | None"
    routing: Routing
    catalogue: Callable[[], View]
    guard: AdminGuard
    client_limits: ClientLimits
    asking: Asking

    def listen(self) -> None:
        """Let siblings have what this worker's cache says."""
        if self.remembering is not None:
            self.asking.answers(STATS, self._stats)
            self.asking.answers(SHOW, self._show)
            self.asking.answers(PURGE, self._purge)

    async def purge(self, request: web.Request) -> web.Response:
        """Purge in every worker of every gateway: 200 with the number of answers.

        202 while the registry can't be told of it.
        """
        from gateway.endpoints.cache_documents import purged_document, purges_of

        remembering = self._cache(request)
        purges = purges_of(await json_body(request, self.client_limits, MAX_BODY_BYTES))
        as_kept = self._as_kept(purges, remembering)
        purged = await remembering.purging.purge(as_kept)
        if purged.untold:
            # The siblings can be told without the registry.
            told = [[one.kind, one.value.decode("ascii"), one.soft] for one in as_kept]
            counts = await self.asking.ask(PURGE, told)
            purged = replace(purged, count=purged.count + sum(counts.values()))
        _log.info(
            "cache.purged",
            kind=purges[0].kind,
            value=_without_query(purges[0]),
            soft=purges[0].soft,
            purged=purged.count,
            unconfirmed=purged.unconfirmed,
        )
        status = ACCEPTED if purged.untold else 200
        return answer(purged_document(purged), status)

    async def stats(self, request: web.Request) -> web.Response:
        """What the caches of all workers have done since these began, and what they have now."""
        self._cache(request)
        own, others = await asyncio.gather(self._stats(None), self.asking.ask_each(STATS))
        if others.documents:
            from gateway.endpoints.pooling.deciding.cache import cache_of

            own = cache_of([own, *others.documents])
        return answer(others.completed(own))

    async def show(self, request: web.Request) -> web.Response:
        """What `method` (GET) of `url` with each `header` would get from the cache now.

        Each worker has a memory of its own; one that has an answer is shown, and how many would give one.
        """
        self._cache(request)
        query = request.query
        if "url" not in query:
            raise BadRequest("url: is missing, as in ?url=https%3A%2F%2Fshop.example.com%2Fitems")
        asked = [query["url"], query.get("method", "GET"), query.getall("header", [])]
        own = await self._show(asked)  # it raises what is wrong with the question
        others = await self.asking.ask_each(SHOW, asked)
        if others.documents:
            from gateway.endpoints.pooling.deciding.cache import shown_of

            own = shown_of([own, *others.documents])
        return answer(others.completed(own))

    async def _stats(self, _asked: Any) -> dict[str, Any]:
        from gateway.endpoints.cache_documents import counts_document

        remembering = self.remembering
        assert remembering is not None, "the caller has looked"
        stores = await remembering.stores()
        return {"used": remembering.is_used, **counts_document(remembering.counts), **stores}

    async def _purge(self, told: Any) -> int:
        assert self.remembering is not None, "it listens"
        purges = [Purge(kind, value.encode("ascii"), soft) for kind, value, soft in told]
        return await self.remembering.purging.purge_here(purges)

    async def _show(self, asked: Any) -> dict[str, Any]:
        from gateway.endpoints.cache_showing import Showing, meant

        assert self.remembering is not None, "the caller has looked"
        showing = Showing(self.remembering, self.routing, self.catalogue)
        return await showing.show(meant(*asked))

    def _as_kept(self, purges: Sequence[Purge], remembering: "Remembering") -> list[Purge]:
        """The purges, and those of the same URLs without what their routes here ignore."""
        from gateway.endpoints.cache_showing import Showing

        showing = Showing(remembering, self.routing, self.catalogue)
        named = (one for one in purges if one.kind == "url" and not one.value.startswith(b"/"))
        with suppress(NoView):
            kept = [replace(one, value=showing.as_kept(one.value)) for one in named]
            return list(dict.fromkeys([*purges, *kept]))
        return list(purges)

    def _cache(self, request: web.Request) -> "Remembering":
        """The cache; raises NoConfiguration, and what the guard raises."""
        self.guard.require(request)
        if self.remembering is None:
            raise NoConfiguration
        return self.remembering


def _without_query(purge: Purge) -> str:
    """What a purge names, for the log: a query may have credentials in it."""
    value = purge.value if purge.kind == "tag" else purge.value.partition(b"?")[0]
    return value.decode("ascii")
