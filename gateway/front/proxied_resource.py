"""One resource for everything that is proxied: a pattern would cost more, and would change the path."""

from collections.abc import Awaitable, Callable, Iterator

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from gateway.front.refusing import in_a_row
from gateway.front.request_body import keep_expectation
from middlewares.request_target import split_target
from middlewares.routing.routing import Routing

ROOT = "/"
PROXIED = "proxied"


class ProxiedResource(web.AbstractResource):
    """Matches the raw paths that the routing table covers, with any method, but for the admin port's.

    It is at the root, so that it is asked for every path, and comes after the gateway's own endpoints.
    """

    def __init__(
        self,
        handler: Handler,
        routing: Routing,
        came_to_admin: Callable[[web.Request], bool] | None = None,
    ) -> None:
        super().__init__(name=PROXIED)
        self.covers = routing.covers
        #: None: no path of the admin port is covered.
        self.came_to_admin = came_to_admin
        self._route = web.ResourceRoute("*", handler, self, expect_handler=keep_expectation)

    @property
    def canonical(self) -> str:
        return ROOT

    def url_for(self, **kwargs: str) -> URL:
        return URL(ROOT)

    async def resolve(
        self, request: web.Request
    ) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        is_covered = self.covers(split_target(request.raw_path)[1])
        if is_covered and not (self.came_to_admin and self.came_to_admin(request)):
            return web.UrlMappingMatchInfo({}, self._route), set()
        return None, set()

    def straight(
        self, app: web.Application
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return a handler that does what the application does with a proxied request, without its search.

        The layers and the match are the same for each request, so they are made once.
        """
        match = web.UrlMappingMatchInfo({}, self._route)
        match.add_app(app)
        match.freeze()
        match.current_app = app
        answer = in_a_row(app.middlewares, self._route.handler)

        def handle(request: web.Request) -> Awaitable[web.StreamResponse]:
            request._match_info = match
            return answer(request)

        return handle

    def add_prefix(self, prefix: str) -> None:
        raise NotImplementedError("the proxied resource is at the root alone")

    def get_info(self) -> dict[str, str]:  # type: ignore[override]
        return {"path": ROOT}

    def raw_match(self, path: str) -> bool:
        return path == ROOT

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter((self._route,))


def is_proxied(request: web.Request) -> bool:
    """Whether a request that was matched is passed on, and not answered by an endpoint."""
    return request.match_info.route.name == PROXIED
