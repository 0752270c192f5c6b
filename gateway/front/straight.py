"""The direct way to the hop: proxied requests need no search among the application's resources."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.front.plain_request import PlainRequest
from gateway.front.proxied_resource import ProxiedResource

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _expected(request: web.Request) -> str:
    return request.headers.get("Expect", "")


def proxied_first(app: web.Application, proxied: ProxiedResource, otherwise: Serve) -> Serve:
    """Give proxied requests to their resource, and everything else to the application's own handler."""
    straight = proxied.straight(app)
    covers, came_to_admin = proxied.covers, proxied.came_to_admin

    def handle(request: web.Request) -> Awaitable[web.StreamResponse]:
        is_proxied = covers(request.raw_path) and not (
            came_to_admin is not None and came_to_admin(request)
        )
        if isinstance(request, PlainRequest):
            return (straight if is_proxied else otherwise)(request)
        if not _expected(request).isascii():
            raise web.HTTPExpectationFailed  # aiohttp's own would repeat the field, and can't
        # CONNECT asks for a tunnel to an authority, which the application does not find.
        is_tunnel = request.method == "CONNECT"
        return (straight if is_proxied and not is_tunnel else otherwise)(request)

    return handle
