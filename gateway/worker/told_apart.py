"""What tells kept answers apart beside the request itself: what the route makes of it, by the rules of the file."""

from collections.abc import Iterator

from middlewares.cache.deciding.asked import Bypass
from middlewares.cache.deciding.keys import joined, route_fingerprint
from middlewares.exchange import Exchange
from middlewares.routing.route import Route
from middlewares.transform.values import RequestValues

#: It differs with each request, so that nothing kept could be used.
CORRELATION_ID = Bypass("correlation-id")
_CORRELATION_ID = "correlation_id"


def fingerprint_of(route: Route) -> bytes:
    """What is the same for all requests of a route: where they go, and the rules that change them.

    Another fingerprint after a reload leaves what was made by other rules unused.
    """
    policy = route.policy
    decided = (route.id, route.service, route.prefix, route.host, route.rewrite)
    rules = (policy.request, policy.response, policy.rewrites_location)
    return route_fingerprint(*map(repr, (*decided, *rules) if any(rules) else decided))


def told_apart_by(exchange: Exchange, method: str) -> bytes | Bypass:
    """The versions and the share that a request goes to, and the values that rules put into it or its answer.

    Empty for a request of which all that is in the key already.
    """
    assert exchange.route is not None, "the route layer comes before"
    variables = exchange.route.policy.variables
    if any(one.kind == _CORRELATION_ID for one in variables):
        return CORRELATION_ID
    if not (exchange.ranges or exchange.share is not None or variables):
        return b""
    return joined(_parts(exchange, method))


def _parts(exchange: Exchange, method: str) -> Iterator[bytes]:
    assert exchange.route is not None
    yield b"%d" % len(exchange.ranges)
    for one in exchange.ranges:
        yield one.text.encode()
    share = exchange.share
    yield b"" if share is None else b"%b of %b" % (share.encode(), exchange.route.service.encode())
    values = RequestValues(exchange, method)
    for variable in sorted(exchange.route.policy.variables):
        value = values.value(variable)
        yield str(variable).encode()
        yield b"0" if value is None else b"1" + value.encode("utf-8", "surrogateescape")
