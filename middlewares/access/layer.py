"""The layer that refuses clients whose address may not use the route."""

from collections.abc import Awaitable

from aiohttp import web
from aiohttp.typedefs import Handler

from middlewares.exchange import EXCHANGE
from middlewares.failures import Forbidden


@web.middleware
def access_middleware(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
    """Raise Forbidden for a client that the lists of its route refuse."""
    exchange = request[EXCHANGE]
    route = exchange.route
    if route is not None and route.policy.access is not None:
        why = route.policy.access.refuses(exchange.client_ip)
        if why is not None:
            # The address may be that of a proxy, which only the operator can tell.
            raise Forbidden(f"this route is not for the address {exchange.client_ip}: {why.value}")
    return handler(request)
