"""The one way to refuse: what no handler was asked is answered by the layers, as if one had failed."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.typedefs import Handler, Middleware

from middlewares.failures import BadRequest, Failure, HeaderTooLarge

#: Answers a request with what the layers make of an exception.
Refuse = Callable[[web.Request, Exception], Awaitable[web.StreamResponse]]

#: The layer that answers failures: it and those in front of it are asked where there is no handler.
ANSWERS_FAILURES: web.AppKey[Middleware] = web.AppKey("answers_failures")


def in_a_row(layers: Sequence[Middleware], handler: Handler) -> Handler:
    """The handler with these layers in front of it, outermost first."""
    for layer in reversed(layers):
        handler = partial(layer, handler=handler)
    return handler


def refusing(layers: Sequence[Middleware]) -> Refuse:
    """Run these layers around a handler that raises; without the outermost where they fail themselves."""

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
            error.__traceback__ = None  # its frames have the request in hand, and this error

    return refuse


def outer_layers(app: web.Application) -> Sequence[Middleware]:
    """The layers down to the one that answers failures."""
    layers = list(app.middlewares)
    return layers[: layers.index(app[ANSWERS_FAILURES]) + 1]


def failure_of(not_http: BaseException | None) -> Failure:
    """Why the parser could not read a request."""
    if isinstance(not_http, LineTooLong) or "Too many headers" in str(not_http):
        return HeaderTooLarge("the request line or the header section is too large")
    return BadRequest("the request is not valid HTTP")
