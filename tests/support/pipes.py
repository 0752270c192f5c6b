"""A pipe that a test reads at once, later, or not at all."""

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import Self


class Pipe:
    """Both ends of a pipe, which are closed at the end of the block."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self._open = {self.read_end, self.write_end}
        self._threads: list[threading.Thread] = []

    def read_in_background(self) -> Callable[[], bytes]:
        """Start to read; the returned function waits for the end and returns all that came."""
        came = bytearray()

        def read() -> None:
            while data := os.read(self.read_end, 65536):
                came.extend(data)

        thread = threading.Thread(target=read)
        thread.start()
        self._threads.append(thread)

        def result() -> bytes:
            thread.join(20)
            assert not thread.is_alive(), "the write end is still open"
            return bytes(came)

        return result

    def drain(self) -> None:
        """Read until nothing has come for a while, so that writers can go on."""
        while select.select([self.read_end], [], [], 0.3)[0] and os.read(self.read_end, 2**20):
            pass

    def fill(self) -> None:
        """Fill the pipe, so that writers wait."""
        os.set_blocking(self.write_end, False)
        for size in (4096, 1):
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(self.write_end, b"." * size)
        os.set_blocking(self.write_end, True)

    def close_read_end(self) -> None:
        self._close(self.read_end)

    def close_write_end(self) -> None:
        self._close(self.write_end)

    def _close(self, end: int) -> None:
        if end in self._open:
            self._open.discard(end)
            os.close(end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_write_end()
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):
                thread.join(20)
        self.close_read_end()
