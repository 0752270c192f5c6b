"""What becomes of the client's own request, for the copies that are compared with it."""

import asyncio

from middlewares.bodies import OverCap, Reader, Sink, Trailers
from middlewares.mirror.deciding.comparing import Seen
from middlewares.mirror.deciding.readable import MOST_BODY_BYTES, is_json
from middlewares.mirror.room import Room
from middlewares.proxied_answers import ProxiedAnswer

#: Answers with these statuses have no body (RFC 9110, sections 15.3.5 and 15.4.5).
_WITHOUT_BODY = frozenset([204, 304])


class Original:
    """The original's answer, as far as it is known; `head_s` is how long its head took.

    It reads along with the client, and never makes it wait.
    """

    def __init__(self, *, reads_json: bool, is_head: bool = False) -> None:
        self.seen: Seen | None = None
        self.head_s: float | None = None
        #: Why there is nothing to compare with.
        self.lost = ""
        self._failed = ""
        self._reads_json = reads_json
        self._is_head = is_head
        self._body: _Body | None = None
        self._reader: Reader | None = None
        self._ended = asyncio.Event()

    def answered(self, answer: ProxiedAnswer, head_s: float | None) -> None:
        """Note its head, and read its body if that is compared."""
        if self._ended.is_set():
            return
        self.seen = Seen(answer.answered, answer.field_lines)
        self.head_s = head_s
        length = answer.announced_length
        if (
            self._is_head or answer.answered in _WITHOUT_BODY
        ):  # it may announce a length all the same
            self.seen = self.seen._replace(body=b"")
            self._ended.set()
        elif not self._reads_json or not is_json(answer.field_lines):
            self._ended.set()
        elif length is not None and length > MOST_BODY_BYTES:
            self._ended.set()  # the copy's need not be read either
        else:
            self._body = _Body(self)
            self._reader = answer.add_reader(self._body, cap=MOST_BODY_BYTES)

    def failed(self, why: str) -> None:
        """Note why no instance has answered yet; a split may still find one."""
        self._failed = why

    def lose(self, why: str) -> None:
        """Note that it has no answer of an instance, or one without an end."""
        self.lost = why
        self._ended.set()

    def release(self) -> None:
        """Note that the client's own request is over."""
        if self.seen is None and not self.lost:
            self.lose(self._failed or "own_answer")
        self.read(None, "broken")  # unless its end has come

    def close(self) -> None:
        """Read no further: there is no copy any more that it is compared with."""
        self._ended.set()
        if self._reader is not None and self._body is not None:
            self._reader.leave()
            self._body.drop()

    def read(self, body: bytes | None, unread: str = "") -> None:
        """Note its whole body, or why it was not read."""
        if self.seen is not None and not self._ended.is_set():
            self.seen = self.seen._replace(body=body, unread=unread or self.seen.unread)
            self._ended.set()

    async def known(self, within_s: float) -> tuple[Seen | None, str]:
        """Wait until everything is known, or for so long: its answer, or why there is none."""
        try:
            async with asyncio.timeout(within_s):
                await self._ended.wait()
        except TimeoutError:
            if self.seen is None:
                return None, "late"
            return self.seen._replace(unread="late"), ""
        return (None, self.lost) if self.lost else (self.seen, "")


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

    def drop(self) -> None:
        """Keep nothing of it."""
        self._pieces.clear()


class UploadCopy(Sink):
    """Keeps what passes of a request's body, up to `cap` bytes and while there is room.

    The upload waits for nothing.
    """

    def __init__(self, cap: int, room: Room) -> None:
        self._cap = cap
        self._room = room
        self._taken = 0
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
        elif not self._room.take(len(piece)):
            self._give_up("too_many")
        else:
            self._taken += len(piece)
            self._pieces.append(piece)
        return True

    def end(self, trailers: Trailers = ()) -> None:
        if not self.why:
            self._is_whole = True
            self._pieces[:] = [b"".join(self._pieces)]
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
        return None if self.why else self._pieces[0]

    def close(self) -> None:
        """Keep nothing: no copy needs it any more."""
        if not self.why:
            self._give_up("abandoned")

    def _give_up(self, why: str) -> None:
        self.why = why
        self._pieces.clear()
        self._room.give(self._taken)
        self._taken = 0
        self._ended.set()
