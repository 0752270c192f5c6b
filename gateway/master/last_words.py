"""What a worker writes to standard error: passed on, and its last lines remembered."""

import asyncio
import os
from collections import deque

from gateway.master.writing import write_soon

#: Lines that are kept for the reason why a worker has ended, and the most of one of them.
_LAST_LINES = 20
_MOST_OF_A_LINE = 4096
_MOST_HELD = 64 * 1024
_PIECE = 64 * 1024
#: Pieces that are read at once: one that writes without end does not keep the master from all else.
_MOST_PIECES = 16


class LastWords:
    """Reads the pipe; while `held`, nothing is passed on: first workers that fail all say the same."""

    def __init__(self, descriptor: int, *, held: bool = False) -> None:
        self.descriptor = descriptor
        self._held: bytearray | None = bytearray() if held else None
        self._is_dropped = False
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._line = b""
        self._is_open = True
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self.read)

    @property
    def line(self) -> str:
        """The last line that is not empty; empty if there is none."""
        lines = [*self._lines, self._line.decode(errors="replace")]
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def let_go(self) -> None:
        """Pass on what was held, and from now on everything at once."""
        held, self._held = self._held, None
        if held:
            write_soon(2, bytes(held))

    def drop(self) -> None:
        """Forget what was held, and pass on nothing of what follows."""
        self._held, self._is_dropped = None, True

    def read(self) -> None:
        """Read what is there, or a good part of it."""
        for _ in range(_MOST_PIECES):
            if not self._is_open:
                return
            try:
                data = os.read(self.descriptor, _PIECE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._stop_reading()
                return
            self._take(data)

    def close(self) -> None:
        self._stop_reading()
        os.close(self.descriptor)

    def _take(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            if len(self._held) > _MOST_HELD:
                self.let_go()
        elif not self._is_dropped:
            write_soon(2, data)
        *lines, self._line = (self._line + data).split(b"\n")
        self._lines.extend(line[:_MOST_OF_A_LINE].decode(errors="replace") for line in lines)
        self._line = self._line[:_MOST_OF_A_LINE]

    def _stop_reading(self) -> None:
        if self._is_open:
            self._is_open = False
            asyncio.get_running_loop().remove_reader(self.descriptor)
