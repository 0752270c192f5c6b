"""A body that is kept while it comes, and read by any number of clients, each at its own speed."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum

from middlewares.bodies import Abandoned, Sink, Trailers
from middlewares.failures import Failure

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


class Room:
    """How many bytes of bodies are held for clients that have not read them yet, and the most of them."""

    def __init__(self, most_bytes: float) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0


class TooMuch(Enum):
    """Why a body can't be kept."""

    OF_ONE = "too-large"
    OF_ALL = "no-room"


class KeptBody(Sink):
    """Keeps a body of at most `cap` bytes whole; of a larger one only what a reader has not read yet.

    So it does where all bodies together would need more than there is `room`, since clients that read slowly
    hold what they have not read. While it is whole nobody is waited for; then its source waits for the
    slowest reader. `outgrew` is called once when it can't be kept, and `unread` when its last reader has left.
    """

    def __init__(
        self,
        cap: int,
        *,
        room: Room | None = None,
        outgrew: Callable[[TooMuch], None] = lambda why: None,
        unread: Callable[[], None] = lambda: None,
    ) -> None:
        self.length = 0
        self.has_ended = False
        self.why: Failure | None = None
        #: Whether everything that has come is kept.
        self.is_whole = True
        self.pieces: list[bytes] = []
        self._cap = cap
        self._outgrew = outgrew
        self._unread = unread
        #: How many pieces are no longer kept.
        self._gone = 0
        self._held_bytes = 0
        #: The room for all bodies, and what this one takes of it.
        self._all = room or Room(math.inf)
        self._counted = 0
        #: How many readers are at each place, so that a step of one of many costs the same as one of few.
        self._places: Counter[int] = Counter()
        self._news = Waiting()
        self._steps = Waiting()

    @property
    def is_read(self) -> bool:
        """Whether a reader is left."""
        return bool(self._places)

    def reader(self) -> "KeptReader":
        """A reader from the beginning on; the body must be whole so far."""
        assert self.is_whole, "its beginning is gone"
        self._places[0] += 1
        self._count()
        return KeptReader(self)

    def kept(self) -> tuple[bytes, ...]:
        """The pieces of a whole body that has ended, the small ones joined."""
        return tuple(joined(self.pieces))

    def too_much(self, more: int) -> TooMuch | None:
        """Why it can't be kept with so many bytes more; None: it can."""
        if self.length + more > self._cap:
            return TooMuch.OF_ONE
        return TooMuch.OF_ALL if self._all.bytes + more > self._all.most_bytes else None

    def take(self, piece: bytes) -> bool:
        """Keep a piece, or hold its source."""
        if self.is_whole and (why := self.too_much(len(piece))) is not None:
            self.is_whole = False
            self._trim()
            self._outgrew(why)
        if not self.is_whole and not (self._places and self._has_room):
            return False
        self.pieces.append(piece)
        self.length += len(piece)
        self._held_bytes += len(piece)
        self._count()
        self._news.wake()
        return True

    async def room(self) -> None:
        """Wait for the slowest reader. Raises Abandoned if the body can't be kept and nobody reads it."""
        while self._places and not self._has_room:
            await self._steps.wait()
        if not self._places:
            raise Abandoned

    def end(self, trailers: Trailers = ()) -> None:
        self.has_ended = True
        self._count()
        self._news.wake()

    def broke(self, why: Exception) -> None:
        # Its readers deliver answers, and a Failure is what breaks these off.
        self.why = why if isinstance(why, Failure) else Failure("the answer is no longer read")
        self.is_whole = False
        self._count()
        self._news.wake()
        self._steps.wake()

    def piece_at(self, place: int) -> bytes | None:
        """The piece at this place from the beginning; None: it has not come."""
        index = place - self._gone
        return self.pieces[index] if index < len(self.pieces) else None

    def moved(self, place: int, to: int | None) -> None:
        """Note that a reader goes from one place to another, None: that it leaves."""
        if to is not None:
            self._places[to] += 1
        self._places[place] -= 1
        if not self._places[place]:
            del self._places[place]
            if place == self._gone and not self.is_whole:
                self._trim()
        if to is None and not self._places:
            self._count()
            self._unread()

    async def news(self) -> None:
        """Wait for another piece, or for the end."""
        await self._news.wait()

    @property
    def _has_room(self) -> bool:
        return self._held_bytes <= MOST_UNREAD_BYTES

    def _trim(self) -> None:
        """Drop what all have read."""
        read = min(self._places, default=self._gone + len(self.pieces)) - self._gone
        self._held_bytes -= sum(map(len, self.pieces[:read]))
        del self.pieces[:read]
        self._gone += read
        self._count()
        self._steps.wake()

    def _count(self) -> None:
        """Note how much room it takes: nothing once it is over and read by all."""
        is_over = self.has_ended or self.why is not None
        held = 0 if is_over and not self._places else self._held_bytes
        self._all.bytes += held - self._counted
        self._counted = held


class KeptReader:
    """One client's place in a KeptBody: the source of its answer."""

    trailers: Trailers = ()

    def __init__(self, body: KeptBody) -> None:
        self._place = 0
        self._body = body
        self._has_left = False

    @property
    def length(self) -> int | None:
        """The length of the whole body; None: it is still coming."""
        return self._body.length if self._body.has_ended else None

    def is_complete(self) -> bool:
        body = self._body
        return body.has_ended and body.is_whole and body.length <= AT_ONCE_BYTES

    def rest(self) -> bytes:
        pieces = self._body.pieces[self._place :]
        self._go(self._place + len(pieces))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        """Pass nothing on past `read`: all readers would get their pieces in one turn of the loop."""

    async def read(self) -> bytes:
        body = self._body
        while (piece := body.piece_at(self._place)) is None:
            if body.why is not None:
                raise body.why
            if body.has_ended:
                return b""
            await body.news()
        self._go(self._place + 1)
        return piece

    def release(self) -> None:
        """Read no more."""
        if not self._has_left:
            self._has_left = True
            self._body.moved(self._place, None)

    def _go(self, to: int) -> None:
        if not self._has_left:
            self._body.moved(self._place, to)
            self._place = to


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
