"""The layer that answers requests whose route needs no service."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.auth.own_paths import Answering
from middlewares.auth.resource_metadata import ResourceMetadata
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import BadRequest
from middlewares.routing.redirecting import Redirect
from middlewares.routing.route import OfServices, OfWays, Respond

#: Answers a request with what services say; the parts go on through the handler.
Composing = Callable[[web.Request, Handler, OfServices], Awaitable[web.StreamResponse]]


def own_answers_middleware(
    *, scheme_of: Callable[[web.Request], str], of_ways: Answering, of_services: Composing
) -> Middleware:
    """Answer as the route says, or redirect, or have a way of authentication answer at its own path.

    `scheme_of` tells what the client used, `http` or `https`, which a trusted proxy may have said.
    """

    @web.middleware
    def answer(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        route = exchange.route
        if route is None or route.answer is None:
            return handler(request)
        if isinstance(route.answer, OfWays):
            return of_ways(request, route.answer.path, route.answer.ways)
        if isinstance(route.answer, OfServices):
            return of_services(request, handler, route.answer)
        return answered(request, exchange, route.answer)

    async def answered(
        request: web.Request, exchange: Exchange, says: Respond | Redirect | ResourceMetadata
    ) -> web.Response:
        if isinstance(says, ResourceMetadata):
            if not exchange.asked_host:  # as HTTP/1.0 allows
                raise BadRequest("the request names no host, and what it asks for is about one")
            body = says.document(scheme_of(request), exchange.asked_host, exchange.path)
            return web.Response(body=body, content_type="application/json")
        if isinstance(says, Respond):
            return web.Response(status=says.status, headers=says.fields, body=says.body)
        assert exchange.hit is not None, "only a configured route redirects"
        location = says.location(
            exchange.target, exchange.hit, scheme=scheme_of(request), authority=exchange.asked_host
        )
        return web.Response(status=says.status, headers={"Location": location})

    return answer
