"""The layer that refuses requests which an upstream might read differently than the gateway."""

from collections.abc import Awaitable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE
from middlewares.failures import BadRequest


def hygiene_middleware() -> Middleware:
    """Raise BadRequest or ExpectationFailed before any other layer looks at the request."""

    @web.middleware
    def check(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        if "#" in request.raw_path:  # RFC 9112 §3.2: only some readers cut it off
            raise BadRequest("the target has a fragment")
        request[EXCHANGE].section.check(request.version)
        return handler(request)

    return check
