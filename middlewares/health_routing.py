"""The layer that finds the candidates of a request, and waits for a first verdict where one is due."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from discovery.view import Entry, View
from middlewares.candidates import Candidate, StatusOf, find_candidates, is_starting
from middlewares.exchange import EXCHANGE
from middlewares.failures import NoHealthyInstance

#: A service that has only starting instances is given so long.
FIRST_VERDICT_WITHIN_S = 1.0


def health_routing_middleware(
    *,
    view: Callable[[], View],
    status_of: StatusOf,
    health_changed: Callable[[str], Awaitable[None]],
) -> Middleware:
    """Write the candidates into the Exchange, or raise NoHealthyInstance."""

    @web.middleware
    async def find(request: web.Request, handler: Handler) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        if exchange.route is not None:
            exchange.candidates = await candidates_of(exchange.route.service)
        return await handler(request)

    async def candidates_of(service: str) -> tuple[Candidate, ...]:
        found = look(service)
        if not found and is_starting(entries_of(service), status_of):
            try:
                async with asyncio.timeout(FIRST_VERDICT_WITHIN_S):
                    while not found and is_starting(entries_of(service), status_of):
                        await health_changed(service)
                        found = look(service)
            except TimeoutError:
                found = look(service)
        if not found:
            raise NoHealthyInstance(service)
        return found

    def look(service: str) -> tuple[Candidate, ...]:
        return find_candidates(entries_of(service), status_of)

    def entries_of(service: str) -> Iterable[Entry]:
        return view().services.get(service, {}).values()

    return find
