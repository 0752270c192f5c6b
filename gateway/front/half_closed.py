"""Finds out whether a client that has sent its FIN still reads or has closed; the FIN looks the same."""

import asyncio
import contextlib
import socket
from typing import Final, Protocol

#: How often to check whether the connection was reset.
LOOK_EVERY_S: Final = 0.7
#: How soon after the question the reset of a client that is gone arrives, from not too far away.
ANSWERS_WITHIN_S: Final = 0.1
#: A client that is gone answers this with a reset; all others skip it (RFC 9110 §15.2).
QUESTION: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

#: When nothing can be sent, as in an answer with a length that has begun, the kernel asks instead. The peer's
#: kernel forgets a closed connection after about a minute, and then answers with a reset.
_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 10))
_TCP_INFO: Final[int | None] = getattr(socket, "TCP_INFO", None)
#: tcpi_state, the first byte of struct tcp_info of linux/tcp.h.
_TCP_CLOSE: Final = 7


class Client(Protocol):
    """One client connection: gateway.front.connection.GatewayRequestHandler."""

    transport: asyncio.Transport | None

    def ask(self) -> bool: ...

    def abort(self) -> None: ...


class HalfClosed:
    """Ends a client that is gone, so that nobody works for it; leaves one that only reads alone."""

    __slots__ = ("_client", "_loop", "_timer")

    def __init__(
        self, client: Client, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop
    ) -> None:
        have_kernel_ask(transport)
        self._client: Client | None = client
        self._loop = loop
        self._timer = loop.call_later(LOOK_EVERY_S, self._look, False)

    def stop(self) -> None:
        """Stop checking, and drop the reference to the client."""
        self._timer.cancel()
        self._client = None

    def _look(self, asked: bool) -> None:
        client = self._client
        if client is None or client.transport is None:
            return
        if was_reset(client.transport):
            client.abort()
            return
        next_s = LOOK_EVERY_S
        if not asked and client.ask():
            asked, next_s = True, ANSWERS_WITHIN_S
        self._timer = self._loop.call_later(next_s, self._look, asked)


def have_kernel_ask(transport: asyncio.Transport) -> None:
    """Let the kernel find out by itself whether the peer still knows the connection."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family == socket.AF_UNIX:
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, seconds in _KEEP_ALIVE:
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)


def was_reset(transport: asyncio.Transport) -> bool:
    """Whether the client has reset it: after a FIN nobody reads, so the loop would notice only at a write."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family == socket.AF_UNIX or _TCP_INFO is None:
        return False
    try:
        return bool(sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0] == _TCP_CLOSE)
    except OSError:
        return True
