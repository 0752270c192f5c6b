"""What becomes of the client's own request, for the copies that are compared with it."""

import asyncio

from middlewares.bodies import OverCap, Sink, Trailers
from middlewares.mirror.deciding.comparing import Seen
from middlewares.mirror.deciding.readable import MOST_BODY_BYTES, is_json
from middlewares.proxied_answers import ProxiedAnswer


class Original:
    """The original's answer, as far as it is known; `head_s` is how long its head took.

    It reads along with the client, and never makes it wait.
    """

    def __init__(self, *, reads_json: bool) -> None:
        self.seen: Seen | None = None
        self.head_s: float | None = None
        #: Why there is nothing to compare with.
        self.lost = ""
        self._reads_json = reads_json
        self._ended = asyncio.Event()

    def answered(self, answer: ProxiedAnswer, head_s: float | None) -> None:
        """Note its head, and read its body if that is compared."""
        self.seen = Seen(answer.answered, answer.field_lines)
        self.head_s = head_s
        length = answer.announced_length
        if not self._reads_json or not is_json(answer.field_lines):
            self._ended.set()
        elif length is not None and length > MOST_BODY_BYTES:
            self._ended.set()  # the copy's need not be read either
        else:
            answer.add_reader(_Body(self), cap=MOST_BODY_BYTES)

    def lose(self, why: str) -> None:
        """Note that it has no answer of an instance, or one without an end."""
        self.lost = why
        self._ended.set()

    def read(self, body: bytes | None, unread: str = "") -> None:
        """Note its whole body, or why it was not read."""
        if self.seen is not None and not self._ended.is_set():
            self.seen = self.seen._replace(body=body, unread=unread or self.seen.unread)
            self._ended.set()

    async def ended(self, within_s: float) -> None:
        """Wait until everything is known, or for so long."""
        try:
            async with asyncio.timeout(within_s):
                await self._ended.wait()
        except TimeoutError:
            if self.seen is None:
                self.lose("late")
            else:
                self.read(None, "late")


class _Body(Sink):
    """Takes every piece at once."""

    def __init__(self, original: Original) -> None:
        self._original = original
        self._pieces: list[bytes] = []

    def take(self, piece: bytes) -> bool:
        self._pieces.append(piece)
        return True

    def end(self, trailers: Trailers = ()) -> None:
        self._original.read(b"".join(self._pieces))
        self._pieces.clear()

    def broke(self, why: Exception) -> None:
        self._pieces.clear()
        self._original.read(None, "too_large" if isinstance(why, OverCap) else "broken")


class UploadCopy(Sink):
    """Keeps what passes of a request's body, up to `cap` bytes; the upload waits for nothing."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_whole = False
        self._ended = asyncio.Event()
        #: Why there is no copy.
        self.why = ""

    def take(self, piece: bytes) -> bool:
        if self.why:
            return True
        self._size += len(piece)
        if self._size > self._cap:
            self._give_up("body_too_large")
        else:
            self._pieces.append(piece)
        return True

    def end(self, trailers: Trailers = ()) -> None:
        if not self.why:
            self._is_whole = True
            self._ended.set()

    def broke(self, why: Exception) -> None:
        self.release()

    def release(self) -> None:
        """Note that no more comes: the client's own request is over."""
        if not self._is_whole and not self.why:
            self._give_up("body_incomplete")

    async def whole(self) -> bytes | None:
        """Wait for all of the body; None: it was not copied, and `why` says for what reason."""
        await self._ended.wait()
        return None if self.why else b"".join(self._pieces)

    def _give_up(self, why: str) -> None:
        self.why = why
        self._pieces.clear()
        self._ended.set()
