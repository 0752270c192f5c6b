"""The two ends of a tunnel: each reads one connection, and writes what comes to the other's socket at once."""

import asyncio
from os import write
from typing import cast

from gateway.upstream.reading import Reader


class TunnelEnd(asyncio.BaseProtocol):
    """Takes the place of a connection's protocol, to which everything but the bytes is still told.

    It writes to the other socket itself while nothing waits in the other transport, which saves the event
    loop's own steps. What the kernel does not take goes through the transport, as does everything over TLS.
    """

    __slots__ = ("_behind", "_direct_fd", "_open_fd", "_receiver", "other", "size")

    def __init__(self, own: asyncio.Transport, receiver: asyncio.Transport) -> None:
        super().__init__()
        #: Bytes that have come.
        self.size = 0
        #: Set once there are both.
        self.other: TunnelEnd | None = None
        self._behind: asyncio.BaseProtocol | None = own.get_protocol()
        self._receiver = receiver
        sock = receiver.get_extra_info("socket")
        is_tls = receiver.get_extra_info("ssl_object") is not None
        self._open_fd = -1 if sock is None or is_tls else sock.fileno()
        #: The descriptor to write to; -1 while it must go through the transport.
        self._direct_fd = -1 if receiver.get_write_buffer_size() else self._open_fd

    def data_received(self, data: bytes | memoryview) -> None:
        """Send data, or drop it if the other connection is closed; only copies of a memoryview are kept."""
        size = len(data)
        self.size += size
        if self._direct_fd >= 0:
            try:
                sent = write(self._direct_fd, data)
            except OSError:
                sent = 0  # the transport meets it too, unless there was only no room
            if sent == size:
                return
            data = data[sent:]
        receiver = self._receiver
        if receiver.is_closing():
            self._direct_fd = -1
            return
        receiver.write(bytes(data))
        self._direct_fd = -1 if receiver.get_write_buffer_size() else self._open_fd

    def write_no_more(self) -> None:
        """Leave the other end's descriptor alone: it may be another connection's soon."""
        self._direct_fd = self._open_fd = -1

    # asyncio.BaseProtocol, and what both kinds of protocols have beside it

    def pause_writing(self) -> None:
        if self._behind is not None:
            self._behind.pause_writing()

    def resume_writing(self) -> None:
        if self._behind is not None:
            self._behind.resume_writing()

    def eof_received(self) -> bool | None:
        behind = cast("asyncio.Protocol | None", self._behind)
        return behind.eof_received() if behind is not None else False

    def connection_lost(self, exc: Exception | None) -> None:
        behind, other, self._behind, self.other = self._behind, self.other, None, None
        if other is not None:
            other.write_no_more()
        if behind is not None:
            behind.connection_lost(exc)


class ClientEnd(TunnelEnd, asyncio.Protocol):
    """Reads what a client sends."""

    __slots__ = ()


class InstanceEnd(TunnelEnd, Reader):
    """Reads what an instance sends: into the shared buffer, so that a slow client holds little of it."""
