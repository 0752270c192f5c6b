"""The readers of a body: a source feeds one sink, or several through a Fanout, where none harms another."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Protocol

import structlog

from middlewares.failures import Failure

Trailers = Sequence[tuple[bytes, bytes]]

_log = structlog.get_logger()


class NoLongerRead(Exception):
    """A reader gets no more of a body, though nothing is wrong with the body itself."""


class TooSlow(NoLongerRead):
    """The reader could not take a piece at once, and the others do not wait for it."""


class OverCap(NoLongerRead):
    """The body is larger than the reader wants it."""


class Abandoned(NoLongerRead):
    """Nobody feeds the body to its readers any more."""


class TooLate(NoLongerRead):
    """The beginning of the body has gone by, or all of it."""


class Sink(Protocol):
    """One reader of a body: `take` for each piece, none of them empty, and then once `end` or `broke`."""

    def take(self, piece: bytes) -> bool:
        """Take the next piece. False: not now; the same piece is offered again after `room`."""
        ...

    async def room(self) -> None:
        """Wait until the piece that was declined can be taken; raise where it never will be."""
        return

    def end(self, trailers: Trailers = ()) -> None:
        """The body is whole."""
        ...

    def broke(self, why: Exception) -> None:
        """No more of the body comes: a Failure, NoLongerRead, or what the sink itself has raised."""
        ...


class Source(Protocol):
    """What a body comes from; `read` raises where the body breaks off."""

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        """Offer it each piece that arrives while nothing is unread; what it declines waits for `read`."""
        ...

    async def read(self) -> bytes:
        """The next piece, b"" at the end."""
        ...

    @property
    def trailers(self) -> Trailers:
        """Complete at the end."""
        ...


async def pour(source: Source, sink: Sink) -> None:
    """Feed a body to its sink. The sink is told how it ended, and what went wrong is raised too."""
    try:
        source.forward_to(sink.take)
        while piece := await source.read():
            if not sink.take(piece):
                source.forward_to(_declines)  # it would overtake the piece in hand
                await sink.room()
                while not sink.take(piece):
                    await sink.room()
                source.forward_to(sink.take)
    except BaseException as error:
        source.forward_to(_declines)
        sink.broke(error if isinstance(error, Exception) else Abandoned())
        raise
    source.forward_to(_declines)  # the two would hold each other
    sink.end(source.trailers)


def _declines(_piece: bytes) -> bool:
    return False


class WhenSlow(Enum):
    """What becomes of a reader that can't take a piece now."""

    #: The source waits for it, and so do all other readers: for the client, and for few others.
    HOLD = "hold"
    #: It is dropped, and told so.
    LEAVE = "leave"


class Reader:
    """A sink's place in a Fanout; once it `has_left`, `why` says for what reason, if there was one."""

    def __init__(self, fanout: "Fanout", sink: Sink, cap: int | None, when_slow: WhenSlow) -> None:
        self.sink = sink
        self.cap = cap
        self.when_slow = when_slow
        self.taken = 0
        self.has_left = False
        self.why: Exception | None = None
        self.waits: asyncio.Future[None] | None = None
        self._fanout = fanout

    def leave(self) -> None:
        """Read no more. The sink is told nothing, and nobody waits for it any longer."""
        self._fanout.forget(self)


class Fanout(Sink):
    """A sink that passes a body on to several others, each on its own terms.

    It keeps nothing but the body's first `keeps` bytes, and drops those when the body is longer. A
    piece that one of the readers can't take yet stays with the source. Each reader is told once how
    the body ended for it, unless it leaves by itself. What a reader raises is told to that one alone.
    """

    def __init__(self, *, keeps: int = 0) -> None:
        self._readers: list[Reader] = []
        #: The last piece was declined, and these have yet to take it; the others have.
        self._holds = False
        self._due: list[Reader] = []
        self._beginning = Beginning(keeps)

    @property
    def is_read(self) -> bool:
        """At least one reader is left."""
        return bool(self._readers)

    def add(
        self,
        sink: Sink,
        *,
        when_slow: WhenSlow = WhenSlow.LEAVE,
        cap: int | None = None,
    ) -> Reader:
        """One more reader, from the body's beginning on; TooLate where that is not kept.

        `cap` is the largest body that it wants, in bytes: it is dropped when more comes. A late one
        has to take all that is kept at once, or is dropped as too slow.
        """
        if not self._beginning.is_whole:
            raise TooLate
        reader = Reader(self, sink, cap, when_slow)
        self._readers.append(reader)
        for piece in tuple(self._beginning.pieces):
            if not self._offer(reader, piece):
                self._drop(reader, TooSlow())
        return reader

    def take(self, piece: bytes) -> bool:
        if not self._holds:
            self._beginning.take(piece)
            self._due = list(self._readers)
        self._due = [one for one in tuple(self._due) if not self._offer(one, piece)]
        self._holds = bool(self._due) or not self.is_read
        return not self._holds

    async def room(self) -> None:
        """Wait for each reader that has yet to take the piece; Abandoned where none is left."""
        for reader in tuple(self._due):
            if not reader.has_left:
                await self._wait_for(reader)
        if not self.is_read:
            raise Abandoned

    def end(self, trailers: Trailers = ()) -> None:
        for reader in self._finish():
            try:
                reader.sink.end(trailers)
            except Exception as error:  # noqa: BLE001  # it is the reader's own
                reader.why = error
                _say(reader, error)

    def broke(self, why: Exception) -> None:
        for reader in self._finish():
            _tell(reader, why)

    def forget(self, reader: Reader, why: Exception | None = None) -> bool:
        """Have a reader leave; False where it has left before."""
        if reader.has_left:
            return False
        reader.has_left, reader.why = True, why
        self._readers.remove(reader)
        if reader.waits is not None:
            reader.waits.cancel()
        return True

    def _offer(self, reader: Reader, piece: bytes) -> bool:
        """Whether the reader is done with the piece: it has taken it, or has left."""
        if reader.has_left:
            return True
        if reader.cap is not None and reader.taken + len(piece) > reader.cap:
            self._drop(reader, OverCap())
            return True
        try:
            taken = reader.sink.take(piece)
        except Exception as error:  # noqa: BLE001  # it is the reader's own
            self._drop(reader, error)
            return True
        if taken:
            reader.taken += len(piece)
        elif reader.when_slow is WhenSlow.LEAVE:
            self._drop(reader, TooSlow())
        return taken or reader.has_left

    def _drop(self, reader: Reader, why: Exception) -> None:
        if self.forget(reader, why):
            _tell(reader, why)

    async def _wait_for(self, reader: Reader) -> None:
        """In a task, since the reader may leave meanwhile."""
        waits = reader.waits = asyncio.ensure_future(reader.sink.room())
        try:
            await asyncio.wait([waits])
        finally:
            reader.waits = None
            waits.cancel()
        if waits.cancelled():
            self._drop(reader, Abandoned())
        elif isinstance(error := waits.exception(), Exception):
            self._drop(reader, error)

    def _finish(self) -> Iterator[Reader]:
        """Take the readers out one by one, since one that is told may have others leave."""
        self._beginning.forget()
        while self._readers:
            reader = self._readers[0]
            self.forget(reader)
            yield reader
        self._due = []


def _tell(reader: Reader, why: Exception) -> None:
    try:
        reader.sink.broke(why)
    except Exception as error:  # noqa: BLE001  # it is the reader's own
        _say(reader, error)
    else:
        _say(reader, why)


def _say(reader: Reader, error: Exception) -> None:
    """Log a mistake of the reader's own: nobody else notices it."""
    if not isinstance(error, Failure | NoLongerRead | ConnectionError):
        name = type(reader.sink).__name__
        _log.error("body.reader_failed", reader=name, exc_info=error)


class Beginning(Sink):
    """Keeps a body as long as it is no larger than `cap`, and then nothing of it."""

    def __init__(self, cap: int) -> None:
        self.pieces: list[bytes] = []
        #: All of the body so far is here.
        self.is_whole = True
        self._cap = cap
        self._bytes = 0

    def take(self, piece: bytes) -> bool:
        self._bytes += len(piece)
        if self._bytes > self._cap:
            self.forget()
        elif self.is_whole:
            self.pieces.append(piece)
        return True

    def end(self, trailers: Trailers = ()) -> None:
        """It stays."""

    def broke(self, why: Exception) -> None:
        self.forget()

    def forget(self) -> None:
        self.is_whole = False
        self.pieces.clear()


class Pieces(Sink):
    """A reader that has a task of its own: a sink for the body's source, and a source in that task.

    Holds `cap` bytes unread, or one piece if that is larger.
    """

    def __init__(self, cap: int) -> None:
        self.trailers: Trailers = ()
        self._cap = cap
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._declined_bytes = 0
        self._forward: Callable[[bytes], bool] = _declines
        self._is_whole = False
        self._why: Exception | None = None
        #: Something has happened since the one who waits has looked.
        self._news: asyncio.Future[None] | None = None

    def take(self, piece: bytes) -> bool:
        if self._why is not None:
            raise self._why
        if not self._unread and self._forward(piece):
            return True
        if self._is_full(len(piece)):
            self._declined_bytes = len(piece)
            return False
        self._unread.append(piece)
        self._unread_bytes += len(piece)
        self._wake()
        return True

    async def room(self) -> None:
        while self._why is None and self._is_full(self._declined_bytes):
            await self._wait()

    def end(self, trailers: Trailers = ()) -> None:
        self.trailers, self._is_whole = trailers, True
        self._wake()

    def broke(self, why: Exception) -> None:
        self._why = self._why or why
        self._wake()

    def close(self) -> None:
        """Read no more of it."""
        self._unread.clear()
        self.broke(Abandoned())

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        self._forward = take

    async def read(self) -> bytes:
        while not self._unread:
            if self._why is not None:
                raise self._why
            if self._is_whole:
                return b""
            await self._wait()
        piece = self._unread.popleft()
        self._unread_bytes -= len(piece)
        self._wake()
        return piece

    def _is_full(self, more: int) -> bool:
        return bool(self._unread) and self._unread_bytes + more > self._cap

    async def _wait(self) -> None:
        """The source waits while something is unread, and the reader while nothing is: never both."""
        self._news = asyncio.get_running_loop().create_future()
        await self._news

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
