"""The layer that has requests copied, and shows the copies what answer the client gets."""

from collections.abc import Awaitable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE
from middlewares.failures import Failure
from middlewares.mirror.copying import Beginning, Copying
from middlewares.problems import problem_of
from middlewares.proxied_answers import proxied

_SWITCHING_PROTOCOLS = 101


def mirror_middleware(copying: Copying) -> Middleware:
    """Copy requests for the mirrors of their routes. The request itself waits for nothing."""

    @web.middleware
    def copy(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        begun = exchange.copies
        if begun is None:  # else a split tries another share
            mirrors = copying.drawn(request, exchange)
            if not mirrors:
                return handler(request)
            begun = copying.begin(request, exchange, mirrors, handler)
        return beside(request, handler, begun) if begun.tasks else handler(request)

    async def beside(
        request: web.Request, handler: Handler, begun: Beginning
    ) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        try:
            response = await handler(request)
        except Failure as failure:
            begun.original.failed(problem_of(failure).reason)
            raise
        except BaseException:
            begun.abandon("client_left")
            raise
        answer = proxied(response)
        if answer is None:
            begun.original.lose("own_answer")
        elif answer.streams_events or answer.answered == _SWITCHING_PROTOCOLS:
            begun.abandon("event_stream")
        else:
            begun.original.answered(answer, exchange.upstream_s)
        return response

    return copy
