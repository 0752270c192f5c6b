"""Passes interim heads (103 Early Hints) to clients that know them."""

from aiohttp import HttpVersion11, web

from gateway.forwarding.responses import interim_head
from gateway.front.detached_request import DetachedRequest
from gateway.upstream.messages import ResponseHead


def pass_interim(
    head: ResponseHead, request: web.Request, correlation_id: str, *, without_cors: bool
) -> None:
    """Pass a 1xx head on; HTTP/1.0 has none. Of those who wait for a shared answer the first gets it."""
    if isinstance(request, DetachedRequest):
        if request.client is None:
            return
        request = request.client
    transport = request.transport
    if request.version < HttpVersion11 or transport is None or transport.is_closing():
        return
    transport.write(interim_head(head, correlation_id, without_cors=without_cors))
