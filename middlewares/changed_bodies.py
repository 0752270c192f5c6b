"""Bodies that layers make of an answer's body: here whole, begun to be read, and read by others before."""

from collections.abc import Callable

from middlewares.bodies import Abandoned, AnswerBody, Fanout, Trailers


class WholeBody:
    """A body that is here whole; `trailers` come behind it."""

    def __init__(self, data: bytes, trailers: Trailers = ()) -> None:
        self.trailers: Trailers = trailers
        self._data = data

    def is_complete(self) -> bool:
        return True

    def rest(self) -> bytes:
        data, self._data = self._data, b""
        return data

    async def read(self) -> bytes:
        return self.rest()

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        """Forward nothing: all of it is unread already."""


class BegunBody:
    """A body of which the beginning has been read; its rest comes from where it came."""

    def __init__(self, beginning: bytes, source: AnswerBody) -> None:
        self._beginning = beginning
        self._source = source

    @property
    def trailers(self) -> Trailers:
        return self._source.trailers

    def is_complete(self) -> bool:
        return self._source.is_complete()

    def rest(self) -> bytes:
        beginning, self._beginning = self._beginning, b""
        return beginning + self._source.rest()

    async def read(self) -> bytes:
        beginning, self._beginning = self._beginning, b""
        return beginning or await self._source.read()

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        if not self._beginning:
            self._source.forward_to(take)


async def read_whole(source: AnswerBody, most_bytes: int) -> bytes | BegunBody:
    """Read a body of at most `most_bytes`; a longer one is returned with what was read of it put back.

    Raises the Failure by which the body breaks off.
    """
    if source.is_complete():
        body = source.rest()
        return body if len(body) <= most_bytes else BegunBody(body, source)
    pieces: list[bytes] = []
    size = 0
    while piece := await source.read():
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            return BegunBody(b"".join(pieces), source)
    return b"".join(pieces)


class MadeBody:
    """What a body is like that is made in the task of who reads it: nothing of it is here before."""

    def is_complete(self) -> bool:
        return False

    def rest(self) -> bytes:
        return b""

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        """Forward nothing: each piece has to be read."""


class ReadBody(MadeBody):
    """A body that some readers get as it comes, before layers change it."""

    def __init__(self, source: AnswerBody, readers: Fanout) -> None:
        self._source = source
        self._readers = readers
        self._ended = False

    @property
    def trailers(self) -> Trailers:
        return self._source.trailers

    async def read(self) -> bytes:
        try:
            piece = await self._source.read()
        except BaseException as error:
            self._broke(error)
            raise
        if not piece:
            if not self._ended:
                self._ended = True
                self._readers.end(self._source.trailers)
            return b""
        try:
            while self._readers.is_read and not self._readers.take(piece):
                await self._readers.room()
        except Abandoned:  # all of them have left
            pass
        except BaseException as error:
            self._broke(error)
            raise
        return piece

    def _broke(self, error: BaseException) -> None:
        if not self._ended:
            self._ended = True
            self._readers.broke(error if isinstance(error, Exception) else Abandoned())
