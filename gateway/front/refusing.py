"""The one way to refuse: without a handler, the layers answer as if one had failed."""

from collections.abc import Awaitable, Callable, Sequence
from types import FunctionType

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.typedefs import Handler, Middleware

from middlewares.failures import BadRequest, Failure, HeaderTooLarge

#: Answers a request as the layers answer an exception.
Refuse = Callable[[web.Request, Exception], Awaitable[web.StreamResponse]]

#: The layer that answers failures; this layer and those outside it run if there is no handler.
ANSWERS_FAILURES: web.AppKey[Middleware] = web.AppKey("answers_failures")


def in_a_row(layers: Sequence[Middleware], handler: Handler) -> Handler:
    """Wrap a handler in these layers, outermost first."""
    for layer in reversed(layers):
        handler = _wrapped(handler, layer)
    return handler


def _wrapped(handler: Handler, layer: Middleware) -> Handler:
    """The layer with this handler: a copy of its function that has it as a default, which costs no call."""
    if isinstance(layer, FunctionType):
        defaults = (handler,)
        return FunctionType(
            layer.__code__, layer.__globals__, layer.__name__, defaults, layer.__closure__
        )
    return lambda request: layer(request, handler)


def refusing(layers: Sequence[Middleware]) -> Refuse:
    """Run these layers around a handler that raises; if a layer itself fails, without the outermost."""

    async def refuse(request: web.Request, error: Exception) -> web.StreamResponse:
        async def fail(_request: web.Request) -> web.StreamResponse:
            raise error

        sound = layers
        try:
            while True:
                try:
                    return await in_a_row(sound, fail)(request)
                except Exception as mistake:
                    if len(sound) < 2 or isinstance(mistake, ConnectionError):
                        raise
                    sound = sound[1:]
        finally:
            error.__traceback__ = None  # its frames refer to the request and to this error

    return refuse


async def refuse_last(request: web.Request, refuse: Refuse, error: Exception) -> web.StreamResponse:
    """Refuse a request and accept no other, because the bytes that follow can't be trusted."""
    if request.writer.output_size > 0:
        raise ConnectionError("an answer is under way already")
    request._version = HttpVersion11  # else the answer would have the refused version
    response = await refuse(request, error)
    response.force_close()
    return response


def outer_layers(app: web.Application) -> Sequence[Middleware]:
    """The layers down to the one that answers failures."""
    layers = list(app.middlewares)
    return layers[: layers.index(app[ANSWERS_FAILURES]) + 1]


def failure_of(not_http: BaseException | None) -> Failure:
    """The failure for a request that the parser could not read."""
    if isinstance(not_http, LineTooLong) or "Too many headers" in str(not_http):
        return HeaderTooLarge("the request line or the header section is too large")
    return BadRequest("the request is not valid HTTP")
