"""Reads instances' sockets: into one shared buffer, and to the end after a failed write."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

#: At most this much is read from an instance at once.
READ_BYTES = 32 * 1024


class _ReadBuffer(threading.local):
    """The buffer that all connections of an event loop (one a thread) read into; nobody keeps it.

    Without it uvloop reads up to 250 KiB of a body at a time into new bytes, and a client that stops
    reading holds two of these pieces.
    """

    def __init__(self) -> None:
        self.view = memoryview(bytearray(READ_BYTES))


_read_buffer = _ReadBuffer()


class Reader(asyncio.BufferedProtocol):
    """A protocol that reads into the shared buffer; `data_received` gets what came."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = _read_buffer.view

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(self._buffer[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Take what has arrived; keep only copies of it."""
        raise NotImplementedError


def rest(sock: socket.socket) -> Iterator[bytes]:
    """Read what is left in the receive buffer of a connection that a failed write has ended.

    An instance that answers in the middle of an upload and then closes resets the connection. The loop
    ends it at the next write and reads no more, but the socket is still open then.
    """
    with contextlib.suppress(OSError):
        while data := sock.recv(READ_BYTES):
            yield data
