"""GET /: a page for people, and a list of routes for programs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

import orjson
from aiohttp import web

from discovery.base.stepping import in_steps
from discovery.health.book import HealthBook
from discovery.view.view import View
from gateway.endpoints.negotiation import prefers_html
from gateway.endpoints.process import NAME
from gateway.endpoints.shared_documents import JSON, SharedDocuments
from gateway.explaining.unavailability import Unavailability, sights_of
from gateway.front.document import Document
from gateway.page.overview import Overview, overview, routes
from gateway.page.rendering import Facts, rendering
from gateway.page.template import STYLE_HASH
from gateway.version import VERSION
from middlewares.failures import NoView
from middlewares.routing.routing import Routing

_EACH_ITS_OWN = {"Vary": "Accept", "Cache-Control": "no-store"}
_JSON = {**JSON, **_EACH_ITS_OWN}
_HTML = {
    "Content-Type": "text/html; charset=utf-8",
    **_EACH_ITS_OWN,
    "Content-Security-Policy": f"default-src 'none'; style-src {STYLE_HASH}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
#: The kinds of documents: what they show depends on who asks.
_ROUTES, _PUBLIC, _INSIDE = "routes", "public", "inside"


class FrontEndpoint:
    """Answers from the view alone; concurrent requests share one document."""

    def __init__(
        self,
        *,
        view: Callable[[], View],
        routing: Routing,
        health: HealthBook,
        stale_for_s: Callable[[], float | None],
        unavailability: Unavailability,
        links_routes: bool,
        send_timeout_s: float,
    ) -> None:
        self._routing = routing
        self._health = health
        self._stale_for_s = stale_for_s
        self._may_see_addresses = unavailability.may_see_addresses
        self._links_routes = links_routes
        self._send_timeout_s = send_timeout_s
        self._documents = SharedDocuments(view, self._make, lambda: routing.revision)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """HTML where `Accept` asks for it, else JSON; NoView only for JSON, since the page says it itself."""
        if not prefers_html(",".join(request.headers.getall("Accept", ()))):
            return self._document(await self._documents.get(_ROUTES), _JSON)
        try:
            name = _INSIDE if self._may_see_addresses(request) else _PUBLIC
            page = await self._documents.get(name)
        except NoView:
            page = await self._page(None)
        return self._document(page, _HTML)

    async def _make(self, name: str, view: View) -> bytes:
        if name == _ROUTES:
            found = await in_steps(routes(view, self._routing.table))
            return orjson.dumps({"service": NAME, "version": VERSION, "routes": found})
        sights = partial(sights_of, view=view, book=self._health)
        shown = await in_steps(overview(view, self._routing.table, sights, inside=name == _INSIDE))
        return await self._page(shown)

    async def _page(self, shown: Overview | None) -> bytes:
        facts = Facts(
            version=VERSION,
            made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            stale_for_s=self._stale_for_s(),
            links_routes=self._links_routes,
        )
        return (await in_steps(rendering(shown, facts))).encode()

    def _document(self, document: bytes, headers: Mapping[str, str]) -> Document:
        return Document([document], headers=headers, send_timeout_s=self._send_timeout_s)
