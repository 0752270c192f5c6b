"""Answers requests at the ways' own paths, such as the callback of a log-in."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from middlewares.auth.deciding import credentials_in
from middlewares.auth.way import AnswersPaths, Asked
from middlewares.exchange import EXCHANGE
from middlewares.failures import BadRequest

#: Answers a request at the path that the ways of these names have.
Answering = Callable[[web.Request, str, Sequence[str]], Awaitable[web.StreamResponse]]


def answering(scheme_of: Callable[[web.Request], str]) -> Answering:
    """Make what answers; `scheme_of` is that of the layer. It raises BadRequest for a field that came twice."""

    def answer(
        request: web.Request, path: str, names: Sequence[str]
    ) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        credentials = credentials_in(exchange.section)
        if credentials.mistake:
            raise BadRequest(credentials.mistake)
        of_path = [exchange.ways[name] for name in names]
        first = of_path[0]
        assert isinstance(first, AnswersPaths), "only such a way has paths"
        return first.answer(Asked(request, exchange, credentials, scheme_of), path, of_path)

    return answer
