"""A connected socket as a protocol: sends bytes to an instance, receives them, pauses, ends."""

import asyncio
import socket

from discovery.model.addresses import IPAddress
from gateway.upstream.reading import Reader
from gateway.upstream.sockets import bytes_acknowledged, readable
from middlewares.failures import UpstreamReset
from middlewares.routing.policy import NEVER

#: Loop turns in which a new connection reads what came before its first request.
SETTLING_TURNS = 16


class Wire(Reader):
    """Knows nothing of HTTP; `data_received` gets what arrives."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        #: The address of the other end; None if unknown.
        self.address: IPAddress | None = None
        #: When it ended (loop time).
        self.lost_s = NEVER
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._is_readable = readable(sock)
        self._transport: asyncio.Transport | None = None
        self._is_tls = False
        self._sent = 0
        self._writable: asyncio.Event | None = None
        self._reading_paused = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise UpstreamReset("the upstream closed the connection")
        return self._transport

    async def settle(self) -> None:
        """Let the loop read what is already in the socket, before the first request.

        Unasked bytes end the connection. They must be read to be recognised, because TLS sends
        messages of its own after the handshake.
        """
        for _ in range(SETTLING_TURNS):
            if not self.is_open or not self._is_readable():
                return
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                self.abort()
                raise
        self.abort()

    def abort(self) -> None:
        """End the connection at once; unsent bytes are lost."""
        if self._transport is not None:
            self._transport.abort()

    def write(self, data: bytes) -> None:
        """Send data, or drop it if the connection is closed for writing: an answer may still be read."""
        if self._transport is not None and not self._transport.is_closing():
            self._sent += len(data)
            self._transport.write(data)

    async def writable(self) -> None:
        """Wait until the instance takes more."""
        if self._writable is not None:
            await self._writable.wait()

    def finish_writing(self) -> None:
        """Tell the instance that no more is coming, if the connection can say so."""
        transport = self._transport
        if transport is not None and transport.can_write_eof() and not transport.is_closing():
            transport.write_eof()

    def pause_reading(self) -> None:
        self._reading_paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._reading_paused = False
        if self._transport is not None:
            self._transport.resume_reading()

    def has_taken_nothing(self, sent_before: int, exc: Exception | None) -> bool:
        """Whether the connection has ended and the instance has seen nothing sent after `sent_before`.

        If something was written, only a clean end with none of it acknowledged proves that. After a
        reset, an instance that read the request looks like one whose kernel took it unread.
        """
        if self._sent == sent_before:
            return True
        if not is_clean(exc):
            return False
        acknowledged = bytes_acknowledged(self._sock)
        # The handshake counts as one byte.
        return acknowledged is not None and acknowledged <= sent_before + 1

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._is_tls = transport.get_extra_info("ssl_object") is not None

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost_s = self._loop.time()
        self._transport = None
        self._let_write()

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        self._let_write()

    def _let_write(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None


def is_clean(end: Exception | None) -> bool:
    """Whether the instance has finished sending; a broken pipe at a write means that too.

    A reset without an end before it has another error.
    """
    return end is None or isinstance(end, BrokenPipeError)
