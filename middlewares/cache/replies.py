"""Answers to clients of what is kept, and of what is on its way to be kept."""

from aiohttp import web

from middlewares.bodies import AnswerBody
from middlewares.cache.body import KeptReader, StoredBody
from middlewares.cache.counting import CacheCounts
from middlewares.cache.deciding.asked import Asked
from middlewares.cache.deciding.cache_status import hit
from middlewares.cache.deciding.conditions import NO_CONDITIONS
from middlewares.cache.deciding.reusing import Reuse, Use
from middlewares.cache.deciding.serving import serve, serve_head
from middlewares.cache.entry import Entry, Head
from middlewares.cache.flights import Streaming
from middlewares.cache.ports import Answers
from middlewares.exchange import Exchange


class Replies:
    """Makes the answers, as each client's method, conditions and range ask for them.

    `added` are lines that an answer gets behind its fields, each with its CRLF.
    """

    def __init__(self, answers: Answers, counts: CacheCounts) -> None:
        self._answers = answers
        self._counts = counts

    def from_store(
        self, exchange: Exchange, asked: Asked, entry: Entry, reused: Reuse, route: str
    ) -> web.StreamResponse:
        """A hit, which is counted and said."""
        self._counts.hits[route, "fresh" if reused.use is Use.FRESH else "stale"] += 1
        exchange.cache_status = hit(reused.ttl_s)
        return self.served(asked, entry, b"Age: %d\r\n" % reused.age_s)

    def served(self, asked: Asked, entry: Entry, added: bytes) -> web.StreamResponse:
        """All of an entry, a part of it, or a 304."""
        if asked.conditions is NO_CONDITIONS and asked.method != "HEAD":
            return self._answers.whole(entry, added)
        part = serve(asked.method, asked.conditions, entry)
        body = StoredBody(part.pieces, sum(map(len, part.pieces)))
        return self._answers.made(part.status, part.phrase, part.fields, part.length, body, added)

    def streamed(
        self, asked: Asked, outcome: Streaming, reader: KeptReader, added: bytes
    ) -> web.StreamResponse:
        """An answer that is still on its way, by a reader at the beginning of its body."""
        entry, head = outcome.entry, outcome.head
        length = reader.length if head.length is None else head.length
        part = serve_head(
            asked.method,
            asked.conditions,
            Head(head.status, head.phrase, entry.fields, length),
            etag=entry.etag,
            last_modified=entry.last_modified,
        )
        body: AnswerBody = reader
        if not part.is_whole:
            reader.release()
            body = StoredBody((), 0)
        return self._answers.made(part.status, part.phrase, part.fields, part.length, body, added)
