"""The readers of a body: a source feeds one sink, or several through a Fanout, in which none disturbs another."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from enum import Enum
from typing import Protocol

import structlog

from middlewares.failures import Failure

Trailers = Sequence[tuple[bytes, bytes]]

_log = structlog.get_logger()


class NoLongerRead(Exception):
    """A reader gets no more of a body, though the body itself is fine."""


class TooSlow(NoLongerRead):
    """The reader could not take a piece at once, and the other readers do not wait for it."""


class OverCap(NoLongerRead):
    """The body is larger than the reader's cap."""


class Abandoned(NoLongerRead):
    """Nobody passes the body to its readers any more."""


class TooLate(NoLongerRead):
    """The reader came after the beginning of the body, or after all of it, was gone."""


class Sink(Protocol):
    """One reader of a body: gets `take` for each piece, which is never empty, and then one `end` or `broke`."""

    def take(self, piece: bytes) -> bool:
        """Take the next piece. False declines it for now; the same piece is offered again after `room`."""
        ...

    async def room(self) -> None:
        """Wait until the declined piece can be taken; raise if that will never be."""
        return

    def end(self, trailers: Trailers = ()) -> None:
        """Note that the body is complete."""
        ...

    def broke(self, why: Exception) -> None:
        """Note that no more of the body comes, by a Failure, NoLongerRead, or the sink's own exception."""
        ...


class Source(Protocol):
    """The origin of a body; `read` raises if the body breaks off."""

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        """Call `take` with each piece that arrives while nothing is unread; a declined piece waits for `read`."""
        ...

    async def read(self) -> bytes:
        """Wait for the next piece; b"" is the end."""
        ...

    @property
    def trailers(self) -> Trailers:
        """The trailers, complete at the end."""
        ...


class AnswerBody(Source, Protocol):
    """The body of an unsent answer, from a connection or from what is kept."""

    def is_complete(self) -> bool:
        """Whether all of it is here and may be sent at once."""
        ...

    def rest(self) -> bytes:
        """Take all that is here and unread."""
        ...


class Upload(Protocol):
    """A request's body that each attempt reads from its first byte."""

    def begin(self) -> AsyncIterator[bytes]: ...


async def pour(source: Source, sink: Sink) -> None:
    """Pass a body to its sink, and tell the sink how it ended; a failure is also raised."""
    try:
        source.forward_to(sink.take)
        while piece := await source.read():
            if not sink.take(piece):
                source.forward_to(_declines)  # a new piece would overtake this one
                await sink.room()
                while not sink.take(piece):
                    await sink.room()
                source.forward_to(sink.take)
    except BaseException as error:
        source.forward_to(_declines)
        sink.broke(error if isinstance(error, Exception) else Abandoned())
        raise
    source.forward_to(_declines)  # else the two refer to each other
    sink.end(source.trailers)


def _declines(_piece: bytes) -> bool:
    return False


class WhenSlow(Enum):
    """What happens if a reader can't take a piece now."""

    #: The source and all other readers wait for it; meant for the client and few others.
    HOLD = "hold"
    #: It is dropped and told so.
    LEAVE = "leave"


class Reader:
    """A sink's place in a Fanout; once it `has_left`, `why` is the reason, if there was one."""

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
        """Stop reading. The sink is told nothing, and nobody waits for it any longer."""
        self._fanout.forget(self)


class Fanout(Sink):
    """A sink that passes a body on to several others, each with its own cap and policy.

    It keeps only the body's first `keeps` bytes, and drops them if the body is longer. A piece that one
    reader can't take yet stays with the source. Each reader is told once how the body ended for it,
    unless it leaves by itself. An exception of a reader ends that reader alone.
    """

    def __init__(self, *, keeps: int = 0) -> None:
        self._readers: list[Reader] = []
        #: Whether the last piece was declined; some readers still have to take it.
        self._holds = False
        self._due: list[Reader] = []
        self._beginning = Beginning(keeps)

    @property
    def is_read(self) -> bool:
        """Whether at least one reader is left."""
        return bool(self._readers)

    def add(
        self,
        sink: Sink,
        *,
        when_slow: WhenSlow = WhenSlow.LEAVE,
        cap: int | None = None,
    ) -> Reader:
        """Add a reader from the body's beginning on. Raises TooLate if the beginning is not kept.

        `cap` is the largest body that it takes, in bytes; it is dropped when more comes. A late reader
        must take all kept bytes at once, or is dropped as too slow.
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
        """Wait for each reader that still has to take the piece. Raises Abandoned if none is left."""
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
        """Remove a reader; False if it has left before."""
        if reader.has_left:
            return False
        reader.has_left, reader.why = True, why
        self._readers.remove(reader)
        if reader.waits is not None:
            reader.waits.cancel()
        return True

    def _offer(self, reader: Reader, piece: bytes) -> bool:
        """Offer a piece; return whether the reader is done with it: it has taken it or has left."""
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
        """Wait in a task, since the reader may leave meanwhile."""
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
        """Remove and yield the readers one by one, since a reader that is told may make others leave."""
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
    """Log a reader's own bug, which nobody else notices."""
    if not isinstance(error, Failure | NoLongerRead | ConnectionError):
        name = type(reader.sink).__name__
        _log.error("body.reader_failed", reader=name, exc_info=error)


class Beginning(Sink):
    """Keeps a body up to `cap` bytes; of a larger one it keeps nothing."""

    def __init__(self, cap: int) -> None:
        self.pieces: list[bytes] = []
        #: Whether all of the body so far is kept.
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
        """Keep the body."""

    def broke(self, why: Exception) -> None:
        self.forget()

    def forget(self) -> None:
        self.is_whole = False
        self.pieces.clear()


class Pieces(Sink):
    """A reader with its own task: a sink for the body's source, and a source in that task.

    It holds up to `cap` unread bytes, or one piece if that is larger.
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
        #: Wakes the side that waits.
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
        """Stop reading."""
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
        """Wait for news; the source waits while something is unread, the reader while nothing is, never both."""
        self._news = asyncio.get_running_loop().create_future()
        await self._news

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
