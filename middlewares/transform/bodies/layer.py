"""The layer that changes the JSON in the bodies of requests and answers by the rules of their route."""

from collections.abc import Awaitable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange
from middlewares.proxied_answers import proxied
from middlewares.transform.bodies.answers import change_answer
from middlewares.transform.bodies.counting import NotChangedCounts
from middlewares.transform.bodies.policy import BodyRules
from middlewares.transform.bodies.requests import ReadBody, ask_whole, change_request
from middlewares.transform.values import RequestValues


def bodies_middleware(*, read_body: ReadBody, counts: NotChangedCounts) -> Middleware:
    """Change bodies as the route's policy says, and count those that can't be changed.

    Raises BadRequest, BodyTooLarge and UnsupportedBody for requests, and TransformFailed for answers that the
    rules refuse.
    """

    @web.middleware
    def change(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        assert exchange.route is not None, "the gate lets no other request through"
        policy = exchange.route.policy
        of_requests = None if policy.request is None else policy.request.bodies
        of_answers = None if policy.response is None else policy.response.bodies
        if of_requests is None and of_answers is None:
            return handler(request)
        return changed(request, handler, exchange, of_requests, of_answers)

    async def changed(
        request: web.Request,
        handler: Handler,
        exchange: Exchange,
        of_requests: BodyRules | None,
        of_answers: BodyRules | None,
    ) -> web.StreamResponse:
        values = RequestValues(exchange, request.method)
        if of_requests is not None:
            await change_request(request, exchange, of_requests, values, read_body, counts)
        if of_answers is None:
            return await handler(request)
        ask_whole(exchange, of_answers)
        response = await handler(request)
        answer = proxied(response)
        if answer is not None:
            await change_answer(request, exchange, answer, of_answers, values, counts)
        return response

    return change
