"""Makes the answers of what the cache keeps, and shows it those of instances."""

from collections.abc import Sequence
from typing import cast

from aiohttp import web

from gateway.forwarding.stored_heads import judged_fields, ready_lines, stored_head
from gateway.front.answer import SWITCHING_PROTOCOLS, Answer
from gateway.front.detached_request import DetachedRequest
from middlewares.bodies import AnswerBody
from middlewares.cache.body import StoredBody
from middlewares.cache.entry import Entry, FieldLine, Head
from middlewares.exchange import EXCHANGE, Exchange


class StoredAnswers:
    """The cache's port to the front; `send_timeout_s` is how long a client may read nothing (0: for ever)."""

    def __init__(self, send_timeout_s: float) -> None:
        self._send_timeout_s = send_timeout_s

    def seen(self, answer: web.StreamResponse, *, without_cors: bool) -> Head | None:
        if not isinstance(answer, Answer) or answer.status == SWITCHING_PROTOCOLS:
            return None
        head = answer.head
        fields = judged_fields(head, without_cors=without_cors)
        return Head(head.status, head.phrase, fields, head.length)

    def body(self, answer: web.StreamResponse) -> AnswerBody:
        return cast("Answer", answer).body_for_change()

    def ready_lines(
        self, status: int, phrase: bytes, fields: Sequence[FieldLine], length: int
    ) -> bytes:
        return ready_lines(status, phrase, fields, length)

    def whole(self, entry: Entry, added: bytes) -> Answer:
        head = stored_head(
            entry.status, entry.phrase, entry.fields, entry.length, entry.ready_lines
        )
        answer = Answer(
            head, StoredBody(entry.pieces, entry.length), None, send_timeout_s=self._send_timeout_s
        )
        answer.added = added
        return answer

    def made(
        self,
        status: int,
        phrase: bytes,
        fields: Sequence[FieldLine],
        length: int | None,
        body: AnswerBody,
        added: bytes,
    ) -> Answer:
        head = stored_head(
            status, phrase, fields, length, ready_lines(status, phrase, fields, length)
        )
        answer = Answer(head, body, None, send_timeout_s=self._send_timeout_s)
        answer.added = added
        return answer

    def detached(
        self, request: web.Request, exchange: Exchange, method: str, body: bytes
    ) -> web.Request:
        detached = DetachedRequest(request, method, exchange.target, body)
        detached[EXCHANGE] = exchange
        return detached

    def client_left(self, detached: web.Request) -> None:
        cast("DetachedRequest", detached).client = None
