"""Writes log lines in batches from its own thread, so that a slow reader never blocks the event loop."""

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from middlewares.programs.thread_signals import leave_signals_to_main_thread
from middlewares.telemetry.shared_output import OutputLock, pieces

#: A batch is written after this time, or once this many lines wait.
BATCH_AFTER_S = 0.1
BATCH_LINES = 200
#: The most lines, and bytes with the interpreter's overhead, that are kept while nobody reads. Further
#: lines are dropped, and their number is written when writing goes on.
LINES_KEPT = 200_000
BYTES_KEPT = 64 * 1024 * 1024
LINE_OVERHEAD = 48
#: At the end the writer waits this long for a reader that takes nothing.
CLOSES_WITHIN_S = 5.0
_LINE_FEED = 10


class LineWriter:
    """Takes lines from any thread, in order; `close` writes what is left.

    `loss_line` makes the line that says how many lines were dropped. `shared`: other processes write there
    too, and lines stay whole.
    """

    def __init__(
        self,
        file_descriptor: int,
        *,
        loss_line: Callable[[int], bytes] | None = None,
        shared: bool = False,
        lines_kept: int = LINES_KEPT,
        bytes_kept: int = BYTES_KEPT,
        closes_within_s: float = CLOSES_WITHIN_S,
    ) -> None:
        #: Lines for which there was no room, counted by those who write, and those that the system did not
        #: take, counted by who holds `_writing`.
        self._refused = 0
        self._not_taken = 0
        #: Whether the last line that was written has no end.
        self._torn = False
        self._file_descriptor = file_descriptor
        self._loss_line = loss_line
        self._lock = OutputLock(file_descriptor) if shared else None
        self._lines_kept = lines_kept
        self._bytes_kept = bytes_kept
        self._closes_within_s = closes_within_s
        self._dropped_and_said = 0
        self._lines: deque[bytes] = deque()
        #: Bytes that wait or are being written. An interpreter without a global lock may lose a change when
        #: two threads make one at once; the count is right again as soon as nothing waits.
        self._bytes = 0
        self._awake = False
        self._closed = False
        self._work = threading.Event()
        self._full = threading.Event()
        self._writing = threading.Lock()
        self._own_thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._own_thread.start()
        atexit.register(self.close)

    @property
    def dropped(self) -> int:
        """How many lines are lost."""
        return self._refused + self._not_taken

    def write(self, line: bytes) -> None:
        """Take a line without its line feed; this never waits, unless the writer is closed."""
        lines = self._lines
        waiting = len(lines)
        size = len(line) + LINE_OVERHEAD
        if waiting >= self._lines_kept or self._bytes + size > self._bytes_kept:
            self._refused += 1
            return
        self._bytes += size
        # A line that will wait is copied: orjson's buffer may be ten times as large as the line.
        lines.append(bytes(memoryview(line)) if waiting > BATCH_LINES else line)
        if not self._awake:
            self._awake = True
            self._work.set()
        elif waiting == BATCH_LINES:
            self._full.set()
        if self._closed:
            self._flush_or_give_up(0.1)

    def flush(self) -> None:
        """Write all waiting lines now."""
        with self._writing:
            self._flush()

    def close(self) -> None:
        """Write the remaining lines; lines that come later are written at once."""
        if self._closed:
            return
        self._closed = True
        self._work.set()
        self._full.set()
        atexit.unregister(self.close)
        self._own_thread.join(self._closes_within_s)
        self._flush_or_give_up(0.0)

    def _flush_or_give_up(self, within_s: float) -> None:
        """Flush, or give up after `within_s`: if nobody reads, the thread hangs, but the process must end."""
        if self._writing.acquire(timeout=within_s):
            try:
                self._flush()
            finally:
                self._writing.release()

    def _flush(self) -> None:
        lines = self._lines
        while lines:
            batch = [lines.popleft() for _ in range(min(len(lines), BATCH_LINES))]
            self._not_taken += self._write_lines(batch)
            size = sum(map(len, batch)) + LINE_OVERHEAD * len(batch)
            self._bytes -= size
            self._say_losses()
        self._bytes = 0

    def _say_losses(self) -> None:
        lost = self.dropped - self._dropped_and_said
        if lost and self._loss_line is not None and not self._write_lines([self._loss_line(lost)]):
            self._dropped_and_said += lost

    def _run(self) -> None:
        leave_signals_to_main_thread()
        while not self._closed:
            self._work.wait()
            self._work.clear()
            if len(self._lines) < BATCH_LINES:
                self._full.wait(BATCH_AFTER_S)
            self._full.clear()
            self._awake = False
            self.flush()

    def _write_lines(self, lines: Sequence[bytes]) -> int:
        """Write them; returns how many were not written."""
        if self._lock is None:
            return self._write_all(b"\n".join([*lines, b""]))
        with self._lock.held():
            return sum(self._write_all(piece) for piece in pieces(lines))

    def _write_all(self, data: bytes) -> int:
        """Write whole lines; returns how many were not written, or not to their end."""
        # What comes after a full disk must not be one line with what was written before.
        view = memoryview(b"\n" + data if self._torn else data)
        while view:
            try:
                written = os.write(self._file_descriptor, view)
            except BlockingIOError:  # somebody made the pipe non-blocking
                time.sleep(0.01)
            except OSError:  # the reader is gone, or the disk is full
                return min(bytes(view).count(b"\n"), data.count(b"\n"))
            else:
                self._torn = view[written - 1] != _LINE_FEED
                view = view[written:]
        return 0
