"""The layer that has requests copied, and shows the copies what answer the client gets."""

from collections.abc import Awaitable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE
from middlewares.failures import Failure
from middlewares.mirror.copying import Copying
from middlewares.mirror.policy import MirrorPolicy
from middlewares.problems import problem_of
from middlewares.proxied_answers import proxied

_SWITCHING_PROTOCOLS = 101


def mirror_middleware(copying: Copying) -> Middleware:
    """Copy requests for the mirrors of their routes. The request itself waits for nothing."""

    @web.middleware
    def copy(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        mirrors = copying.drawn(request, request[EXCHANGE])
        if not mirrors:
            return handler(request)
        return beside(request, handler, mirrors)

    async def beside(
        request: web.Request, handler: Handler, mirrors: list[MirrorPolicy]
    ) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        begun = copying.begin(request, exchange, mirrors, handler)
        if not begun.tasks:
            return await handler(request)
        try:
            response = await handler(request)
        except Failure as failure:
            begun.original.lose(problem_of(failure).reason)
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
