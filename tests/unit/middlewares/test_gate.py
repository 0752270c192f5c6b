"""A gate has its layers called for the routes that want them, and for no others."""

from collections.abc import Awaitable

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange
from middlewares.gate import gate
from middlewares.header_section import HeaderSection
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.route import Route

PLAIN, WATCHED = RoutePolicy(), RoutePolicy(concurrent=7)


def naming(name: str, seen: list[str]) -> Middleware:
    @web.middleware
    def layer(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        seen.append(name)
        return handler(request)

    return layer


def asked(policy: RoutePolicy | None) -> web.Request:
    request = make_mocked_request("GET", "/")
    exchange = Exchange("id", 0.0, "", HeaderSection(()), None, "/", "/")
    exchange.route = None if policy is None else Route("r", "s", "", policy)
    request[EXCHANGE] = exchange
    return request


async def test_layers_stand_before_the_handler_in_their_order_where_the_route_wants_them() -> None:
    seen: list[str] = []
    look = gate(lambda policy: policy.concurrent > 0, [naming("a", seen), naming("b", seen)])

    async def handler(_request: web.Request) -> web.StreamResponse:
        seen.append("handler")
        return web.Response()

    for policy in (WATCHED, PLAIN, None, WATCHED):
        await look(asked(policy), handler)

    assert seen == ["a", "b", "handler", "handler", "handler", "a", "b", "handler"]


async def test_another_handler_is_not_taken_for_the_one_before() -> None:
    look = gate(lambda _policy: True, [naming("a", [])])
    said = []
    for status in (200, 201):

        async def handler(_request: web.Request, status: int = status) -> web.StreamResponse:
            return web.Response(status=status)

        said.append((await look(asked(PLAIN), handler)).status)

    assert said == [200, 201]
