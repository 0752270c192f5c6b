"""The fields that every answer carries, put there in one `on_response_prepare` hook."""

from aiohttp import web

from gateway.front.relayed_response import RelayedResponse
from gateway.front.server import SERVER
from gateway.worker.lifecycle import Lifecycle
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.limits.deciding import LIMIT_FIELDS
from middlewares.limits.layer import limit_fields
from middlewares.telemetry.correlation_ids import HEADER

_HEADER = HEADER.encode("ascii")


class OwnFields:
    """Correlation ID, limits, and the word that this answer is the connection's last, when we stop.

    Goodbye is said as a header, which a client can act on; closing without a word would lose its
    next request. A proxied answer takes the fields as bytes, and no Server: it is not ours.
    """

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    async def add(self, request: web.Request, response: web.StreamResponse) -> None:
        if self._lifecycle.stopping:
            response.force_close()
        exchange: Exchange | None
        if isinstance(response, RelayedResponse):
            exchange = request[EXCHANGE]
            response.added.append((_HEADER, exchange.correlation_id.encode("ascii")))
            if exchange.limit is not None:
                response.replaced = LIMIT_FIELDS
                response.added += limit_fields(exchange.limit)
            return
        exchange = request.get(EXCHANGE)
        if exchange is not None:
            response.headers[HEADER] = exchange.correlation_id
            if exchange.limit is not None:
                for name, value in limit_fields(exchange.limit):
                    response.headers[name.decode("ascii")] = value.decode("ascii")
        response.headers["Server"] = SERVER
        if self._lifecycle.stopping:
            response.headers["Connection"] = "close"
