"""The layer that finds a request's candidates, and waits for first health verdicts if needed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from discovery.health.book import HealthBook
from discovery.view.view import Entry, View
from middlewares.candidates.lookup import Lookup
from middlewares.exchange import EXCHANGE
from middlewares.failures import NoHealthyInstance, NoView

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from middlewares.version_ranges import VersionRange

    Ranges = tuple[VersionRange, ...]

#: How long a request waits for a service that has only starting instances.
FIRST_VERDICT_WITHIN_S = 1.0


def health_routing_middleware(
    *,
    lookup: Lookup,
    view: Callable[[], View | None],
    health: HealthBook,
    renamed: Callable[[str], Iterable[Entry]] = lambda _service: (),
) -> Middleware:
    """Write the candidates into the Exchange, or raise NoHealthyInstance.

    `renamed` gives the instances of a service that has another name since the request was routed. NoView: there
    is no view, or the service may be registered although it is not in a partial one.
    """
    look = lookup.look

    @web.middleware
    def find(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        route = exchange.route
        if route is not None:
            selection = look(route.service, exchange.ranges)
            if selection.tier is None:
                return find_later(request, handler, route.service, exchange.ranges)
            exchange.candidates = selection.candidates
        return handler(request)

    async def find_later(
        request: web.Request, handler: Handler, service: str, ranges: "Ranges"
    ) -> web.StreamResponse:
        """Wait for the first verdict if all instances are starting, and look again."""
        exchange = request[EXCHANGE]
        if exchange.ranges_anew is not None:
            exchange.ranges = ranges = exchange.ranges_anew()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_VERDICT_WITHIN_S):
                while look(service, ranges).is_starting:
                    await health.changed(service)
        selection = look(service, ranges)
        if selection.tier is None:
            selection = lookup.among(renamed(service), ranges)
        if selection.tier is None:
            now = view()
            unknown = now is None or (now.partial and service not in now.services)
            raise NoView if unknown else NoHealthyInstance(service, ranges)
        exchange.candidates = selection.candidates
        return await handler(request)

    return find
