"""Puts the client's side of a service's URLs into the fields of its answer."""

from collections.abc import Callable

from aiohttp import web

from middlewares.exchange import Exchange
from middlewares.proxied_answers import ProxiedAnswer
from middlewares.transform.deciding.locations import MARKS, Outside, relocated
from middlewares.transform.deciding.path_maps import path_map


def relocating(
    *,
    scheme_of: Callable[[web.Request], str],
    host_of: Callable[[web.Request], bytes],
) -> Callable[[web.Request, Exchange, ProxiedAnswer], None]:
    """Make the function that changes Location and the like.

    `scheme_of` and `host_of` tell what the client used, which a trusted proxy may have said.
    """

    def relocate(request: web.Request, exchange: Exchange, answer: ProxiedAnswer) -> None:
        if answer.may_have(MARKS):
            fields = answer.field_lines
            host = host_of(request).decode("latin-1")
            changed = relocated(fields, _outside(exchange, scheme_of(request), host))
            if changed != fields:
                answer.change_head(changed)

    return relocate


def _outside(exchange: Exchange, scheme: str, host: str) -> Outside:
    route, hit = exchange.route, exchange.hit
    assert route is not None, "an instance has answered"
    path, prefix = (None, None) if hit is None else (hit.match.path, hit.match.prefix)
    rules = route.policy.request
    has_own_path = rules is not None and rules.path is not None
    names = [host, exchange.asked_host.decode("latin-1")]
    if isinstance(route.host, bytes):
        names.append(route.host.decode("ascii"))
    instances = [one.instance for one in exchange.candidates or ()]
    names += [one.authority for one in instances]
    return Outside(
        scheme,
        host,
        frozenset(name.lower() for name in names if name),
        None
        if has_own_path
        else path_map(route.prefix, route.rewrite, path, prefix, _segment(exchange)),
        any(one.scheme == "https" for one in instances),
    )


def _segment(exchange: Exchange) -> str:
    """The segment behind the route's prefix that the instance did not get, because it names a version."""
    assert exchange.route is not None
    versions = exchange.route.policy.versions
    if versions is None or not versions.strips:
        return ""
    # Only a route with versions loads these.
    from middlewares.versions.deciding.naming import segment_in
    from middlewares.versions.layer import rest_of

    return segment_in(rest_of(exchange)) or ""
