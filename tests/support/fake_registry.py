"""A registry server that answers as a test says, byte by byte if it likes."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Self

import hiredis

Command = Sequence[bytes]


class FakeConnection(asyncio.Protocol):
    """The server's side of one connection."""

    transport: asyncio.Transport

    def __init__(self, server: "FakeRegistry") -> None:
        self._server = server
        self._reader = hiredis.Reader()

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._server.connections.append(self)
        self._server.opened += 1
        self._server.greet(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.remove(self)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while not self.transport.is_closing() and (command := self._reader.gets()):
            if command[0] == b"CLIENT":  # each connection introduces itself
                self.write(b"+OK\r\n")
            elif command[0] == b"HELLO":
                self.write(b"%1\r\n$5\r\nproto\r\n:3\r\n")
            else:
                self._server.commands.append(command)
                self._server.answer(command, self)


class FakeRegistry:
    """Listens on a free port; `answer` is called with each command and its connection.

    `greet` is called with each new connection.
    """

    def __init__(self, answer: Callable[[Command, FakeConnection], Any]) -> None:
        self.answer = answer
        self.greet: Callable[[FakeConnection], Any] = lambda _: None
        self.commands: list[Command] = []
        self.connections: list[FakeConnection] = []
        self.opened = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: FakeConnection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections):
            connection.transport.abort()
