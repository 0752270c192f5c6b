"""What the cache needs of the front, which it must not know."""

from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from middlewares.bodies import AnswerBody
from middlewares.cache.entry import Entry, FieldLine, Head
from middlewares.exchange import Exchange


class Answers(Protocol):
    """Looks at the unsent answers of instances, and makes those of what is kept.

    `added` are lines that the answer gets behind its fields, each with its CRLF.
    """

    def seen(self, answer: web.StreamResponse, *, without_cors: bool) -> Head | None:
        """An instance's answer as the cache sees it; None: it is no such answer, or a tunnel's."""
        ...

    def body(self, answer: web.StreamResponse) -> AnswerBody:
        """The unread body of an instance's answer."""
        ...

    def ready_lines(
        self, status: int, phrase: bytes, fields: Sequence[FieldLine], length: int
    ) -> bytes:
        """What Entry.ready_lines of these is."""
        ...

    def whole(self, entry: Entry, added: bytes) -> web.StreamResponse:
        """All of an entry."""
        ...

    def made(
        self,
        status: int,
        phrase: bytes,
        fields: Sequence[FieldLine],
        length: int | None,
        body: AnswerBody,
        added: bytes,
    ) -> web.StreamResponse:
        """An answer of these parts; `length` None: it is not known."""
        ...

    def detached(
        self, request: web.Request, exchange: Exchange, method: str, body: bytes
    ) -> web.Request:
        """A request that goes on in its own time, with this Exchange."""
        ...

    def client_left(self, detached: web.Request) -> None:
        """Note that the client that a detached request comes from waits for it no longer."""
        ...
