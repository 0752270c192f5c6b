"""The port of plain HTTP that sends clients to https."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.front.tls.redirect import answer_to, challenge_in

MOST_HEAD_BYTES = 16 * 1024
#: From the connection to its end.
_WITHIN_S = 10.0
_MOST_CLIENTS = 1024
_TURNS = 4


def no_challenge(_token: str) -> str | None:
    return None


async def none_elsewhere(_token: str) -> str | None:
    return None


class Ports(Protocol):
    """Listens for this process, beside others that listen at the same port."""

    async def serve(
        self, protocol: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> asyncio.Server:
        """Take connections from now on. Raises OSError."""

    def leave(self, host: str, port: int) -> None:
        """Listen there no longer; the server is closed."""


class RedirectPort:
    """Listens on a port, or on none; each client gets one answer.

    `challenge_of` tells what an ACME server asks for, and `look_up` what another gateway is asked for.
    """

    def __init__(self, host: str, https_port: Callable[[], int], ports: Ports) -> None:
        self.challenge_of: Callable[[str], str | None] = no_challenge
        self.look_up: Callable[[str], Awaitable[str | None]] = none_elsewhere
        self.https_port = https_port
        self.port: int | None = None
        self._host = host
        self._ports = ports
        self._server: asyncio.Server | None = None
        self._following = asyncio.Lock()
        self.clients: dict[_Client, None] = {}

    async def follow(self, port: int | None) -> None:
        """Listen on this port instead of the one before. Raises OSError, and then listens on none."""
        async with self._following:  # else two calls would both bind it
            if port == self.port:
                return
            self.close()
            if port is not None:
                self._server = await self._ports.serve(lambda: _Client(self), self._host, port)
                self.port = port

    @property
    def listens_on(self) -> list[int]:
        """The ports in use, which the port 0 does not tell."""
        sockets = self._server.sockets if self._server is not None else ()
        return [one.getsockname()[1] for one in sockets]

    def joined(self, client: "_Client") -> None:
        """Take a new client; of too many the oldest leaves."""
        if len(self.clients) >= _MOST_CLIENTS:
            next(iter(self.clients)).abort()
        self.clients[client] = None

    async def stop_accepting(self) -> None:
        """Take no more clients; those that are here get their answers."""
        if self._server is None:
            return
        loop = asyncio.get_running_loop()
        for sock in self._server.sockets:
            loop.remove_reader(sock.fileno())
        # asyncio makes the transport of a client that it has accepted in the next turns of the loop.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        self._leave()

    def close(self) -> None:
        self._leave()
        for client in list(self.clients):
            client.abort()

    def _leave(self) -> None:
        if self._server is not None:
            self._server.close()
            if self.port is not None:
                self._ports.leave(self._host, self.port)
        self._server = self.port = None


class _Client(asyncio.Protocol):
    """One connection: its head is read, and its answer ends it."""

    def __init__(self, port: RedirectPort) -> None:
        self._port = port
        self._head = b""
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle
        self._looking: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._timer = asyncio.get_running_loop().call_later(_WITHIN_S, self.abort)
        self._port.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._head.endswith(b"\r\n\r\n"):
            return  # what follows the first request is thrown away
        self._head += data
        head, end, _ = self._head.partition(b"\r\n\r\n")
        if not end and len(self._head) <= MOST_HEAD_BYTES:
            return
        self._head = end or b"\r\n\r\n"
        if not end:
            head = b""
        token = challenge_in(head)
        if token is not None and self._port.challenge_of(token) is None:
            self._looking = asyncio.ensure_future(self._look_up(head, token))
        else:
            self._answer(head, self._port.challenge_of)

    async def _look_up(self, head: bytes, token: str) -> None:
        text = await self._port.look_up(token)
        if not self._transport.is_closing():
            self._answer(head, lambda _token: text)

    def _answer(self, head: bytes, challenge_of: Callable[[str], str | None]) -> None:
        self._transport.write(answer_to(head, self._port.https_port(), challenge_of))
        # A close with unread bytes would reset the connection, so the client's own end is waited for.
        with contextlib.suppress(OSError):
            self._transport.write_eof()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
        self._port.clients.pop(self, None)

    def abort(self) -> None:
        self._port.clients.pop(self, None)
        self._transport.abort()
