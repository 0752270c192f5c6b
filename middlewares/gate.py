"""Layers that stand in the way of those requests alone whose route asks for one of them."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE
from middlewares.routing.policy import RoutePolicy


def gate(wants: Callable[[RoutePolicy], bool], layers: Sequence[Middleware]) -> Middleware:
    """Call the layers, outermost first, where `wants` says so of the route's policy; else pass them by.

    A request of any other route pays for one look at its policy, however many layers there are.
    """
    behind: Handler | None = None
    through: Handler | None = None

    @web.middleware
    def look(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        nonlocal behind, through
        route = request[EXCHANGE].route
        if route is None or not wants(route.policy):
            return handler(request)
        # A pipeline has one handler behind this layer, so the row is made once.
        if through is None or handler is not behind:
            behind, through = handler, _row(layers, handler)
        return through(request)

    return look


def _row(layers: Sequence[Middleware], handler: Handler) -> Handler:
    for layer in reversed(layers):
        handler = _before(layer, handler)
    return handler


def _before(layer: Middleware, handler: Handler) -> Handler:
    return lambda request: layer(request, handler)
