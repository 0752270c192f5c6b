"""Finds out whether a client that has sent its FIN still reads or has closed; the FIN looks the same."""

import asyncio
import contextlib
import socket
from typing import Final, Protocol

#: A client whose answer takes longer than this after its FIN is asked; others never see the question.
ASKED_AFTER_S: Final = 0.02
#: How soon after the question the reset of a client that is gone arrives: from nearby, and from far away.
ANSWERS_WITHIN_S: Final = 0.01
ANSWERS_AT_LAST_WITHIN_S: Final = 0.1
#: Then it is asked once more, since it may have left after it was asked; from then on only its reset is looked for.
LOOK_EVERY_S: Final = 0.7
_STEPS: Final = (
    (True, ANSWERS_WITHIN_S),
    (False, ANSWERS_AT_LAST_WITHIN_S),
    (False, LOOK_EVERY_S),
    (True, ANSWERS_AT_LAST_WITHIN_S),
    (False, LOOK_EVERY_S),
)
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

    @property
    def answers(self) -> int:
        """A number for the request that is being answered."""

    def ask(self) -> bool: ...

    def abort(self) -> None: ...


class HalfClosed:
    """Ends a client that is gone, so that nobody works for it; leaves one that only reads alone."""

    __slots__ = ("_client", "_loop", "_timer", "_waits_for")

    def __init__(
        self, client: Client, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop
    ) -> None:
        have_kernel_ask(transport)
        self._client: Client | None = client
        self._loop = loop
        #: Which request is being answered, of those that came before the FIN.
        self._waits_for = client.answers
        self._timer = loop.call_later(ASKED_AFTER_S, self._look, 0)

    def stop(self) -> None:
        """Stop checking, and drop the reference to the client."""
        self._timer.cancel()
        self._client = None

    def _look(self, step: int) -> None:
        """Look for a reset, and in some steps ask; where the answer has no place for a question yet, ask later."""
        client = self._client
        if client is None or client.transport is None:
            return
        if was_reset(client.transport):
            client.abort()
            return
        asks, next_s = _STEPS[step]
        if client.answers != self._waits_for:
            self._waits_for, step, next_s = client.answers, 0, ASKED_AFTER_S
        elif asks and not client.ask():
            next_s = LOOK_EVERY_S
        else:
            step = min(step + 1, len(_STEPS) - 1)
        self._timer = self._loop.call_later(next_s, self._look, step)


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
