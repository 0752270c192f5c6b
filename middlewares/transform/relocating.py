"""Puts the client's side of a service's URLs into the fields of its answer."""

from collections.abc import Callable

from aiohttp import web

from middlewares.exchange import Exchange
from middlewares.proxied_answers import ProxiedAnswer
from middlewares.transform.deciding.locations import MARKS, Outside, relocated
from middlewares.transform.deciding.path_maps import path_map


def relocating(
    *, scheme_of: Callable[[web.Request], str], host_of: Callable[[web.Request], bytes]
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
    names = [host, exchange.asked_host.decode("latin-1")]
    if isinstance(route.host, bytes):
        names.append(route.host.decode("ascii"))
    names += [one.instance.authority for one in exchange.candidates or ()]
    return Outside(
        scheme,
        host,
        frozenset(name.lower() for name in names if name),
        path_map(route.prefix, route.rewrite, path, prefix),
    )
