"""The outermost layer: the correlation ID, the log context, the access event and the request metrics."""

import asyncio
import time
from collections.abc import Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.correlation_ids import HEADER, correlation_id_from
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.logs import correlation_id_var
from middlewares.metrics import RequestMetrics

#: nginx's word for a client that left before the answer; never sent, only logged and counted.
CLIENT_LEFT = 499


def correlation_middleware(
    *,
    service: str,
    metrics: RequestMetrics,
    client_ip_of: Callable[[web.BaseRequest], str] = lambda request: request.remote or "",
) -> Middleware:
    """Begin the request's Exchange; when its answer is out, log `request` and count it.

    `service` labels requests that were answered here, without an upstream.
    """
    log = structlog.get_logger()

    @web.middleware
    async def correlate(request: web.Request, handler: Handler) -> web.StreamResponse:
        correlation_id = correlation_id_from(request.headers.get(HEADER))
        exchange = Exchange(correlation_id, time.monotonic(), client_ip_of(request))
        request[EXCHANGE] = exchange
        correlation_id_var.set(correlation_id)
        status = 500
        try:
            response = await handler(request)
            status = response.status
            exchange.bytes_in = exchange.bytes_in or request.content_length or 0
            exchange.bytes_out = exchange.bytes_out or response.content_length or 0
            return response
        except (asyncio.CancelledError, ConnectionError):
            status = 101 if exchange.tunnelled else CLIENT_LEFT
            raise
        finally:
            _finish(request, exchange, status)

    def _finish(request: web.Request, exchange: Exchange, status: int) -> None:
        duration_s = time.monotonic() - exchange.started_s
        upstream_service = exchange.route.service if exchange.route else None
        metrics.request_finished(upstream_service or service, request.method, status, duration_s)
        log.info("request", **access_fields(request, exchange, status, duration_s))

    return correlate


def access_fields(
    request: web.BaseRequest, exchange: Exchange, status: int, duration_s: float
) -> dict[str, object]:
    """The members of the access event; absent ones are left out, and so is the query."""
    fields: dict[str, object] = {
        "correlation_id": exchange.correlation_id,
        "method": request.method,
        "path": request.path_qs.partition("?")[0],
        "protocol": f"HTTP/{request.version.major}.{request.version.minor}",
        "status": status,
        "duration_ms": round(duration_s * 1000, 3),
        "client_ip": exchange.client_ip,
        # Bytes that are not UTF-8 come as surrogates, which no log line can hold.
        "user_agent": request.headers.get("User-Agent", "").encode("utf-8", "replace").decode(),
    }
    if exchange.route is not None:
        fields["route"] = exchange.route.id
        fields["upstream_service"] = exchange.route.service
        fields["attempts"] = len(exchange.attempts)
        if exchange.upstream_instance is not None:
            fields["upstream_instance"] = exchange.upstream_instance
        if exchange.upstream_ms is not None:
            fields["upstream_ms"] = round(exchange.upstream_ms, 3)
    fields["bytes_in"] = exchange.bytes_in
    fields["bytes_out"] = exchange.bytes_out
    if exchange.reason is not None:
        fields["reason"] = exchange.reason
    return fields


async def add_correlation_id(request: web.Request, response: web.StreamResponse) -> None:
    """An `on_response_prepare` hook: every answer carries the ID, streamed ones too."""
    exchange = request.get(EXCHANGE)
    if exchange is not None:
        response.headers[HEADER] = exchange.correlation_id
