"""The layer that finds the route of a request below /api."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE
from middlewares.failures import RouteNotFound
from middlewares.routing import PREFIX, Catalogue, find_route, split_target


def route_middleware(*, catalogue: Callable[[], Catalogue]) -> Middleware:
    """Write the route into the Exchange, or raise RouteNotFound; the gateway's own paths pass by."""

    @web.middleware
    async def route(request: web.Request, handler: Handler) -> web.StreamResponse:
        _, path = split_target(request.raw_path)
        if is_proxied(path):
            found = find_route(path, catalogue())
            if found is None:
                raise RouteNotFound("no service is registered for this path")
            request[EXCHANGE].route = found
        return await handler(request)

    return route


def is_proxied(path: str) -> bool:
    return path.startswith(PREFIX) and path[len(PREFIX) : len(PREFIX) + 1] in ("", "/", "?")
