"""The outermost layer: correlation ID, log context, access event and request metrics."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import HttpVersion, HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange, PartRecord
from middlewares.header_section import HeaderSection, for_the_log
from middlewares.request_target import split_target
from middlewares.telemetry.correlation_ids import HEADER, correlation_id_from
from middlewares.telemetry.logs import WriteEvent, correlation_id_var, event_writer, now
from middlewares.telemetry.metrics import RequestMetrics

#: nginx's status for a client that left before the answer; it is logged and counted, never sent.
CLIENT_LEFT = 499
SWITCHING_PROTOCOLS = 101


def correlation_middleware(
    *,
    service: str,
    metrics: RequestMetrics,
    section_of: Callable[[web.Request], HeaderSection] = lambda request: HeaderSection(
        request.raw_headers
    ),
    client_ip_of: Callable[[str, HeaderSection], str] = lambda peer, _section: peer,
) -> Middleware:
    """Begin the request's Exchange; once its answer is out, end it, log `request` and count it.

    `service` labels requests that were answered without an upstream. `section_of` finds or makes a
    request's header section. `client_ip_of` finds the client by the peer's address and the header section.
    """
    write: WriteEvent | None = None

    @web.middleware
    async def correlate(request: web.Request, handler: Handler) -> web.StreamResponse:
        section = section_of(request)
        correlation_id = correlation_id_from(section.claimed_id)
        client_ip = client_ip_of(request.remote or "", section)
        authority, target = split_target(request.raw_path)
        exchange = Exchange(
            correlation_id,
            time.monotonic(),
            client_ip,
            section,
            authority,
            target,
            target.partition("?")[0],
        )
        request[EXCHANGE] = exchange
        correlation_id_var.set(correlation_id)
        status = 500
        try:
            response = await handler(request)
            status = response.status
            if exchange.bytes_out is None:  # an answer of our own
                is_sent = request.method != "HEAD"
                exchange.bytes_out = (is_sent and response.content_length) or 0
            return response
        except (asyncio.CancelledError, ConnectionError):
            status = SWITCHING_PROTOCOLS if exchange.stream == "tunnel" else CLIENT_LEFT
            raise
        finally:
            exchange.release()
            finish(request, exchange, status)

    def finish(request: web.Request, exchange: Exchange, status: int) -> None:
        nonlocal write
        if write is None:  # logging may be configured after the application was made
            write = event_writer()
        duration_s = time.monotonic() - exchange.started_s
        route = exchange.route
        if route is None:
            # What came, not what the client announced.
            exchange.bytes_in = request.content.total_bytes
        label = service if route is None else route.service
        metrics.request_finished(
            label,
            request.method,
            status,
            duration_s,
            exchange.bytes_in,
            exchange.bytes_out or 0,
            exchange.stream,
        )
        if exchange.is_logged:
            write(access_event(request, exchange, status, duration_s, service))

    return correlate


def access_event(
    request: web.BaseRequest, exchange: Exchange, status: int, duration_s: float, service: str
) -> dict[str, Any]:
    """The access event with what is known of the request, without the query.

    Values of any length from the client are cut at LOGGED_BYTES.
    """
    section, route, attempts = exchange.section, exchange.route, exchange.attempts
    version = request.version
    event: dict[str, Any] = {
        "timestamp": now(),
        "level": "info",
        "event": "request",
        "service": service,
        "correlation_id": exchange.correlation_id,
        "method": request.method,
        "path": for_the_log(exchange.path),
        "protocol": "HTTP/1.1" if version is HttpVersion11 else _protocol(version),
        "status": status,
        "duration_ms": _milliseconds(duration_s),
        "client_ip": exchange.client_ip,
        "user_agent": section.user_agent,
    }
    if route is not None:
        event["route"] = route.id
        event["upstream_service"] = route.service
        event["attempts"] = len(attempts)
        if attempts:
            event["upstream_instance"] = attempts[-1].instance_id
        if exchange.upstream_s is not None:
            event["upstream_ms"] = _milliseconds(exchange.upstream_s)
    if exchange.parts:
        event["parts"] = [_part(one) for one in exchange.parts]
    if exchange.identity is not None:
        event["subject"] = exchange.identity.subject
    if exchange.auth_refusal is not None:
        event["auth_refusal"] = exchange.auth_refusal
    if exchange.share is not None:
        event["share"] = exchange.share
    if exchange.cache_status is not None:
        event["cache"] = exchange.cache_status.partition(b"; ")[2].decode("ascii")
    event["bytes_in"] = exchange.bytes_in
    event["bytes_out"] = exchange.bytes_out or 0
    if exchange.reason is not None:
        event["reason"] = exchange.reason
    if section.trace_id is not None:
        event["trace_id"] = section.trace_id
    return event


def _part(one: PartRecord) -> dict[str, Any]:
    told = {
        "part": one.name,
        "upstream_service": one.service,
        "upstream_instance": one.instance_id,
        "status": one.status,
        "reason": one.reason,
    }
    return {
        **{key: value for key, value in told.items() if value is not None},
        "attempts": one.attempts,
        "duration_ms": _milliseconds(one.duration_s),
    }


def _milliseconds(duration_s: float) -> float:
    """Round to three digits; round() costs four times as much."""
    return int(duration_s * 1_000_000 + 0.5) / 1000


def _protocol(version: HttpVersion) -> str:
    return f"HTTP/{version.major}.{version.minor}"


async def add_correlation_id(request: web.Request, response: web.StreamResponse) -> None:
    """Add the ID to every answer, streamed ones too; this is an `on_response_prepare` hook."""
    exchange = request.get(EXCHANGE)
    if exchange is not None:
        response.headers[HEADER] = exchange.correlation_id
