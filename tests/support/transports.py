"""What a test does to a connection behind its stream, alike on every event loop."""

import asyncio
import contextlib
import socket
import struct
from typing import cast


def transport_of(writer: asyncio.StreamWriter) -> asyncio.Transport:
    """What can stop reading, too."""
    return cast("asyncio.Transport", writer.transport)  # uvloop's own is none by class


def finish(writer: asyncio.StreamWriter) -> None:
    """Send a FIN now; whatever comes from then on is answered by a reset."""
    # A socket of our own for the same connection: uvloop lends one that can't be shut down.
    with contextlib.suppress(OSError), _socket_of(writer).dup() as sock:
        sock.shutdown(socket.SHUT_RDWR)


def reset(writer: asyncio.StreamWriter) -> None:
    """Send a reset."""
    sock = _socket_of(writer)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _socket_of(writer: asyncio.StreamWriter) -> socket.socket:
    return cast("socket.socket", writer.get_extra_info("socket"))
