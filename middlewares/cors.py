"""CORS for the proxied routes by aiohttp-cors, if `CORS_ORIGINS` is set."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import aiohttp_cors
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp_cors.abc import AbstractRouterAdapter

from middlewares.failures import BadRequest
from middlewares.hygiene.deciding import MOST_ELEMENTS
from middlewares.telemetry.correlation_ids import HEADER as CORRELATION_ID

PREFLIGHT_KEPT_S = 600
EXPOSED = (CORRELATION_ID, "RateLimit", "RateLimit-Policy", "Retry-After")
#: Request fields that the answer to a preflight repeats.
_REPEATED = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
_VARY = "Origin"
_PREFLIGHT_VARY = ", ".join(_REPEATED)

_Preflight = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ProxiedRoutes(AbstractRouterAdapter):
    """Gives aiohttp-cors one configuration for all proxied requests."""

    def __init__(self, is_proxied: Callable[[str], bool]) -> None:
        self._is_proxied = is_proxied
        self._preflight: _Preflight | None = None
        self._config: Any = None

    def add_preflight_handler(
        self, routing_entity: object, handler: _Preflight, webview: bool = False
    ) -> None:
        self._preflight = handler

    def set_config_for_routing_entity(self, routing_entity: object, config: object) -> None:
        self._config = config

    def is_preflight_request(self, request: web.Request) -> bool:
        return (
            request.method == "OPTIONS"
            and "Origin" in request.headers
            and "Access-Control-Request-Method" in request.headers
            and self.is_cors_enabled_on_request(request)
        )

    def is_cors_enabled_on_request(self, request: web.Request) -> bool:
        return self._is_proxied(request.path)

    async def get_preflight_request_config(
        self, preflight_request: web.Request, origin: str, requested_method: str
    ) -> Any:
        return self._config

    def get_non_preflight_request_config(self, request: web.Request) -> Any:
        return self._config if _may_be_repeated(request, "Origin") else {}

    async def answer_preflight(self, request: web.Request) -> web.StreamResponse:
        if not _may_be_repeated(request, *_REPEATED):
            raise BadRequest("the preflight's fields are not valid")
        assert self._preflight is not None, "aiohttp-cors has given it"
        return await self._preflight(request)


def _may_be_repeated(request: web.Request, *names: str) -> bool:
    """Whether an answer may repeat these fields: browsers send only ASCII and short lists in them."""
    values = [request.headers.get(name, "") for name in names]
    return all(value.isascii() and value.count(",") < MOST_ELEMENTS for value in values)


class Cors(NamedTuple):
    """Two layers: one adds the fields, to refusals too; the other answers valid preflights."""

    adds_fields: Middleware
    answers_preflights: Middleware


def cors_layers(origins: Sequence[str], is_proxied: Callable[[str], bool]) -> Cors:
    """Make the layers that add CORS fields to proxied answers and answer preflights."""
    routes = ProxiedRoutes(is_proxied)
    options = {
        origin: aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
            # With a wildcard and credentials any page could act in the user's name.
            allow_credentials=origin != "*",
            expose_headers=EXPOSED,
            allow_headers="*",
            max_age=PREFLIGHT_KEPT_S,
        )
        for origin in origins
    }
    # aiohttp-cors adds its fields in a hook that runs after all layers; here a layer calls the hook.
    hooks = web.Application()
    aiohttp_cors.CorsConfig(hooks, router_adapter=routes).add(None, options)
    hooks.on_response_prepare.freeze()

    @web.middleware
    async def add_fields(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if routes.is_cors_enabled_on_request(request):
            await hooks.on_response_prepare.send(request, response)
            # Without it a cache would give one origin's answer to another.
            preflight = routes.is_preflight_request(request)
            response.headers.add("Vary", _PREFLIGHT_VARY if preflight else _VARY)
        return response

    @web.middleware
    def answer_preflights(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        if routes.is_preflight_request(request):
            return routes.answer_preflight(request)
        return handler(request)

    return Cors(add_fields, answer_preflights)
