"""The layer that adds the fields that every answer has."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.front.answer import Answer
from gateway.front.tls.strict_transport import NAME as STRICT_TRANSPORT
from gateway.front.tls.strict_transport import StrictTransport
from gateway.worker.lifecycle import Lifecycle
from middlewares.cache.deciding.cache_status import OWN_ANSWER, neither
from middlewares.exchange import EXCHANGE
from middlewares.limits.deciding import LIMIT_FIELDS
from middlewares.limits.layer import limit_values
from middlewares.telemetry.correlation_ids import HEADER

SERVER = "lockgate"


def answer_fields_middleware(
    lifecycle: Lifecycle, strict_transport: StrictTransport | None = None
) -> Middleware:
    """Add the fields of every answer, and `Connection: close` while the gateway stops.

    They are the correlation ID, the limits, what the cache did, and cookies of ours.

    Over TLS of the gateway's own they get Strict-Transport-Security too, where it is set.

    A client can act on the field, while closing without it would lose the client's next request. An
    instance's answer gets the fields as bytes, and no Server, since it is not ours.
    """

    @web.middleware
    async def add_fields(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        exchange = request[EXCHANGE]
        if lifecycle.stopping:
            response.force_close()
        if exchange.cookies:
            # A cache on the way would give one client's cookies to all others (RFC 9111 §7.3).
            response.headers["Cache-Control"] = "no-store"
            for cookie in exchange.cookies:
                response.headers.add("Set-Cookie", cookie)
        if strict_transport is not None and strict_transport.value and request.scheme == "https":
            response.headers[STRICT_TRANSPORT] = strict_transport.value
        if isinstance(response, Answer):
            if exchange.cache_status is not None:
                response.added += b"Cache-Status: %b\r\n" % exchange.cache_status
            correlation_id = exchange.correlation_id.encode("ascii")
            if exchange.limit is None:
                response.added += b"X-Correlation-ID: %b\r\n" % correlation_id
            else:
                response.replaced = LIMIT_FIELDS
                response.added += (
                    b"X-Correlation-ID: %b\r\nRateLimit-Policy: %b\r\nRateLimit: %b\r\n"
                    % (correlation_id, *limit_values(exchange.limit))
                )
            return response
        headers = response.headers
        headers[HEADER] = exchange.correlation_id
        if exchange.limit is not None:
            policies, left = limit_values(exchange.limit)
            headers["RateLimit-Policy"] = policies.decode("ascii")
            headers["RateLimit"] = left.decode("ascii")
        if exchange.cache_status is None and exchange.has_cache:
            # A layer outside of the cache has answered, as with 401 and 429.
            exchange.cache_status = neither(OWN_ANSWER)
        if exchange.cache_status is not None:
            headers["Cache-Status"] = exchange.cache_status.decode("ascii")
        headers["Server"] = SERVER
        if lifecycle.stopping:
            headers["Connection"] = "close"
        return response

    return add_fields
