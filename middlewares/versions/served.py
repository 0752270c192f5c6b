"""The layer next to the candidates: it says in an answer which version has given it."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange
from middlewares.proxied_answers import proxied
from middlewares.versions.deciding.fields import served_edits
from middlewares.versions.deciding.naming import segment_in, without_segment


def served_version_middleware(
    *,
    target_of: Callable[[Exchange], str],
    rest_of: Callable[[Exchange], str],
    prefix_of: Callable[[Exchange], str | None],
) -> Middleware:
    """Set X-Served-Version, so that a cache in front of this keeps it; an instance's own one is dropped.

    Where the policy says so, the segment of the path that names the version is taken out. `target_of` gives the
    target that an instance would get, `rest_of` the raw path behind the route's prefix, and `prefix_of` what
    an instance does not see right before it, if that is known.
    """

    @web.middleware
    def serve(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        route = exchange.route
        if route is None or (route.policy.versions is None and route.policy.split is None):
            return handler(request)
        versions = route.policy.versions
        if versions is not None and versions.strips:
            target = exchange.sent_target or target_of(exchange)
            rest = rest_of(exchange)
            exchange.sent_target = without_segment(target, rest)
            segment, prefix = segment_in(rest), prefix_of(exchange)
            if segment is not None and prefix is not None:
                exchange.sent_prefix = f"{prefix}/{segment}"
        return served(request, handler, exchange)

    async def served(
        request: web.Request, handler: Handler, exchange: Exchange
    ) -> web.StreamResponse:
        answer = await handler(request)
        changed = proxied(answer)
        if changed is not None:
            changed.edit_head(served_edits(exchange.served_version))
        return answer

    return serve
