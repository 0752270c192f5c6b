"""Says which targets with a fragment the routes of the file decide about: those with one in their path."""

from collections.abc import Callable

from aiohttp import web

from middlewares.exchange import EXCHANGE
from middlewares.routing.routing import Routing


def left_to_routes(
    routing: Routing, came_to_admin: Callable[[web.Request], bool] | None
) -> Callable[[web.Request], bool]:
    """Whether the fragment of a request is one more ambiguity of its path, for a route of the file.

    `came_to_admin` is as for the layer that finds routes.
    """

    def is_left(request: web.Request) -> bool:
        exchange, table = request[EXCHANGE], routing.table
        return (
            "#" in exchange.path
            and "#" not in exchange.query
            and "#" not in (exchange.authority or "")
            and table.covers(exchange.path)
            and not (came_to_admin and came_to_admin(request))
            and table.decides_by_file(exchange, request.method)
        )

    return is_left
