"""The client's body: `100 Continue` when it is first needed, its limits, and its beginning kept for retries."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import cast

from aiohttp import web
from aiohttp.streams import StreamReader

from gateway.front.client_limits import ClientLimits
from gateway.front.detached_request import DetachedRequest
from gateway.front.plain_request import PlainRequest
from middlewares.bodies import Beginning
from middlewares.exchange import Exchange
from middlewares.failures import BadRequest, BodyTooLarge, Failure, RequestTimeout
from middlewares.hygiene.deciding import expects_continue

#: The rate limit does not apply to the beginning of a body.
RATE_GRACE_S = 20.0
#: This much of a body is kept to be sent again over another connection.
REPLAYED_BYTES = 64 * 1024


def is_too_slow(received: int, waited_s: float, rate: int, grace_s: float) -> bool:
    """Whether too few bytes of a body have come in the time that the gateway waited for the client.

    The rate is the average over that time, of which the first `grace_s` do not count.
    """
    return rate > 0 and waited_s > grace_s and received < rate * waited_s


def body_of(
    request: web.Request, exchange: Exchange, limits: ClientLimits, max_bytes: int
) -> "RequestBody | bytes | None":
    """The request's body: bytes if all of it is here, None if there is none.

    A body of more than `max_bytes` is refused; 0: none is. Raises BodyTooLarge, BadRequest.
    """
    if exchange.changed_body is not None:
        body = exchange.changed_body
        if exchange.body is not None:
            exchange.bytes_in = len(exchange.body)
        return body or None
    if exchange.section.body_length == 0:
        return None
    if exchange.upload is not None:
        return cast("RequestBody", exchange.upload)
    if exchange.body is not None:
        body = exchange.body
    elif isinstance(request, PlainRequest):
        body = request.head.body
    elif isinstance(request, DetachedRequest):
        body = request.body
    else:
        return RequestBody(request, exchange, limits, max_bytes)
    exchange.bytes_in = len(body)
    if 0 < max_bytes < len(body):
        raise _too_large(max_bytes)
    return body


def body_at_hand(request: web.Request, exchange: Exchange) -> bytes | None:
    """The body that an instance gets, if all of it is here, b"" if there is none; None: it still comes."""
    if exchange.changed_body is not None:
        return exchange.changed_body
    if exchange.section.body_length == 0:
        return b""
    if exchange.upload is not None or exchange.body is not None:
        return exchange.body
    if isinstance(request, PlainRequest):
        return request.head.body
    return request.body if isinstance(request, DetachedRequest) else None


class RequestBody:
    """The body of one request; each attempt reads it from its first piece."""

    def __init__(
        self, request: web.Request, exchange: Exchange, limits: ClientLimits, max_bytes: int
    ) -> None:
        length = exchange.section.body_length
        if max_bytes and length is not None and length > max_bytes:
            raise _too_large(max_bytes)
        if request.content.exception() is not None:
            raise _not_valid()
        self._request = request
        self._exchange = exchange
        self._limits = limits
        self._max_bytes = max_bytes
        #: How long the gateway waited for the client, without the time that a slow instance took.
        self._waited_s = 0.0
        self._beginning = Beginning(REPLAYED_BYTES)
        #: What has been read of the body before the first attempt.
        self._ahead: deque[bytes] = deque()
        self._wanted = False

    @property
    def is_replayable(self) -> bool:
        """Whether everything read so far is kept, so that it can be sent again."""
        return self._beginning.is_whole

    def begin(self) -> AsyncIterator[bytes]:
        """Yield the pieces from the first one on, for one attempt."""
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        for piece in tuple(self._beginning.pieces):
            yield piece
        try:
            while piece := await self._next():
                yield piece
        except Failure as failure:
            self._beginning.broke(failure)
            raise

    async def read_ahead(self, most_bytes: int) -> bytes | None:
        """Return the whole body, if it has at most `most_bytes`; else None, and `begin` yields all of it later."""
        size = 0
        while piece := await self._received():
            self._ahead.append(piece)
            size += len(piece)
            if size > most_bytes:
                return None
        return b"".join(self._ahead)

    async def _next(self) -> bytes:
        piece = self._ahead.popleft() if self._ahead else await self._received()
        if piece:
            self._beginning.take(piece)
        if (reader := self._exchange.upload_reader) is not None:
            if piece:
                reader.take(piece)
            else:
                reader.end()
        return piece

    async def _received(self) -> bytes:
        """Wait for the next piece from the client; b"" is the end."""
        request, exchange = self._request, self._exchange
        if not self._wanted:
            self._wanted = True
            await say_continue(request)
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.body_idle_s or None):
                piece = await request.content.readany()
        except TimeoutError:
            raise RequestTimeout("the request's body stopped coming") from None
        except web.RequestPayloadError:
            raise _not_valid() from None
        self._waited_s += time.monotonic() - began_s
        exchange.bytes_in += len(piece)
        self._check(exchange.bytes_in)
        return piece

    def _check(self, received: int) -> None:
        if self._max_bytes and received > self._max_bytes:
            raise _too_large(self._max_bytes)
        limits = self._limits
        if is_too_slow(received, self._waited_s, limits.body_rate, RATE_GRACE_S):
            raise RequestTimeout("the request's body comes too slowly")


async def read_into(
    exchange: Exchange,
    request: web.Request,
    limits: ClientLimits,
    most_bytes: int,
    *,
    max_bytes: int = 0,
    unannounced: bool = False,
) -> None:
    """Read the body into the Exchange, if its length is announced and not above `most_bytes`.

    With `unannounced` a body without a length is read too; if it turns out to be longer, it goes on as a
    stream from its first byte. More than `max_bytes` are refused; 0: no limit. Raises BadRequest, BodyTooLarge
    and RequestTimeout.
    """
    length = exchange.section.body_length
    if exchange.body is not None or exchange.upload is not None:
        if length is None and exchange.changed_body is None:
            exchange.changed_body = exchange.body  # it is sent to another share with its length too
        return
    if (length is None and not unannounced) or (length is not None and length > most_bytes):
        return
    if isinstance(request, PlainRequest):
        exchange.body = request.head.body
        exchange.bytes_in = len(exchange.body)
    elif isinstance(request, DetachedRequest):
        exchange.body = request.body
    elif length == 0:
        exchange.body = b""
    else:
        body = RequestBody(request, exchange, limits, max_bytes)
        exchange.body = await body.read_ahead(most_bytes)
        if exchange.body is None:
            exchange.upload = body
        elif length is None:
            exchange.changed_body = exchange.body  # its length is known now


def reading_bodies(limits: ClientLimits) -> Callable[[web.Request, Exchange, int], Awaitable[None]]:
    """A reader of bodies for layers: `read_into`, with or without a length, within the bounds of the route."""

    async def read(request: web.Request, exchange: Exchange, most_bytes: int) -> None:
        max_bytes = 0 if exchange.route is None else exchange.route.policy.body_bytes
        await read_into(
            exchange, request, limits, most_bytes, max_bytes=max_bytes, unannounced=True
        )
        # Small bodies come with their heads, and what a layer makes of a body is not measured later.
        if exchange.body is not None and 0 < max_bytes < len(exchange.body):
            raise _too_large(max_bytes)

    return read


def _not_valid() -> BadRequest:
    return BadRequest("the request's body is not valid")


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"the request's body is larger than {max_bytes} bytes")


async def say_continue(request: web.Request) -> None:
    """Send `100 Continue` to a client that waits for it."""
    version = (request.version.major, request.version.minor)
    if expects_continue(version, request.raw_headers):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the final answer has not begun


async def throw_away(payload: StreamReader, within_s: float) -> None:
    """Read the rest of a body that nobody needs, for at most this time."""
    # An early answer has cancelled the upload's task, which lets go of the body now.
    await asyncio.sleep(0)
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not payload.is_eof():
                await payload.readany()


async def keep_expectation(request: web.Request) -> None:
    """Do nothing at `Expect`: `100 Continue` waits until the body is needed."""
