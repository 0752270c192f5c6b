"""The layer that refuses requests which an upstream might read differently than the gateway."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE
from middlewares.failures import BadRequest


def hygiene_middleware(
    *, leaves_to_routes: Callable[[web.Request], bool] | None = None
) -> Middleware:
    """Raise BadRequest or ExpectationFailed before any other layer looks at the request.

    `leaves_to_routes` says of a target with a fragment whether the routes decide about it; None: they never do.
    """

    @web.middleware
    def check(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        # RFC 9112 §3.2: only some readers cut it off
        if "#" in request.raw_path and not (leaves_to_routes and leaves_to_routes(request)):
            raise BadRequest("the target has a fragment")
        request[EXCHANGE].section.check(request.version)
        return handler(request)

    return check
