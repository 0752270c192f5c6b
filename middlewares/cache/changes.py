"""Ends what is kept of URLs that successful requests may have changed (RFC 9111 §4.4)."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from middlewares.cache.deciding.invalidating import SAFE, invalidated
from middlewares.cache.policy import CachePolicy
from middlewares.cache.ports import Answers
from middlewares.exchange import Exchange


class Changes:
    """Sees the answers to unsafe requests, on routes with a cache and without.

    `is_used` says whether any route has a cache. `kept_as` is the policy by which the answers to GET for a
    request's URL are kept, which may be that of another route; None: they are not. `url_of` is a request's
    URL, and `invalidate` ends what is kept of URLs.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        is_used: Callable[[], bool],
        kept_as: Callable[[Exchange], CachePolicy | None],
        url_of: Callable[[web.Request, Exchange], bytes],
        invalidate: Callable[[tuple[bytes, ...]], None],
    ) -> None:
        self._answers = answers
        self._is_used = is_used
        self._kept_as = kept_as
        self._url_of = url_of
        self._invalidate = invalidate

    def may_come(self, method: str) -> bool:
        """Whether a request with this method may change what is kept."""
        return method not in SAFE and self._is_used()

    async def watched(
        self, request: web.Request, handler: Handler, exchange: Exchange
    ) -> web.StreamResponse:
        """Pass a request on, and see what it has changed."""
        answer = await handler(request)
        self.see(request, exchange, answer)
        return answer

    def see(self, request: web.Request, exchange: Exchange, answer: web.StreamResponse) -> None:
        """End what is kept of the URLs that the request has changed by this answer."""
        if request.method in SAFE or exchange.route is None:
            return
        head = self._answers.seen(answer, without_cors=False)
        policy = self._kept_as(exchange) or exchange.route.policy.cache
        if head is None or policy is None:
            return
        urls = invalidated(
            request.method,
            head.status,
            self._url_of(request, exchange),
            head.fields,
            policy.ignore_query,
        )
        if urls:
            self._invalidate(urls)
