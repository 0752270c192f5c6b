"""The client's body: `100 Continue` when it is first wanted, its limits, and a beginning kept for another try."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web
from aiohttp.streams import StreamReader

from middlewares.bodies import Beginning
from middlewares.exchange import Exchange
from middlewares.failures import BadRequest, BodyTooLarge, Failure, RequestTimeout
from middlewares.hygiene.deciding import expects_continue

#: A slow start is nobody's fault.
RATE_GRACE_S = 20.0
#: So much of a body is kept, to be sent again to another connection.
REPLAYED_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """What a client may take; each is a setting, and 0 is no limit.

    `body_bytes` is the largest body, `body_idle_s` the longest pause in it, and `body_rate` the
    fewest bytes a second: see `is_too_slow`.
    `send_s` is how long a client may read nothing of its answer.
    """

    body_bytes: int = 0
    body_idle_s: float = 60.0
    body_rate: int = 0
    send_s: float = 60.0


def is_too_slow(received: int, waited_s: float, rate: int, grace_s: float) -> bool:
    """So few bytes have come of a body in the time that its client was waited for.

    They are averaged over all of that time, and the first `grace_s` of it are free.
    """
    return rate > 0 and waited_s > grace_s and received < rate * waited_s


class RequestBody:
    """The pieces of one request's body; `begun` for each try."""

    def __init__(self, request: web.Request, exchange: Exchange, limits: ClientLimits) -> None:
        max_bytes = limits.body_bytes
        length = exchange.section.body_length
        if max_bytes and length is not None and length > max_bytes:
            raise _too_large(max_bytes)
        if request.content.exception() is not None:
            raise _not_valid()
        self._request = request
        self._exchange = exchange
        self._limits = limits
        #: For the client alone: an instance that reads slowly is no fault of it.
        self._waited_s = 0.0
        self._beginning = Beginning(REPLAYED_BYTES)
        self._wanted = False

    @property
    def is_replayable(self) -> bool:
        """Whatever was read of it so far is kept, so it can be sent once more."""
        return self._beginning.is_whole

    def begin(self) -> AsyncIterator[bytes]:
        """The pieces from the first one on, for one try."""
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

    async def _next(self) -> bytes:
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
        if piece:
            self._beginning.take(piece)
        return piece

    def _check(self, received: int) -> None:
        limits = self._limits
        if limits.body_bytes and received > limits.body_bytes:
            raise _too_large(limits.body_bytes)
        if is_too_slow(received, self._waited_s, limits.body_rate, RATE_GRACE_S):
            raise RequestTimeout("the request's body comes too slowly")


def _not_valid() -> BadRequest:
    return BadRequest("the request's body is not valid")


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"the request's body is larger than {max_bytes} bytes")


async def say_continue(request: web.Request) -> None:
    """Tell a client that waits for it to send its body now."""
    version = (request.version.major, request.version.minor)
    if expects_continue(version, request.raw_headers):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer proper has not begun


async def throw_away(payload: StreamReader, within_s: float) -> None:
    """Take the rest of a body that nobody reads, as far as it comes in this time."""
    # Who sent it on was cancelled by an early answer, and lets go of it now.
    await asyncio.sleep(0)
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not payload.is_eof():
                await payload.readany()


async def keep_expectation(request: web.Request) -> None:
    """An expect handler that does nothing: `100 Continue` waits until the body is wanted."""
