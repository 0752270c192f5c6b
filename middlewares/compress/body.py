"""A body that is compressed as it comes."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from middlewares.bodies import AnswerBody, Trailers
from middlewares.changed_bodies import MadeBody
from middlewares.codings import Encoder
from middlewares.compress.deciding.fields import without_digests

#: So much is compressed at once; others have their turn on the loop in between.
STEP_BYTES: Final = 32 * 1024
#: What the encoder holds back is sent when so long nothing has come.
FLUSHED_AFTER_S: Final = 0.02


def steps(piece: bytes) -> Iterator[bytes]:
    """Cut a piece, so that no other request waits for long."""
    for begin in range(0, len(piece), STEP_BYTES):
        yield piece[begin : begin + STEP_BYTES]


async def compressed_whole(body: bytes, encoder: Encoder) -> bytes:
    """Compress a body that is here whole."""
    if len(body) <= STEP_BYTES:
        return encoder.feed(body) + encoder.finish()
    made: list[bytes] = []
    for step in steps(body):
        made.append(encoder.feed(step))
        await asyncio.sleep(0)
    made.append(encoder.finish())
    return b"".join(made)


class CompressedBody(MadeBody):
    """Compresses another body when somebody reads; `flushes_each`: each piece goes out at once.

    Else the encoder may hold bytes back, as long as more comes. Release it in the end, however it ends: then
    `tell` gets the bytes before and after.
    """

    def __init__(
        self,
        source: AnswerBody,
        encoder: Encoder,
        *,
        flushes_each: bool = False,
        tell: Callable[[int, int], None] | None = None,
    ) -> None:
        self._tell = tell
        self._before = self._after = 0
        self._source = source
        self._encoder = encoder
        self._flushes_each = flushes_each
        self._steps: deque[bytes] = deque()
        self._coming: asyncio.Task[bytes] | None = None
        #: Whether the encoder holds something back.
        self._holds = False
        self._ended = False

    @property
    def trailers(self) -> Trailers:
        return tuple(without_digests(self._source.trailers))

    async def read(self) -> bytes:
        while not self._ended:
            if not self._steps:
                piece = await self._next_piece()
                if piece is None:
                    self._holds = False
                    made = self._encoder.flush()
                elif piece:
                    self._steps.extend(steps(piece))
                    continue
                else:
                    self._ended = True
                    made = self._encoder.finish()
            else:
                step = self._steps.popleft()
                self._before += len(step)
                made = self._encoder.feed(step)
                self._holds = True
                if self._steps:
                    await asyncio.sleep(0)
                elif self._flushes_each:
                    self._holds = False
                    made += self._encoder.flush()
            if made:
                self._after += len(made)
                return made
        return b""

    def release(self) -> None:
        """Stop reading the source."""
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(self._before, self._after)
        coming, self._coming = self._coming, None
        if coming is not None and not coming.cancel() and not coming.cancelled():
            coming.exception()  # else asyncio reports that nobody has looked at it

    async def _next_piece(self) -> bytes | None:
        """The source's next piece; None: it does not come soon, and the encoder holds something back."""
        if self._coming is None:
            if not self._holds:
                return await self._source.read()
            self._coming = asyncio.ensure_future(self._source.read())
        if self._holds:
            await asyncio.wait([self._coming], timeout=FLUSHED_AFTER_S)
            if not self._coming.done():
                return None
        try:
            return await self._coming
        finally:
            self._coming = None
