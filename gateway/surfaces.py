"""Which port answers what: with ADMIN_LISTEN, the registry and the gateway's inside have their own."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.failures import RouteNotFound
from middlewares.route import is_proxied

_ON_BOTH = ("/health", "/ready")


def surfaces_middleware(*, admin_listen: str) -> Middleware:
    """On the public port /api, /health and /ready; on the admin's everything but /api."""
    admin_port = None if admin_listen.startswith("unix:") else int(admin_listen.rpartition(":")[2])

    @web.middleware
    async def divide(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in _ON_BOTH and is_proxied(request.path) == came_to_admin(request):
            raise RouteNotFound("nothing is found at this path on this port")
        return await handler(request)

    def came_to_admin(request: web.Request) -> bool:
        assert request.transport is not None
        name = request.transport.get_extra_info("sockname")
        if admin_port is None:
            return not isinstance(name, tuple)
        return isinstance(name, tuple) and name[1] == admin_port

    return divide
