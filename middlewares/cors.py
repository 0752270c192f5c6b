"""CORS for the proxied routes by aiohttp-cors, where `CORS_ORIGINS` says that the gateway owns it."""

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
#: What an answer to a preflight repeats of it.
_REPEATED = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
_VARY = "Origin"
_PREFLIGHT_VARY = ", ".join(_REPEATED)

_Preflight = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ProxiedRoutes(AbstractRouterAdapter):
    """Tells aiohttp-cors which requests it is asked about: all that is proxied, under one configuration."""

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
    """What these fields say, an answer may say too: browsers send nothing but ASCII in them, and short lists."""
    values = [request.headers.get(name, "") for name in names]
    return all(value.isascii() and value.count(",") < MOST_ELEMENTS for value in values)


class Cors(NamedTuple):
    """Two layers: the fields are on refusals too, a preflight is answered where nothing is wrong with it."""

    adds_fields: Middleware
    answers_preflights: Middleware


def cors_layers(origins: Sequence[str], is_proxied: Callable[[str], bool]) -> Cors:
    """Have answers of what is proxied carry CORS fields, and preflights answered."""
    routes = ProxiedRoutes(is_proxied)
    options = {
        origin: aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
            # A wildcard with credentials would let any page act in the user's name.
            allow_credentials=origin != "*",
            expose_headers=EXPOSED,
            allow_headers="*",
            max_age=PREFLIGHT_KEPT_S,
        )
        for origin in origins
    }
    # aiohttp-cors adds its fields in a hook, which is behind all layers: here the hook is asked by one.
    hooks = web.Application()
    aiohttp_cors.CorsConfig(hooks, router_adapter=routes).add(None, options)
    hooks.on_response_prepare.freeze()

    @web.middleware
    async def add_fields(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if routes.is_cors_enabled_on_request(request):
            await hooks.on_response_prepare.send(request, response)
            # Without it a cache would hand one origin's answer to another.
            preflight = routes.is_preflight_request(request)
            response.headers.add("Vary", _PREFLIGHT_VARY if preflight else _VARY)
        return response

    @web.middleware
    async def answer_preflights(request: web.Request, handler: Handler) -> web.StreamResponse:
        if routes.is_preflight_request(request):
            return await routes.answer_preflight(request)
        return await handler(request)

    return Cors(add_fields, answer_preflights)
