"""The layer that finds the route of a request."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from discovery.view.view import View
from middlewares.exchange import EXCHANGE
from middlewares.failures import AmbiguousPath, Failure, NoView, RouteNotFound
from middlewares.routing.deciding import Found, Why
from middlewares.routing.routing import Routing

#: Where no route takes it, the gateway's own page is there.
ROOT = "/"


def route_middleware(
    *,
    routing: Routing,
    catalogue: Callable[[], View],
    came_to_admin: Callable[[web.Request], bool] | None = None,
) -> Middleware:
    """Write the route and its ways into the Exchange, or raise RouteNotFound; skip the gateway's own paths.

    There is no route at the admin port; None: no path that the table covers gets here from it.

    Raises AmbiguousPath too. `catalogue` raises the Failure to answer with if there is no catalogue yet. What
    a partial one does not know may be registered, so that is NoView.
    """

    @web.middleware
    def route(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        table = routing.table
        if table.covers(exchange.path) and not (came_to_admin and came_to_admin(request)):
            found = table.find(exchange, catalogue, request.method)
            if found.route is not None:
                exchange.route, exchange.hit = found.route, found.hit
                exchange.ways = routing.ways
            elif exchange.path != ROOT or found.ambiguity:
                raise _failure(found, catalogue)
        return handler(request)

    return route


def _failure(found: Found, catalogue: Callable[[], View]) -> Failure:
    if found.ambiguity:
        return AmbiguousPath(found.ambiguity)
    if found.why is Why.NOT_REGISTERED and catalogue().partial:
        return NoView()
    return RouteNotFound(found.why.value)
