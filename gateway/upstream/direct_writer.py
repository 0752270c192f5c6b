"""Writes to a transport's socket itself while nothing waits in the transport."""

import asyncio
import os


class DirectWriter:
    """Saves the event loop's own steps, and a copy of what the kernel takes at once.

    What it does not take goes through the transport, as does everything over TLS.
    """

    __slots__ = ("_fd", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        sock = transport.get_extra_info("socket")
        is_tls = transport.get_extra_info("ssl_object") is not None
        self._fd = -1 if sock is None or is_tls else sock.fileno()

    def write(self, data: bytes | memoryview) -> None:
        """Send data, or drop it if the connection is closed for writing; only copies of a memoryview are kept."""
        transport = self._transport
        if transport.is_closing():  # its descriptor may be another connection's by now
            return
        if self._fd >= 0 and not transport.get_write_buffer_size():
            try:
                sent = os.write(self._fd, data)
            except OSError:
                sent = 0  # the transport meets it too, unless there was only no room
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(bytes(data))
