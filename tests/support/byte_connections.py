"""An UpstreamConnection without a network: the test gives it bytes and checks the result."""

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.messages import RequestHead
from middlewares.routing.policy import Deadlines

T = TypeVar("T")

#: The deadlines for tests that are not about time.
ANY = Deadlines()


class ByteTransport(asyncio.Transport):
    """Only records what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self._reading = True
        self.aborted = False
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def get_protocol(self) -> asyncio.BaseProtocol:
        return asyncio.BaseProtocol()

    def is_closing(self) -> bool:
        return self.aborted

    def is_reading(self) -> bool:
        return self._reading

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever unsent."""

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True


class ByteConnection:
    """A connection, its transport, and one end of a socket pair in place of the kernel's side."""

    def __init__(self) -> None:
        self.sock, self.peer = socket.socketpair()
        self.sock.setblocking(False)  # as with a loop
        self.transport = ByteTransport()
        self.connection = UpstreamConnection(self.sock, 64 * 1024)
        self.connection.connection_made(self.transport)

    def ask(
        self, method: str = "GET", *, upgrades: bool = False, deadlines: Deadlines = ANY
    ) -> UpstreamConnection:
        data = b"%b / HTTP/1.1\r\n\r\n" % method.encode()
        head = RequestHead(method, data, upgrades=upgrades)
        self.connection.request(head, deadlines=deadlines)
        return self.connection

    def close(self) -> None:
        self.sock.close()
        self.peer.close()


def at_once(work: Coroutine[Any, Any, T]) -> T | None:
    """The result of a coroutine that does not wait; None if it would wait."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    work.close()
    return None
