"""A process's log in two places: a file of limited size for `lockgate logs`, and standard output."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.stack.logs.rotating_file import RotatingFile

#: Turns lines into what is shown of them; both with their line feeds.
Render = Callable[[bytes], bytes]

_READ_BYTES = 1024 * 1024
#: How long the end waits for a reader that takes nothing.
_CLOSES_WITHIN_S = 5.0


class LogTee:
    """Copies lines from `file_descriptor` to the file unchanged, and rendered to `out`."""

    def __init__(self, path: Path, out: int, render: Render) -> None:
        self._file = RotatingFile(path)
        self._out: int | None = out
        self._render = render
        self._read_end, self.file_descriptor = os.pipe()
        self._thread = threading.Thread(target=self._run, name="log-tee", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop copying; what is written later is lost."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file_descriptor)  # closes the pipe and keeps the number in use
        os.close(nowhere)
        self._thread.join(_CLOSES_WITHIN_S)

    def _run(self) -> None:
        rest = b""
        while data := os.read(self._read_end, _READ_BYTES):
            lines, line_feed, rest = (rest + data).rpartition(b"\n")
            if line_feed:
                self._pass_on(lines + line_feed)
        self._file.close()

    def _pass_on(self, lines: bytes) -> None:
        with suppress(OSError, ValueError):  # the disk is full: still show them
            self._file.write(lines)
        if self._out is None:
            return
        try:
            _write_all(self._out, self._render(lines))
        except OSError:  # nobody reads any more
            self._out = None


def _write_all(file_descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(file_descriptor, view) :]
        except BlockingIOError:  # another program made the terminal non-blocking
            time.sleep(0.01)
