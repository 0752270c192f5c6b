"""What a request would get from the cache now, and why: it goes the way of the layer, and sends nothing."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from discovery.view.view import View
from gateway.endpoints.cache_documents import urls_of
from gateway.worker.remembering import Remembering
from middlewares.cache.deciding.asked import Asked, Bypass
from middlewares.cache.deciding.cache_status import hit
from middlewares.cache.deciding.invalidating import without_ignored
from middlewares.cache.deciding.reusing import Reuse, Use, instead_of_error, reuse
from middlewares.cache.entry import Entry, Variants
from middlewares.cache.policy import CachePolicy
from middlewares.cache.stores.shared import Mark
from middlewares.exchange import Exchange
from middlewares.failures import BadRequest
from middlewares.header_section import HeaderSection
from middlewares.hygiene.deciding import FieldLine
from middlewares.request_target import split_target
from middlewares.routing.configured import ConfiguredTable
from middlewares.routing.route import Route
from middlewares.routing.routing import Routing

MOST_FIELDS = 100
_BYPASSES = {
    "correlation-id": "a rule of the route puts the correlation ID into each request or answer",
    "method": "only GET, HEAD and QUERY are answered from a cache",
    "body": "a request with a body is passed on",
    "upgrade": "a request for another protocol is passed on",
    "no-store": "the request says no-store",
    "only-if-cached": "the request says only-if-cached, and nothing that is kept may be used for it",
    "precondition": "only the service can say whether If-Match or If-Unmodified-Since hold",
}
_NOT_FOR_CALLERS = (
    "the request says who calls, and the answer that is kept does not say that callers share it"
)
NOTHING_KEPT = "nothing is kept for it; name the headers that the request sends, above all Cookie, Origin and X-…"
_REASONS = {
    "no-cache": "its answer says no-cache, so the service is asked each time",
    "request": "the request wants a fresher one",
}


@dataclass(frozen=True, slots=True)
class Meant:
    """The request that is asked about."""

    method: str
    scheme: str
    host: bytes
    target: str
    fields: Sequence[FieldLine] = ()


def meant(url: str, method: str, headers: Sequence[str]) -> Meant:
    """The request that the parameters of a call describe; raises BadRequest."""
    if "://" not in url:
        raise BadRequest("url: must have its scheme and host, as in https://shop.example.com/items")
    whole = urls_of(url)[0]
    scheme, _, rest = whole.partition(b"://")
    host, slash, target = rest.partition(b"/")
    if not method.isascii() or not method.isalpha():
        raise BadRequest("method: must be that of a request, such as GET")
    if len(headers) > MOST_FIELDS:
        raise BadRequest(f"header: there may be {MOST_FIELDS} at most")
    fields = [_field(header) for header in headers]
    return Meant(
        method.upper(), scheme.decode("ascii"), host, (slash + target).decode("ascii"), fields
    )


def _field(header: str) -> FieldLine:
    name, colon, value = header.partition(":")
    if not colon or not name or not name.isascii() or set(name) & set(" \t"):
        raise BadRequest("header: must be a name and a value, as in Accept-Language: de")
    return name.encode("ascii"), value.strip(" \t").encode("latin-1", "replace")


class Showing:
    """Says what the cache of this worker has for a request."""

    def __init__(
        self, remembering: Remembering, routing: Routing, catalogue: Callable[[], View]
    ) -> None:
        self._remembering = remembering
        self._routing = routing
        self._catalogue = catalogue

    async def show(self, request: Meant) -> dict[str, Any]:
        """The document of `GET /cache/show`; raises NoView."""
        exchange = _exchange(request)
        route, why = self._route_of(exchange, request.method)
        if route is None:
            return _not_served(why)
        named = {"route": route.id}
        if route.policy.cache is None:
            return named | _not_served(f"the route {route.id} has no cache")
        asker = self._remembering.asker(route, route.policy.cache)
        asked = asker.ask(
            request.method, exchange.section, exchange.target, request.host, request.scheme
        )
        if isinstance(asked, Bypass):
            return named | _not_served(_BYPASSES.get(asked.why, asked.why))
        return named | await self._looked_up(asked, route.policy.cache)

    def as_kept(self, url: bytes) -> bytes:
        """A URL with its host as what is kept of it is found: the route may ignore parts of its query."""
        asked = meant(url.decode("ascii"), "GET", ())
        route, _ = self._route_of(_exchange(asked), asked.method)
        policy = None if route is None else route.policy.cache
        return url if policy is None else without_ignored(url, policy.ignore_query)

    def _route_of(self, exchange: Exchange, method: str) -> tuple[Route | None, str]:
        table = self._routing.table
        assert isinstance(table, ConfiguredTable), "there is a file"
        if not table.covers(exchange.path):
            return None, "the path is one of the gateway's own"
        # Not `find`, which also notes the request for `lockgate diff`.
        found = table.placed(table.match(exchange, method), exchange, self._catalogue, method)
        return found.route, found.ambiguity or found.why.value

    async def _looked_up(self, asked: Asked, policy: CachePolicy) -> dict[str, Any]:
        memory = self._remembering.memory
        url = {"url": asked.url.decode("ascii", "replace")}
        store, variants = "memory", memory.get(asked.key)
        if policy.stores == "redis" and _entry(asked, variants) is None:
            found = await self._remembering.shared.get(asked.key, asked.secondary, patient=True)
            if isinstance(found, Mark):
                not_kept = self._remembering.marks.why(asked.flight_key, memory.now_s())
                return url | _not_served(_could_not(not_kept, "to any gateway "))
            store, variants = "redis", found or variants
        if variants is None:
            return url | _not_served(self._why_nothing(asked, policy, memory.now_s()))
        entry = _entry(asked, variants)
        vary = {"vary": _texts(variants.vary)}
        if entry is None:
            return url | vary | _not_served(_other_variants(variants))
        if not asked.takes(entry):
            return url | vary | _not_served(_NOT_FOR_CALLERS)
        now_s = memory.now_s()
        reused = reuse(entry, asked.directives, now_s)
        outlives = instead_of_error(entry, asked.directives, now_s)
        return url | {"store": store} | vary | _of_entry(entry, reused, outlives)

    def _why_nothing(self, asked: Asked, policy: CachePolicy, now_s: float) -> str:
        not_kept = self._remembering.marks.why(asked.flight_key, now_s)
        if not_kept is not None:
            return _could_not(not_kept)
        if policy.stores == "redis" and self._remembering.shared.is_away:
            return "nothing is kept for it in this worker, and the registry is away"
        if policy.by == "subject":
            return "nothing is kept for a request without a subject, and each subject has its own"
        return NOTHING_KEPT


def _could_not(why: str | None, whose: str = "") -> str:
    """`why` is the detail of Cache-Status; None: another gateway knows it."""
    return f"the last answer {whose}could not be kept" + ("" if why is None else f": {why}")


def _entry(asked: Asked, variants: Variants | None) -> Entry | None:
    """What is kept for the request, of all that is kept under its key."""
    return None if variants is None else variants.entries.get(asked.secondary(variants.vary))


def _of_entry(entry: Entry, reused: Reuse, outlives_errors: bool) -> dict[str, Any]:
    served = reused.use is not Use.ASK
    return {
        "served": served,
        "why": _why(entry, reused, outlives_errors),
        **({"cache_status": hit(reused.ttl_s).decode("ascii")} if served else {}),
        "status": entry.status,
        "bytes": entry.length,
        "age_s": reused.age_s,
        "ttl_s": reused.ttl_s,
        "etag": None if entry.etag is None else entry.etag.decode("latin-1"),
        "tags": _texts(sorted(entry.tags)),
        "stale_while_revalidate_s": entry.freshness.stale_while_revalidate_s,
        "stale_if_error_s": entry.freshness.stale_if_error_s,
    }


def _why(entry: Entry, reused: Reuse, outlives_errors: bool) -> str:
    """Why it is served, or not."""
    if reused.use is Use.FRESH and not reused.why:
        heuristic = ", by a heuristic" if entry.freshness.is_heuristic else ""
        return f"it is fresh for another {reused.ttl_s} s{heuristic}"
    if reused.why in _REASONS:
        return _REASONS[reused.why]
    state = (
        "it was purged softly"
        if reused.why == "purged"
        else f"it is stale for {_stale_s(reused)} s"
    )
    if reused.use is Use.FRESH:
        return f"{state}, which the request accepts"
    if reused.use is Use.STALE_WHILE_REVALIDATE:
        return f"{state}: it is served while the service is asked"
    asked = f"{state}: the service is asked"
    if entry.etag is not None or entry.last_modified is not None:
        asked += " whether it has changed"
    if outlives_errors:
        asked += ", and this answer is served if it fails"
    return asked


def _stale_s(reused: Reuse) -> int:
    return max(0, -reused.ttl_s)


def _other_variants(variants: Variants) -> str:
    names = ", ".join(_texts(variants.vary))
    return f"it varies by {names}, and is kept for other values of these; send them as header"


def _not_served(why: str) -> dict[str, Any]:
    return {"served": False, "why": why}


def _texts(values: Sequence[bytes]) -> list[str]:
    return [value.decode("latin-1") for value in values]


def _exchange(request: Meant) -> Exchange:
    section = HeaderSection([(b"Host", request.host), *request.fields])
    section.check((1, 1))
    authority, target = split_target(request.target)
    return Exchange("", time.monotonic(), "", section, authority, target, target.partition("?")[0])
