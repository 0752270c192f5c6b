"""The layer that lets no request in which an upstream might read differently than we do."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE
from middlewares.failures import BadRequest


def hygiene_middleware() -> Middleware:
    """Raise BadRequest or ExpectationFailed before anything else is looked at."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "#" in request.raw_path:  # RFC 9112 §3.2: some readers cut it off, some don't
            raise BadRequest("the target has a fragment")
        request[EXCHANGE].section.check(request.version)
        return await handler(request)

    return check
