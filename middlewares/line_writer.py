"""Writes log lines in batches from a thread of its own, so that a slow reader never stalls the loop."""

import atexit
import os
import threading
import time
from collections import deque

#: A batch is written after so long, or when so many lines wait.
BATCH_AFTER_S = 0.1
BATCH_LINES = 200
#: Lines kept while nobody reads them; what comes then is dropped, and said when there is room again.
LINES_KEPT = 200_000


class LineWriter:
    """Takes lines from any thread, in order; `close` writes what is left."""

    def __init__(self, file_descriptor: int) -> None:
        self.dropped = 0
        self._file_descriptor = file_descriptor
        self._lines: deque[bytes] = deque()
        self._awake = False
        self._closed = False
        self._work = threading.Event()
        self._full = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, line: bytes) -> None:
        """Take a line, without its line feed; it never waits."""
        lines = self._lines
        if len(lines) >= LINES_KEPT:
            self.dropped += 1
            return
        lines.append(line)
        if not self._awake:
            self._awake = True
            self._work.set()
        elif len(lines) == BATCH_LINES:
            self._full.set()

    def flush(self) -> None:
        """Write now what there is."""
        with self._writing:
            lines = self._lines
            while lines:
                batch = [lines.popleft() for _ in range(min(len(lines), BATCH_LINES))]
                batch.append(b"")
                self._write_all(b"\n".join(batch))

    def close(self) -> None:
        """Write what is left; lines that come later are written at once."""
        if not self._closed:
            self._closed = True
            self._work.set()
            self._full.set()
            self._thread.join(timeout=5)
            atexit.unregister(self.close)
        self.flush()

    def _run(self) -> None:
        while not self._closed:
            self._work.wait()
            self._work.clear()
            if len(self._lines) < BATCH_LINES:
                self._full.wait(BATCH_AFTER_S)
            self._full.clear()
            self._awake = False
            self.flush()

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._file_descriptor, view) :]
            except BlockingIOError:  # somebody made the pipe non-blocking
                time.sleep(0.01)
            except OSError:  # nobody will ever read it
                return
