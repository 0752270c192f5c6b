"""Tells in a 404 that its path lacks the prefix of a service: that of the page it stands on, or that it names."""

import re
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import web

from discovery.model.naming import Catalogue, service_of
from gateway.explaining.documents import RECIPES
from middlewares.exchange import EXCHANGE
from middlewares.failures import Failure, NoView, RouteNotFound
from middlewares.routing.deciding import PREFIX
from middlewares.routing.layer import is_proxied

DetailOf = Callable[[web.Request, Failure], str]

_SERVICE = re.compile(r"/api/[a-z][a-z0-9_-]{0,62}(?=/|\Z)")


def telling_of_lost_prefixes(detail_of: DetailOf, catalogue: Callable[[], Catalogue]) -> DetailOf:
    """`detail_of`, and for a path that nobody has the sentence that helps, where there is one.

    `catalogue` raises NoView where there is none yet.
    """

    def told(request: web.Request, failure: Failure) -> str:
        detail = detail_of(request, failure)
        if not isinstance(failure, RouteNotFound):
            return detail
        # Not request.host: where the field is missing, that looks this machine's name up.
        referer, host = (request.headers.get(name, "") for name in ("Referer", "Host"))
        path = request[EXCHANGE].path
        if prefix := lost_prefix(referer, host, path):
            return f"{detail}: {_explain(prefix)}"
        with suppress(NoView):
            if prefix := left_out_prefix(path, catalogue()):
                return f"{detail}: the paths of that service begin with {prefix}/"
        return detail

    return told


def left_out_prefix(path: str, catalogue: Catalogue) -> str | None:
    """`/api/shop` for `/shop/items`, if there is such a service, whether it is well or not."""
    segment = path[1:].partition("?")[0].partition("/")[0]
    if is_proxied(path) or service_of(segment, catalogue) is None:
        return None
    return f"{PREFIX}/{segment}"


def lost_prefix(referer: str, host: str, path: str) -> str | None:
    """The prefix of the service whose page has asked for `path`, if that leaves it out."""
    try:
        page = urlsplit(referer)
    except ValueError:  # such as http://[
        return None
    found = _SERVICE.match(page.path)
    if found is None or page.netloc != host:
        return None
    asked = _SERVICE.match(path)
    return None if asked is not None and asked[0] == found[0] else found[0]


def _explain(prefix: str) -> str:
    return (
        f"a page of {prefix} links to it and leaves {prefix} out; the service has to begin its links "
        f"with what X-Forwarded-Prefix says ({RECIPES} shows how)"
    )
