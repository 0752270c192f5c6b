"""Passes interim heads (103 Early Hints) to clients that know them."""

from aiohttp import HttpVersion11, web

from gateway.forwarding.responses import interim_head
from gateway.upstream.connection import OnInterim
from gateway.upstream.messages import ResponseHead


def passing_on(
    request: web.Request, correlation_id: str, *, without_cors: bool
) -> OnInterim | None:
    """Return a function that passes 1xx heads on; None for HTTP/1.0, which has no 1xx."""
    if request.version < HttpVersion11:
        return None

    def pass_on(head: ResponseHead) -> None:
        if request.transport is not None and not request.transport.is_closing():
            data = interim_head(head, correlation_id, without_cors=without_cors)
            request.transport.write(data)

    return pass_on
