"""The bodies of the gateway's own endpoints."""

from aiohttp import web

from gateway.front.request_body import ClientLimits, RequestBody
from middlewares.exchange import EXCHANGE


async def whole_body(request: web.Request, limits: ClientLimits, max_bytes: int) -> bytes:
    """The body's bytes; a Failure if there are more, or if they come too slowly."""
    body = bytearray()
    async for piece in RequestBody(request, request[EXCHANGE], limits, max_bytes).begin():
        body += piece
    return bytes(body)
