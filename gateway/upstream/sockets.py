"""Asks the socket what asyncio does not tell: is it connected, readable, how much was acknowledged."""

import asyncio
import contextlib
import errno
import ipaddress
import os
import select
import socket
import struct
from collections.abc import Callable
from functools import partial

from discovery.model.addresses import IPAddress

# struct tcp_info of linux/tcp.h: tcpi_bytes_acked, 64 bits, in the host's order.
_ACKED_AT = 120
_ACKED = struct.Struct("=Q")
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)


async def connect(sock: socket.socket, address: tuple[str, int]) -> None:
    """Connect a socket that does not block. Raises OSError.

    EADDRNOTAVAIL means that no local port is left, which is a shortage of our own. Linux also gives it
    for an IPv6 address if IPv6 is switched off, as in most containers; that becomes ENETUNREACH here.
    """
    try:
        await _connect(sock, address)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL and not _has_source_for(sock.family, address):
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)) from None
        raise


async def _connect(sock: socket.socket, address: tuple[str, int]) -> None:
    """Connect, and raise the system's own errors.

    To a peer on this machine the kernel connects at once, so we do not wait for the event loop's next
    turns: under load, uvloop takes a quarter of a millisecond for them.
    """
    with contextlib.suppress(BlockingIOError):
        sock.connect(address)
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    if not poller.poll(0):
        await asyncio.get_running_loop().sock_connect(sock, address)
    elif error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, os.strerror(error))


def _has_source_for(family: socket.AddressFamily | int, address: tuple[str, int]) -> bool:
    """Whether this machine has an address to reach that one from; a datagram socket uses no TCP port."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect(address)
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True


def readable(sock: socket.socket) -> Callable[[], object]:
    """Return a function whose result is true if bytes, an end or an error have come over this socket.

    It polls: peeking raises an exception when nothing is there, and costs three times as much.
    """
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return partial(poller.poll, 0)


def bytes_acknowledged(sock: socket.socket) -> int | None:
    """Bytes that the peer's TCP has acknowledged, including one for the handshake; None: unknown here."""
    if _TCP_INFO is None:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _ACKED_AT + _ACKED.size)
        return int(_ACKED.unpack_from(info, _ACKED_AT)[0])
    except (OSError, struct.error):
        return None


def peer_address(sock: socket.socket) -> IPAddress | None:
    """The address of the connection's other end; None if the connection has ended."""
    try:
        return ipaddress.ip_address(str(sock.getpeername()[0]).partition("%")[0])
    except (OSError, ValueError, IndexError):
        return None
