"""How instances' sockets are read: into one buffer, and to the end where a write has failed."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

#: So much is read from an instance at once.
READ_BYTES = 32 * 1024


class _ReadBuffer(threading.local):
    """What all connections of an event loop (a thread has one) read into: nobody keeps it.

    With bytes of its own for each read, a body passes through up to 250 KiB at a time in uvloop, and
    a client that stands still holds two such pieces.
    """

    def __init__(self) -> None:
        self.view = memoryview(bytearray(READ_BYTES))


_read_buffer = _ReadBuffer()


class Reader(asyncio.BufferedProtocol):
    """A protocol that reads into the buffer of all, and is handed what came."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = _read_buffer.view

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(self._buffer[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Take what has arrived; nothing of a buffer is kept but copies."""
        raise NotImplementedError


def rest(sock: socket.socket) -> Iterator[bytes]:
    """What lies in the receive buffer of a connection that was lost because a write failed.

    An instance that answers in the middle of an upload and closes resets the connection: the loop
    ends it at the write that meets the reset, and reads no more. The socket is still open then.
    """
    with contextlib.suppress(OSError):
        while data := sock.recv(READ_BYTES):
            yield data
