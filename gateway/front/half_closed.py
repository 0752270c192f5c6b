"""Is a client still there that sends no more? By its FIN, one that has closed looks just the same."""

import asyncio
import contextlib
import socket
from typing import Final, Protocol

#: How often it is looked whether the connection was reset.
LOOK_EVERY_S: Final = 0.7
#: The reset of a client that is gone is here so soon after the question, from not too far away.
ANSWERS_WITHIN_S: Final = 0.1
#: What has a client that is gone answer with a reset, and is skipped by all others (RFC 9110 §15.2).
QUESTION: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

#: Where nothing can be sent, as in an answer with a length that has begun, the kernel asks. A peer's own forgets a
#: connection that was closed there about a minute later, and then answers that there is none.
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
    """Ends a client that is gone altogether: nobody shall work for it. One that only reads is left alone."""

    __slots__ = ("_client", "_loop", "_timer")

    def __init__(
        self, client: Client, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop
    ) -> None:
        have_kernel_ask(transport)
        self._client: Client | None = client
        self._loop = loop
        self._timer = loop.call_later(LOOK_EVERY_S, self._look, False)

    def stop(self) -> None:
        """Look no more, and let go of the client."""
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
    """Have the kernel find out by itself whether the peer still knows of the connection."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family == socket.AF_UNIX:
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, seconds in _KEEP_ALIVE:
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)


def was_reset(transport: asyncio.Transport) -> bool:
    """Behind a FIN nobody reads on, so the loop would learn of a reset from its next write alone."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family == socket.AF_UNIX or _TCP_INFO is None:
        return False
    try:
        return bool(sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0] == _TCP_CLOSE)
    except OSError:
        return True
