"""What a worker needs to put answers of services together, made once and wired."""

import time
from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.forwarding.stored_heads import stored_head
from gateway.front.answer import Answer
from gateway.front.side_requests import send_aside
from gateway.hop.deciding.request_timeout import asked_timeout_s
from gateway.worker.answer_fields import SERVER
from middlewares.cache.body import StoredBody
from middlewares.compose.asking import Means
from middlewares.compose.composing import Composing
from middlewares.compose.composition import Composition
from middlewares.compose.room import Room
from middlewares.exchange import Exchange
from middlewares.routing.route import OfServices
from middlewares.telemetry.composition_metrics import CompositionCollector
from middlewares.transform.values import RequestValues

#: A longer answer is sent in pieces of this size, as its client reads it.
AT_ONCE_BYTES = 64 * 1024
_PHRASES = {one.value: one.phrase.encode("ascii") for one in HTTPStatus}


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
        self.counts = means.counts
        self._composing = Composing(means, self._answer)

    def collector(self) -> CompositionCollector:
        """What the metrics say of them."""
        return CompositionCollector(lambda: self.counts, lambda: self.room.bytes)

    async def answer(
        self, request: web.Request, handler: Handler, says: OfServices
    ) -> web.StreamResponse:
        """Answer a request; its parts go on through the handler."""
        assert isinstance(says, Composition), "there is no other kind"
        return await self._composing.answer(request, handler, says)

    def _answer(
        self, request: web.Request, status: int, fields: Sequence[tuple[str, str]], body: bytes
    ) -> web.StreamResponse:
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        lines.append((b"Server", SERVER.encode("ascii")))
        lines.append((b"Date", formatdate(usegmt=True).encode("ascii")))
        head = stored_head(status, _PHRASES.get(status, b""), lines, len(body), b"")
        sent = b"" if request.method == "HEAD" else body
        pieces = [sent[at : at + AT_ONCE_BYTES] for at in range(0, len(sent), AT_ONCE_BYTES)]
        return Answer(
            head, StoredBody(pieces, len(sent)), None, send_timeout_s=self._send_timeout_s
        )


def _values_of(request: web.Request, exchange: Exchange) -> RequestValues:
    return RequestValues(exchange, request.method)


def _patience_s(exchange: Exchange) -> float | None:
    """How long the client waits, by X-Request-Timeout; None: it does not say."""
    asked = exchange.section.request_timeout
    return None if asked is None else asked_timeout_s(asked)
