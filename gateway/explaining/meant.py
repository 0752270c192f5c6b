"""Adds to a 404 what was probably meant: a path with a service's prefix, or a route of the file."""

from collections.abc import Callable

from aiohttp import web

from discovery.model.naming import Catalogue
from gateway.explaining.documents import RECIPES
from middlewares.exchange import EXCHANGE
from middlewares.failures import Failure, NoView, RouteNotFound
from middlewares.routing.deciding import Differs, Nearest
from middlewares.routing.routing import Routing

DetailOf = Callable[[web.Request, Failure], str]


def telling_what_was_meant(
    detail_of: DetailOf,
    routing: Routing,
    catalogue: Callable[[], Catalogue],
    is_operator: Callable[[web.Request], bool],
) -> DetailOf:
    """`detail_of`, with a sentence that helps for a request without a route, where there is one.

    `catalogue` raises NoView while there is no view. Hosts and fields of the nearest route are for
    operators, who send the token.
    """

    def told(request: web.Request, failure: Failure) -> str:
        detail = detail_of(request, failure)
        if not isinstance(failure, RouteNotFound):
            return detail
        exchange, table = request[EXCHANGE], routing.table
        nearest = table.nearest(exchange, known())
        if nearest is not None:
            return f"{detail}: {_explain(nearest)}"
        route = table.nearest_configured(exchange, request.method)
        if route is None:
            return detail
        return f"{detail}: {route.explain(route.route.id, to_the_operator=is_operator(request))}"

    def known() -> Catalogue | None:
        try:
            return catalogue()
        except NoView:
            return None

    return told


def _explain(nearest: Nearest) -> str:
    prefix = nearest.prefix
    if nearest.differs is Differs.PATH_NAMES_SERVICE:
        return f"the paths of that service begin with {prefix}/"
    return (
        f"a page of {prefix} links to it and leaves {prefix} out; the service has to begin its links "
        f"with what X-Forwarded-Prefix says ({RECIPES} shows how)"
    )
