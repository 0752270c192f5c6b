"""Decides which port answers which paths: with ADMIN_LISTEN the admin endpoints have their own port."""

import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.failures import RouteNotFound

_ON_BOTH = ("/health", "/ready")


class Listener:
    """A bound socket that can recognise the connections that it accepted.

    The port's number is not enough: another socket may have it on another address.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._family = sock.family
        self._is_unix = sock.family == socket.AF_UNIX
        name: tuple[Any, ...] = ("", 0) if self._is_unix else sock.getsockname()
        self._host, self._port = name[:2]
        # No other socket of the family can then listen on the port.
        self._at_any_address = not self._is_unix and ip_address(self._host).is_unspecified

    def accepted(self, family: int, name: Any) -> bool:
        """Whether it accepted a connection, by the `family` and `name` (getsockname) of the connection's socket."""
        if family != self._family or self._is_unix:
            return family == self._family
        host, port = name[:2]
        return port == self._port and (self._at_any_address or host == self._host)


def came_to(listener: Listener, request: web.Request) -> bool:
    """Whether a request came in by the listener."""
    transport = request.transport
    assert transport is not None
    family = transport.get_extra_info("socket").family
    return listener.accepted(family, transport.get_extra_info("sockname"))


def ports_middleware(
    *, came_to_admin: Callable[[web.Request], bool], is_proxied: Callable[[web.Request], bool]
) -> Middleware:
    """Answer proxied paths, /health and /ready on the public port, and all but proxied ones on the admin port."""

    @web.middleware
    def divide(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        if request.path not in _ON_BOTH and is_proxied(request) == came_to_admin(request):
            raise RouteNotFound("nothing is found at this path on this port")
        return handler(request)

    return divide
