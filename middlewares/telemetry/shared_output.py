"""Keeps log lines whole where several processes write to one pipe.

The kernel writes at most PIPE_BUF bytes to a pipe in one go; a larger piece may have another process's bytes
in the middle. So lines are written in pieces of whole lines that are no larger, each under a lock of the
pipe, which matters for lines that are longer.
"""

import fcntl
import select
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

#: So long the lock is waited for: its holder may have been stopped, or nobody may read.
WAITS_S = 5.0
_TRIES_EVERY_S = 0.002
PIECE_BYTES = select.PIPE_BUF


def pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines with their line feeds in pieces of at most PIPE_BUF bytes; a longer line is a piece."""
    waiting: list[bytes] = []
    size = 0
    for line in lines:
        if waiting and size + len(line) + 1 > PIECE_BYTES:
            yield b"\n".join([*waiting, b""])
            waiting, size = [], 0
        waiting.append(line)
        size += len(line) + 1
    if waiting:
        yield b"\n".join([*waiting, b""])


class OutputLock:
    """A lock that the processes have which write to the same pipe, file or socket.

    It belongs to the open pipe itself, and the kernel releases it when its holder ends.
    """

    def __init__(self, file_descriptor: int) -> None:
        self._file_descriptor = file_descriptor
        #: After it was waited for in vain it is tried once at a time, until it was free.
        self._waits_s = WAITS_S

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold it for the block; False: it was not free in time, and the block goes on without it."""
        has_it = self._take()
        try:
            yield has_it
        finally:
            if has_it:
                fcntl.lockf(self._file_descriptor, fcntl.LOCK_UN)

    def _take(self) -> bool:
        until_s = time.monotonic() + self._waits_s
        while True:
            try:
                fcntl.lockf(self._file_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until_s:
                    self._waits_s = 0.0
                    return False
                time.sleep(_TRIES_EVERY_S)
            except OSError:  # it can't be locked, as a closed one
                return False
            else:
                self._waits_s = WAITS_S
                return True
