"""A long unsent answer of our own, sent in pieces and shared by all clients that ask for it."""

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import web

from middlewares.exchange import Exchange
from middlewares.failures import RequestTimeout

#: A client that reads nothing holds a few pieces instead of a copy of the whole.
PIECE_BYTES = 32 * 1024


class Document(web.StreamResponse):
    """A body in `parts`, of which no client holds a copy."""

    def __init__(
        self,
        parts: Sequence[bytes | memoryview],
        *,
        headers: Mapping[str, str],
        send_timeout_s: float,
    ) -> None:
        super().__init__(headers=headers)
        self.content_length = sum(map(len, parts))
        self._parts = parts
        self._send_timeout_s = send_timeout_s

    async def send(self, request: web.Request, exchange: Exchange) -> None:
        """Send it. Raises RequestTimeout if the client reads nothing for `send_timeout_s` (0: no limit)."""
        await self.prepare(request)
        if request.method != "HEAD":
            for part in self._parts:
                for begin in range(0, len(part), PIECE_BYTES):
                    piece = bytes(part[begin : begin + PIECE_BYTES])  # a view keeps the whole
                    try:
                        async with asyncio.timeout(self._send_timeout_s or None):
                            await self.write(piece)
                    except TimeoutError:
                        raise RequestTimeout("the client reads nothing of its answer") from None
                    exchange.bytes_out = (exchange.bytes_out or 0) + len(piece)
        await self.write_eof()
