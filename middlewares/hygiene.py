"""The layer that lets no request in which an upstream might read differently than we do."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.failures import BadRequest
from middlewares.request_rules import check_request


def hygiene_middleware() -> Middleware:
    """Raise BadRequest or ExpectationFailed before anything else is looked at."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "#" in request.raw_path:  # RFC 9112 §3.2: some readers cut it off, some don't
            raise BadRequest("the target has a fragment")
        version = request.version
        check_request((version.major, version.minor), request.raw_headers)
        return await handler(request)

    return check
