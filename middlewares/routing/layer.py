"""The layer that finds the route of a request below /api."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from discovery.model.naming import Catalogue
from middlewares.exchange import EXCHANGE
from middlewares.failures import RouteNotFound
from middlewares.routing.deciding import PREFIX, RouteTable

_BELOW_OR_QUERY = (PREFIX + "/", PREFIX + "?")


def route_middleware(*, catalogue: Callable[[], Catalogue]) -> Middleware:
    """Write the route into the Exchange, or raise RouteNotFound; the gateway's own paths pass by.

    `catalogue` raises the Failure to answer with where there is none yet.
    """
    table: RouteTable | None = None

    @web.middleware
    async def route(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal table
        exchange = request[EXCHANGE]
        path = exchange.path
        if is_proxied(path):
            now = catalogue()
            if table is None or table.catalogue is not now:
                table = RouteTable(now)
            found = table.find(path)
            if found is None:
                raise RouteNotFound("no service is registered for this path")
            exchange.route = found
        return await handler(request)

    return route


def is_proxied(path: str) -> bool:
    """The path is /api or below it; a query may stand behind."""
    return path.startswith(_BELOW_OR_QUERY) or path == PREFIX
