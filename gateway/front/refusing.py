"""The one way to refuse: what no handler was asked is answered by the layers, as if one had failed."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.http_parser import RawRequestMessage
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import ERROR

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


async def refuse_last(request: web.Request, refuse: Refuse, error: Exception) -> web.StreamResponse:
    """Refuse it, and take no other: what follows on the connection can't be trusted."""
    if request.writer.output_size > 0:
        raise ConnectionError("an answer is under way already")
    request._version = HttpVersion11  # aiohttp would answer in the version of what is refused
    response = await refuse(request, error)
    response.force_close()
    return response


def outer_layers(app: web.Application) -> Sequence[Middleware]:
    """The layers down to the one that answers failures."""
    layers = list(app.middlewares)
    return layers[: layers.index(app[ANSWERS_FAILURES]) + 1]


def failure_of(not_http: BaseException | None) -> Failure:
    """Why the parser could not read a request."""
    if isinstance(not_http, LineTooLong) or "Too many headers" in str(not_http):
        return HeaderTooLarge("the request line or the header section is too large")
    return BadRequest("the request is not valid HTTP")


def in_place_of(refused: tuple[str, str] | None) -> RawRequestMessage:
    """What stands for a request that could not be read: of its own it has method and target at most."""
    method, path = refused or (ERROR.method, ERROR.path)
    return ERROR._replace(method=method, path=path, raw_headers=())  # theirs is no tuple
