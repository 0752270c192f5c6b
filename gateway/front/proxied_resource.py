"""Everything below /api as one resource: a pattern would cost more, and change what it matches."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from gateway.front.request_body import keep_expectation
from middlewares.routing.deciding import PREFIX, split_target
from middlewares.routing.layer import is_proxied

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ProxiedResource(web.AbstractResource):
    """Matches /api and what is below it, by any method, on the raw path."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(name="proxied")
        self._route = web.ResourceRoute("*", handler, self, expect_handler=keep_expectation)

    @property
    def canonical(self) -> str:
        return PREFIX

    def url_for(self, **kwargs: str) -> URL:
        return URL(PREFIX)

    async def resolve(
        self, request: web.Request
    ) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        if is_proxied(split_target(request.raw_path)[1]):
            return web.UrlMappingMatchInfo({}, self._route), set()
        return None, set()

    def straight(self, app: web.Application) -> Answer:
        """What the application does with a request that is found here, without the search.

        That is the same for each: the layers are put in a row and the match is made once.
        """
        match = web.UrlMappingMatchInfo({}, self._route)
        match.add_app(app)
        match.freeze()
        match.current_app = app
        answer: Answer = self._route.handler
        for layer in reversed(app.middlewares):
            answer = partial(layer, handler=answer)

        def handle(request: web.Request) -> Awaitable[web.StreamResponse]:
            request._match_info = match
            return answer(request)

        return handle

    def add_prefix(self, prefix: str) -> None:
        raise NotImplementedError("the proxied resource is at the root alone")

    def get_info(self) -> dict[str, str]:  # type: ignore[override]
        return {"path": PREFIX}

    def raw_match(self, path: str) -> bool:
        return path == PREFIX

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter((self._route,))
