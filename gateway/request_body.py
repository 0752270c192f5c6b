"""The client's body as a stream of pieces: `100 Continue` when it is first wanted, and its limits."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from middlewares.exchange import Exchange
from middlewares.failures import BadRequest, BodyTooLarge, RequestTimeout
from middlewares.request_rules import expects_continue

#: A client that sends nothing of its body for so long is given up.
IDLE_TIMEOUT_S = 60.0


def body_of(
    request: web.Request, exchange: Exchange, max_bytes: int
) -> AsyncIterator[bytes] | None:
    """The pieces of the body, or None where there is none. Raises BodyTooLarge at once if it says so."""
    length = request.content_length
    if max_bytes and length is not None and length > max_bytes:
        raise _too_large(max_bytes)
    return _pieces(request, exchange, max_bytes) if request.body_exists else None


async def _pieces(request: web.Request, exchange: Exchange, max_bytes: int) -> AsyncIterator[bytes]:
    await say_continue(request)
    while True:
        try:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                piece = await request.content.readany()
        except TimeoutError:
            raise RequestTimeout("the request's body stopped coming") from None
        except web.RequestPayloadError:
            raise BadRequest("the request's body is not valid") from None
        if not piece:
            return
        exchange.bytes_in += len(piece)
        if max_bytes and exchange.bytes_in > max_bytes:
            raise _too_large(max_bytes)
        yield piece


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"the request's body is larger than {max_bytes} bytes")


async def say_continue(request: web.Request) -> None:
    """Tell a client that waits for it to send its body now."""
    version = (request.version.major, request.version.minor)
    if expects_continue(version, request.raw_headers):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer proper has not begun


async def keep_expectation(request: web.Request) -> None:
    """An expect handler that does nothing: `100 Continue` waits until the body is wanted."""
