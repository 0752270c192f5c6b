"""What a worker needs to put answers of services together, made once and wired."""

import time
from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from gateway.front.document import Document
from gateway.front.side_requests import send_aside
from gateway.hop.deciding.request_timeout import asked_timeout_s
from middlewares.compose.asking import Means
from middlewares.compose.composing import Composing
from middlewares.compose.composition import Composition
from middlewares.compose.room import Room
from middlewares.exchange import Exchange
from middlewares.routing.route import OfServices
from middlewares.transform.values import RequestValues

#: A longer answer is sent in pieces, so that a slow client does not hold a second copy of it.
AT_ONCE_BYTES = 64 * 1024


class Compositions:
    """Answers requests whose routes are compositions; `send_timeout_s` is how long a client may read nothing."""

    def __init__(self, send_timeout_s: float) -> None:
        self.room = Room()
        self._send_timeout_s = send_timeout_s
        means = Means(
            send=send_aside,
            values_of=_values_of,
            patience_s=_patience_s,
            now=time.monotonic,
            room=self.room,
        )
        self._composing = Composing(means, self._answer)

    async def answer(
        self, request: web.Request, handler: Handler, says: OfServices
    ) -> web.StreamResponse:
        """Answer a request; its parts go on through the handler."""
        assert isinstance(says, Composition), "there is no other kind"
        return await self._composing.answer(request, handler, says)

    def _answer(
        self, status: int, fields: Sequence[tuple[str, str]], body: bytes
    ) -> web.StreamResponse:
        headers = CIMultiDict(fields)
        if len(body) <= AT_ONCE_BYTES:
            return web.Response(status=status, headers=headers, body=body)
        answer = Document([memoryview(body)], headers=headers, send_timeout_s=self._send_timeout_s)
        answer.set_status(status)
        return answer


def _values_of(request: web.Request, exchange: Exchange) -> RequestValues:
    return RequestValues(exchange, request.method)


def _patience_s(exchange: Exchange) -> float | None:
    """How long the client waits, by X-Request-Timeout; None: it does not say."""
    asked = exchange.section.request_timeout
    return None if asked is None else asked_timeout_s(asked)
