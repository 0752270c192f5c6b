"""Adds to a 404 that its path lacks a service's prefix: the page's, or the one that it names."""

from collections.abc import Callable

from aiohttp import web

from discovery.model.naming import Catalogue
from gateway.explaining.documents import RECIPES
from middlewares.exchange import EXCHANGE
from middlewares.failures import Failure, NoView, RouteNotFound
from middlewares.routing.deciding import Differs, Nearest
from middlewares.routing.routing import Routing

DetailOf = Callable[[web.Request, Failure], str]


def telling_of_lost_prefixes(
    detail_of: DetailOf, routing: Routing, catalogue: Callable[[], Catalogue]
) -> DetailOf:
    """`detail_of`, with a sentence that helps for a path without a route, where there is one.

    `catalogue` raises NoView while there is no view.
    """

    def told(request: web.Request, failure: Failure) -> str:
        detail = detail_of(request, failure)
        if not isinstance(failure, RouteNotFound):
            return detail
        nearest = routing.table.nearest(request[EXCHANGE], known())
        return detail if nearest is None else f"{detail}: {_explain(nearest)}"

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
