"""The layer that finds the route of a request."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from discovery.view.view import View
from middlewares.exchange import EXCHANGE
from middlewares.failures import NoView, RouteNotFound
from middlewares.routing.routing import Routing


def route_middleware(*, routing: Routing, catalogue: Callable[[], View]) -> Middleware:
    """Write the route into the Exchange, or raise RouteNotFound; skip the gateway's own paths.

    `catalogue` raises the Failure to answer with if there is no catalogue yet. What a partial one does
    not know may be registered, so that is NoView.
    """

    @web.middleware
    def route(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        table = routing.table
        if table.covers(exchange.path):
            found = table.find(exchange, catalogue())
            if found.route is None:
                raise NoView if catalogue().partial else RouteNotFound(found.why.value)
            exchange.route = found.route
        return handler(request)

    return route
