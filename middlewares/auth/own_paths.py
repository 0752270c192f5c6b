"""Answers requests at the ways' own paths, such as the callback of a log-in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from middlewares.auth.deciding import credentials_in
from middlewares.auth.way import AnswersPaths, Asked, Way
from middlewares.exchange import EXCHANGE

#: Answers a request at the path that the ways of these names have.
Answering = Callable[[web.Request, str, Sequence[str]], Awaitable[web.StreamResponse]]


def answering(
    ways: Callable[[], Mapping[str, Way]], scheme_of: Callable[[web.Request], str]
) -> Answering:
    """Make what answers; `ways` and `scheme_of` are those of the layer."""

    def answer(
        request: web.Request, path: str, names: Sequence[str]
    ) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        credentials = credentials_in(exchange.section)
        live = ways()
        of_path = [live[name] for name in names]
        first = of_path[0]
        assert isinstance(first, AnswersPaths), "only such a way has paths"
        return first.answer(Asked(request, exchange, credentials, scheme_of), path, of_path)

    return answer
