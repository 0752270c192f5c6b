"""The layer that finds the candidates of a request, and waits for a first verdict where one is due."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from discovery.view.view import Entry, View
from middlewares.candidates.deciding import (
    Candidate,
    IsSuspected,
    StatusOf,
    find_candidates,
    is_starting,
)
from middlewares.exchange import EXCHANGE
from middlewares.failures import NoHealthyInstance

#: A service that has only starting instances is given so long.
FIRST_VERDICT_WITHIN_S = 1.0


def health_routing_middleware(
    *,
    view: Callable[[], View],
    status_of: StatusOf,
    is_suspected: IsSuspected,
    health_changed: Callable[[str], Awaitable[None]],
    health_revision: Callable[[], int],
) -> Middleware:
    """Write the candidates into the Exchange, or raise NoHealthyInstance.

    They are found once for each state of view and health (`health_revision` counts its changes).
    """
    found_in: tuple[View | None, int] = (None, -1)
    found_for: dict[str, tuple[Candidate, ...]] = {}

    @web.middleware
    async def find(request: web.Request, handler: Handler) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        if exchange.route is not None:
            service = exchange.route.service
            exchange.candidates = look(service) or await wait_for(service)
        return await handler(request)

    async def wait_for(service: str) -> tuple[Candidate, ...]:
        found: tuple[Candidate, ...] = ()
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
        nonlocal found_in
        now, revision = view(), health_revision()
        if now is not found_in[0] or revision != found_in[1]:
            found_in = (now, revision)
            found_for.clear()
        found = found_for.get(service)
        if found is None:
            found = found_for[service] = find_candidates(
                entries_of(service), status_of, is_suspected
            )
        return found

    def entries_of(service: str) -> Iterable[Entry]:
        return view().services.get(service, {}).values()

    return find
