"""A worker's request to itself, through the listening socket that it shares with its siblings."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

ANSWERED_WITHIN_S = 2.0
#: Pauses between tries: a sibling that accepts quicker takes some of them.
PAUSES_S = (0.0, 0.001, 0.005, 0.02, 0.05)
#: After so many tries in vain it is said what is waited for.
SAID_AFTER_TRIES = 20
#: Looks for the connection among those that this process has taken, and the pause between them.
LOOKS, LOOK_EVERY_S = 6, 0.005
_HEALTHY = b"HTTP/1.1 200 "
_REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nUser-Agent: lockgate-worker\r\n\r\n"
_HEAD_BYTES = 4096
#: How OpenSSL names the alerts of a server that wants a certificate, or has none for any name.
_WITHOUT_CERTIFICATE = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "UNRECOGNIZED_NAME")
#: In place of the address that means every address.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Taken(Protocol):
    """What the server of this process has accepted: hosts and ports of clients."""

    @property
    def speaks_tls(self) -> bool: ...
    @property
    def refuses_handshakes(self) -> bool:
        """Whether a handshake without a certificate of the client's ends, or it has none of its own yet."""

    def clients(self) -> set[Any]: ...
    def connecting(self) -> set[Any]:
        """Those whose TLS handshake has not ended."""

    def asks_itself_from(self, name: Any) -> None:
        """The request of this client is the process's own one; None: of nobody."""


async def answers_itself(
    listening: socket.socket, taken: Taken, waits_for: Callable[[str], None]
) -> None:
    """Return once a GET /health through the socket was answered by this very process.

    Siblings accept from the same socket, so it is tried until this process has the connection; over those
    that a sibling has nothing is sent, so that it logs no request that no client has sent. Where
    handshakes are refused, its refusal is the answer: clients need a certificate, which it has not, or
    ACME has got none yet, which may take days.
    """
    tries = 0
    while True:
        tries += 1
        why_not = await _tried(listening, taken)
        if why_not is None:
            return
        if why_not or tries >= SAID_AFTER_TRIES:
            waits_for(why_not or f"its siblings have taken all of its {tries} requests to itself")
        await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])


async def _tried(listening: socket.socket, taken: Taken) -> str | None:
    """None: it was answered here; empty: a sibling has it; else why it was not answered."""
    sent = _Sent(listening)
    try:
        # In a thread, since the loop has to answer.
        if why_not := await asyncio.to_thread(sent.connected):
            return why_not
        if not await _has(taken, sent.name):
            return ""
        taken.asks_itself_from(sent.name)
        failure = await asyncio.to_thread(sent.answered, tls=taken.speaks_tls)
        if failure is None:
            return None if taken.refuses_handshakes else ""
        return failure or None
    finally:
        taken.asks_itself_from(None)
        sent.close()


async def _has(taken: Taken, name: Any) -> bool:
    for _ in range(LOOKS):
        if name in taken.clients() or name in taken.connecting():
            return True
        await asyncio.sleep(LOOK_EVERY_S)
    return False


class _Sent:
    """A request over a connection that stays open until it is known who has accepted it."""

    def __init__(self, listening: socket.socket) -> None:
        self._address = loopback(listening.getsockname())
        self._socket = socket.socket(listening.family, socket.SOCK_STREAM)
        #: What the server calls it.
        self.name: Any = None

    def connected(self) -> str:
        """Returns why it is not, or nothing."""
        try:
            self._socket.settimeout(ANSWERED_WITHIN_S)
            self._socket.connect(self._address)
            self.name = self._socket.getsockname()[:2]
        except OSError as error:
            return f"it can't connect to its own address: {error.strerror or error}"
        return ""

    def answered(self, *, tls: bool) -> str | None:
        """Returns why it was not, nothing if it was, or None if a certificate was missing at either end."""
        try:
            if tls:
                self._socket = _context().wrap_socket(self._socket)
            self._socket.sendall(_REQUEST)
            head = b""
            while b"\r\n" not in head and (piece := self._socket.recv(_HEAD_BYTES)):
                head += piece
        except ssl.SSLError as error:
            reason = str(error.reason or error)
            if any(one in reason for one in _WITHOUT_CERTIFICATE):
                return None
            return f"its own request failed: {reason}"
        except OSError as error:
            return f"its own request failed: {error.strerror or error}"
        return "" if head.startswith(_HEALTHY) else f"its own request was answered by {head[:40]!r}"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()


def loopback(address: Any) -> Any:
    """Where a socket that listens at this address is reached from its own machine."""
    return (_LOOPBACK.get(address[0], address[0]), *address[1:])


def _context() -> ssl.SSLContext:
    """Trusts every certificate: what is asked is whether this process answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
