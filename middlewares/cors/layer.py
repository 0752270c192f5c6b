"""The layers that answer for CORS, by aiohttp-cors, on the routes that have a policy for it."""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import aiohttp_cors
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp_cors.abc import AbstractRouterAdapter

from middlewares.cors.deciding import ANY, CorsPolicy
from middlewares.failures import BadRequest, Forbidden
from middlewares.hygiene.deciding import MOST_ELEMENTS

#: Request fields that the answer to a preflight repeats.
_REPEATED = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
_VARY = "Origin"
_PREFIX = "access-control-"
_PREFLIGHT_VARY = ", ".join(_REPEATED)

#: The policy for a request; None: CORS is the service's own matter.
PolicyOf = Callable[[web.Request], CorsPolicy | None]

_Config = Mapping[str, Any]
_Preflight = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _PolicyOfEach(AbstractRouterAdapter):
    """Gives aiohttp-cors the policy of each request."""

    def __init__(self, policy_of: PolicyOf) -> None:
        self._policy_of = policy_of
        self._config_of = lru_cache(1024)(_config_of)
        self._preflight: _Preflight | None = None

    def add_preflight_handler(
        self, routing_entity: object, handler: _Preflight, webview: bool = False
    ) -> None:
        self._preflight = handler

    def set_config_for_routing_entity(self, routing_entity: object, config: object) -> None:
        """Nothing is set: each request has its policy."""

    def is_preflight_request(self, request: web.Request) -> bool:
        return is_preflight(request) and self.is_cors_enabled_on_request(request)

    def is_cors_enabled_on_request(self, request: web.Request) -> bool:
        return self._policy_of(request) is not None

    async def get_preflight_request_config(
        self, preflight_request: web.Request, origin: str, requested_method: str
    ) -> _Config:
        """Raises KeyError for a method that is not allowed, as aiohttp-cors wants it."""
        policy = self._policy_of(preflight_request)
        if policy is None or not policy.takes_method(requested_method):
            raise KeyError
        return self._config(policy, origin)

    def get_non_preflight_request_config(self, request: web.Request) -> _Config:
        policy = self._policy_of(request)
        if policy is None or not _may_be_repeated(request, "Origin"):
            return {}
        return self._config(policy, request.headers.get("Origin", ""))

    async def answer_preflight(self, request: web.Request) -> web.StreamResponse:
        if not _may_be_repeated(request, *_REPEATED):
            raise BadRequest("the preflight's fields are not valid")
        assert self._preflight is not None, "aiohttp-cors has given it"
        try:
            return await self._preflight(request)
        except web.HTTPForbidden as refusal:
            # It says which of the origin, the method and the headers is not allowed, and nothing of the policy.
            raise Forbidden(refusal.text or "") from None

    def _config(self, policy: CorsPolicy, origin: str) -> _Config:
        by = policy.admitting(origin)
        config: _Config = self._config_of(policy)
        return config if by is None or by in (ANY, origin) else {origin: config[by]}


def _config_of(policy: CorsPolicy) -> _Config:
    """The policy as aiohttp-cors has it: the options of each origin."""
    return {
        origin: aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
            allow_credentials=policy.credentials and origin != ANY,
            expose_headers=policy.expose,
            allow_headers=ANY if ANY in policy.headers else policy.headers,
            max_age=policy.max_age_s,
        )
        for origin in policy.origins
    }


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks if it may send a request of a page."""
    return (
        request.method == "OPTIONS"
        and "Origin" in request.headers
        and "Access-Control-Request-Method" in request.headers
    )


def _remove_fields(response: web.StreamResponse) -> None:
    """Remove what a service that decides about requests says of CORS: that is the gateway's matter here."""
    headers = response.headers
    for name in [name for name in headers if name.lower().startswith(_PREFIX)]:
        headers.popall(name, None)


def _may_be_repeated(request: web.Request, *names: str) -> bool:
    """Whether an answer may repeat these fields: browsers send only ASCII and short lists in them."""
    values = [request.headers.get(name, "") for name in names]
    return all(value.isascii() and value.count(",") < MOST_ELEMENTS for value in values)


class Cors(NamedTuple):
    """Two layers: one adds the fields, to refusals too; the other answers valid preflights."""

    adds_fields: Middleware
    answers_preflights: Middleware


def cors_layers(policy_of: PolicyOf, has_policies: Callable[[], bool]) -> Cors:
    """Make the layers that add CORS fields to answers and answer preflights.

    While `has_policies` is false, no request has a policy, and none is asked for.
    """
    routes = _PolicyOfEach(policy_of)
    # aiohttp-cors adds its fields in a hook that runs after all layers; here a layer calls the hook.
    hooks = web.Application()
    aiohttp_cors.CorsConfig(hooks, router_adapter=routes).add(None, {})
    hooks.on_response_prepare.freeze()

    @web.middleware
    def add_fields(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        return added(request, handler) if has_policies() else handler(request)

    async def added(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if routes.is_cors_enabled_on_request(request):
            preflight = is_preflight(request)
            if not preflight:
                _remove_fields(response)
            await hooks.on_response_prepare.send(request, response)
            # Without it a cache would give one origin's answer to another.
            response.headers.add("Vary", _PREFLIGHT_VARY if preflight else _VARY)
        return response

    @web.middleware
    def answer_preflights(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        if routes.is_preflight_request(request):
            return routes.answer_preflight(request)
        return handler(request)

    return Cors(add_fields, answer_preflights)
