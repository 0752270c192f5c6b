"""The fields that every answer carries, put there in one `on_response_prepare` hook."""

from aiohttp import web

from gateway.lifecycle import Lifecycle
from gateway.relayed_response import RelayedResponse
from gateway.server import SERVER
from middlewares.correlation_ids import HEADER
from middlewares.exchange import EXCHANGE
from middlewares.limiting import LIMIT_FIELDS
from middlewares.rate_limit import limit_fields

_HEADER = HEADER.encode("ascii")


class OwnFields:
    """Correlation ID, limits, and the word that this answer is the connection's last, when we stop.

    Goodbye is said as a header, which a client can act on; closing without a word would lose its
    next request. A proxied answer takes the fields as bytes, and no Server: it is not ours.
    """

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    async def add(self, request: web.Request, response: web.StreamResponse) -> None:
        exchange = request.get(EXCHANGE)
        if self._lifecycle.stopping:
            response.force_close()
        if exchange is not None and isinstance(response, RelayedResponse):
            response.added.append((_HEADER, exchange.correlation_id.encode("ascii")))
            if exchange.limit is not None:
                response.replaced = LIMIT_FIELDS
                for name, value in limit_fields(exchange.limit):
                    response.added.append((name.encode("ascii"), value.encode("ascii")))
            return
        if exchange is not None:
            response.headers[HEADER] = exchange.correlation_id
            if exchange.limit is not None:
                response.headers.update(limit_fields(exchange.limit))
        response.headers["Server"] = SERVER
        if self._lifecycle.stopping:
            response.headers["Connection"] = "close"
