"""A body that is kept while it comes, and read by any number of clients, each at its own speed."""

import asyncio
from collections.abc import Callable, Sequence

from middlewares.bodies import Abandoned, Sink, Trailers

#: What may be unread of a body that is too large to be kept.
MOST_UNREAD_BYTES = 256 * 1024
#: A body of up to this size is sent in one write.
AT_ONCE_BYTES = 64 * 1024
#: So many waiting clients are woken in one turn of the loop: each of them then has work to do.
WOKEN_AT_ONCE = 64
#: Pieces are joined up to this size before they are kept for long: a piece has overhead.
JOINED_BYTES = 64 * 1024


class Waiting:
    """Those who wait for the same news; they are woken some at a time."""

    def __init__(self) -> None:
        self._futures: dict[asyncio.Future[None], None] = {}

    async def wait(self) -> None:
        """Wait for `wake`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures[future] = None
        try:
            await future
        finally:
            self._futures.pop(future, None)

    def wake(self) -> None:
        """Wake all who wait now."""
        futures, self._futures = [*self._futures], {}
        if futures:
            _wake(futures)


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures[:WOKEN_AT_ONCE]:
        if not future.done():
            future.set_result(None)
    if later := futures[WOKEN_AT_ONCE:]:
        asyncio.get_running_loop().call_soon(_wake, later)


class KeptBody(Sink):
    """Keeps a body of at most `cap` bytes whole; of a larger one only what a reader has not read yet.

    While it is whole nobody is waited for; then its source waits for the slowest reader.
    """

    def __init__(self, cap: int) -> None:
        self.length = 0
        self.has_ended = False
        self.why: Exception | None = None
        #: Whether everything that has come is kept.
        self.is_whole = True
        self.pieces: list[bytes] = []
        self._cap = cap
        #: How many pieces are no longer kept.
        self._gone = 0
        self._readers: set[KeptReader] = set()
        self._news = Waiting()
        self._room = Waiting()

    @property
    def is_read(self) -> bool:
        """Whether a reader is left."""
        return bool(self._readers)

    def reader(self) -> "KeptReader":
        """A reader from the beginning on; the body must be whole so far."""
        assert self.is_whole, "its beginning is gone"
        reader = KeptReader(self)
        self._readers.add(reader)
        return reader

    def kept(self) -> tuple[bytes, ...]:
        """The pieces of a whole body that has ended, the small ones joined."""
        return tuple(joined(self.pieces))

    def take(self, piece: bytes) -> bool:
        """Keep a piece, or hold its source. Raises Abandoned if it can't be kept and nobody reads it."""
        if self.length + len(piece) > self._cap and self.is_whole:
            self.is_whole = False
            self._trim()
        if not self.is_whole:
            if not self._readers:
                raise Abandoned
            if self._unread_bytes() > MOST_UNREAD_BYTES:
                return False
        self.pieces.append(piece)
        self.length += len(piece)
        self._news.wake()
        return True

    async def room(self) -> None:
        while self._readers and self._unread_bytes() > MOST_UNREAD_BYTES:
            await self._room.wait()

    def end(self, trailers: Trailers = ()) -> None:
        self.has_ended = True
        self._news.wake()

    def broke(self, why: Exception) -> None:
        self.why = why
        self.is_whole = False
        self._news.wake()
        self._room.wake()

    def forget(self, reader: "KeptReader") -> None:
        """Wait for this reader no longer."""
        self._readers.discard(reader)
        if not self.is_whole:
            self._trim()
            self._room.wake()

    def piece_at(self, place: int) -> bytes | None:
        """The piece at this place from the beginning; None: it has not come."""
        index = place - self._gone
        return self.pieces[index] if index < len(self.pieces) else None

    def was_read(self) -> None:
        """Drop what all have read of a body that is not kept."""
        if not self.is_whole:
            self._trim()
            self._room.wake()

    async def news(self) -> None:
        """Wait for another piece, or for the end."""
        await self._news.wait()

    def _unread_bytes(self) -> int:
        return sum(map(len, self.pieces))

    def _trim(self) -> None:
        read = min((one.place for one in self._readers), default=self._gone + len(self.pieces))
        if read > self._gone:
            del self.pieces[: read - self._gone]
            self._gone = read


class KeptReader:
    """One client's place in a KeptBody: the source of its answer."""

    trailers: Trailers = ()

    def __init__(self, body: KeptBody) -> None:
        self.place = 0
        self._body = body

    @property
    def length(self) -> int | None:
        """The length of the whole body; None: it is still coming."""
        return self._body.length if self._body.has_ended else None

    def is_complete(self) -> bool:
        body = self._body
        return body.has_ended and body.is_whole and body.length <= AT_ONCE_BYTES

    def rest(self) -> bytes:
        pieces = self._body.pieces[self.place :]
        self.place += len(pieces)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        """Pass nothing on past `read`: all readers would get their pieces in one turn of the loop."""

    async def read(self) -> bytes:
        body = self._body
        while (piece := body.piece_at(self.place)) is None:
            if body.why is not None:
                raise body.why
            if body.has_ended:
                return b""
            await body.news()
        self.place += 1
        body.was_read()
        return piece

    def release(self) -> None:
        """Read no more."""
        self._body.forget(self)


class StoredBody:
    """The source of an answer whose body is kept in pieces."""

    trailers: Trailers = ()

    def __init__(self, pieces: Sequence[bytes], length: int) -> None:
        self._pieces = pieces
        self._length = length
        self._place = 0

    def is_complete(self) -> bool:
        return self._length <= AT_ONCE_BYTES

    def rest(self) -> bytes:
        pieces = self._pieces[self._place :]
        self._place = len(self._pieces)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        """Pass nothing on past `read`, since all is here."""

    async def read(self) -> bytes:
        if self._place == len(self._pieces):
            return b""
        piece = self._pieces[self._place]
        self._place += 1
        return piece


def joined(pieces: Sequence[bytes]) -> list[bytes]:
    """The same bytes, with small pieces joined to larger ones."""
    made: list[bytes] = []
    small: list[bytes] = []
    size = 0
    for piece in pieces:
        if small and size + len(piece) > JOINED_BYTES:
            made.append(small[0] if len(small) == 1 else b"".join(small))
            small, size = [], 0
        small.append(piece)
        size += len(piece)
    if small:
        made.append(small[0] if len(small) == 1 else b"".join(small))
    return made
