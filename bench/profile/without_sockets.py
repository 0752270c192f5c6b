"""Connections without sockets: an instance that answers at once, and clients that ask again and again."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

import uvloop

from bench.answers import answer

_TAIL_BYTES = 16


class Connection(asyncio.Transport):
    """A connection without a socket of its own, which takes everything that is written."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket | None = None) -> None:
        super().__init__(
            {"socket": sock, "peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 8080)}
        )
        self._loop = loop
        self._is_closing = False

    def is_closing(self) -> bool:
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self._is_closing = True

    abort = close


class ToInstance(Connection):
    """The gateway's end of a connection to an instance that answers as the origins do."""

    protocol: asyncio.BufferedProtocol
    _asked = b""
    _is_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._asked += bytes(data)
        head, end, body = self._asked.partition(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
        if end and len(body) >= int(length or 0):
            self._asked = b""
            path = head.split(b" ", 2)[1].partition(b"?")[0]
            self._left = deque([memoryview(answer(path))])
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        if self._is_paused or not self._left:
            return
        data = self._left.popleft()
        buffer = self.protocol.get_buffer(-1)
        size = min(len(buffer), len(data))  # type: ignore[arg-type]
        buffer[:size] = data[:size]  # type: ignore[index]
        if size < len(data):
            self._left.append(data[size:])
            self._loop.call_soon(self._send)
        self.protocol.buffer_updated(size)

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self._loop.call_soon(self._send)


class ToClient(Connection):
    """The gateway's end of a connection of a client, which asks again once it has its answer.

    `ask` returns the next request, or None if there is none; an answer is whole when it ends with `end`.
    """

    protocol: asyncio.Protocol

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ask: Callable[[], bytes | None], end: bytes
    ) -> None:
        super().__init__(loop)
        self._ask = ask
        self._end = end
        self._tail = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._tail = self._tail[-_TAIL_BYTES:] + bytes(data[-_TAIL_BYTES:])
        if self._tail.endswith(self._end):
            self._tail = b""
            # No client asks before the gateway has done with its last request.
            self._loop.call_soon(self._loop.call_soon, self.begin)

    def begin(self) -> None:
        data = self._ask()
        if data is not None:
            self.protocol.data_received(data)


class OwnLoop(uvloop.Loop):
    """Gives the gateway's connections to the instance another transport; it connects its socket itself."""

    origin: tuple[str, int]

    async def create_connection(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:
        sock = options.get("sock")
        if sock is None or sock.getpeername() != self.origin:
            return await super().create_connection(protocol_factory, *args, **options)
        transport, protocol = ToInstance(self, sock), protocol_factory()
        transport.protocol = protocol
        protocol.connection_made(transport)
        return transport, protocol
