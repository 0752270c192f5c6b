"""Tells in a 404 that the link to it lacks the prefix of the service on whose page it stands."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

from gateway.explaining.documents import RECIPES
from middlewares.exchange import EXCHANGE
from middlewares.failures import Failure, RouteNotFound

DetailOf = Callable[[web.Request, Failure], str]

_SERVICE = re.compile(r"/api/[a-z][a-z0-9_-]{0,62}(?=/|\Z)")


def telling_of_lost_prefixes(detail_of: DetailOf) -> DetailOf:
    """`detail_of`, and for a path that nobody has the sentence that helps, where there is one."""

    def told(request: web.Request, failure: Failure) -> str:
        detail = detail_of(request, failure)
        if not isinstance(failure, RouteNotFound):
            return detail
        # Not request.host: where the field is missing, that looks this machine's name up.
        referer, host = (request.headers.get(name, "") for name in ("Referer", "Host"))
        prefix = lost_prefix(referer, host, request[EXCHANGE].path)
        return detail if prefix is None else f"{detail}: {_explain(prefix)}"

    return told


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
