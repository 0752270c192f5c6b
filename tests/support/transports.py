"""Acts on the connection below a stream, in the same way on every event loop."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

from gateway.upstream.connection import UpstreamConnection


def transport_of(writer: asyncio.StreamWriter) -> asyncio.Transport:
    """The stream's transport, which can also stop reading."""
    return cast("asyncio.Transport", writer.transport)  # uvloop's transport is not a subclass


def finish(writer: asyncio.StreamWriter) -> None:
    """Send a FIN now; whatever comes afterwards gets a reset."""
    # An own socket for the same connection, because uvloop's can't be shut down.
    with contextlib.suppress(OSError), _socket_of(writer).dup() as sock:
        sock.shutdown(socket.SHUT_RDWR)


def reset(writer: asyncio.StreamWriter) -> None:
    """Send a reset."""
    sock = _socket_of(writer)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def once_chosen(connection: UpstreamConnection, happen: Callable[[], object]) -> None:
    """Call `happen` when a request has looked whether it can have this connection, just before it is sent.

    This moment can't be hit from outside, because the gateway does not yield to the loop in between.
    """
    is_readable = connection._is_readable

    def look() -> object:
        is_there = is_readable()
        task = asyncio.current_task()
        if task is None or task.get_name() != "upstreams":  # the pools' sweep chooses nothing
            connection._is_readable = is_readable
            happen()
        return is_there

    connection._is_readable = look


def _socket_of(writer: asyncio.StreamWriter) -> socket.socket:
    return cast("socket.socket", writer.get_extra_info("socket"))
