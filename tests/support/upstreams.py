"""An upstream made of bytes: it records what it gets, and answers exactly what the test says."""

import asyncio
import contextlib
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support import transports
from tests.support.heads import Head

Script = Callable[["Received", asyncio.StreamWriter], Awaitable[None]]
#: A script for a server that keeps its connections.
Dialogue = Callable[["Received", "ServedConnection"], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(slots=True)
class Received(Head):
    """One request as it came over the wire."""

    head: bytes
    body: bytes = b""
    reader: asyncio.StreamReader = field(repr=False, default_factory=asyncio.StreamReader)

    @property
    def request_line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    @property
    def target(self) -> bytes:
        return self.request_line.split(b" ")[1]


class Upstream(ABC):
    """A server on this machine with a task for each connection; `stop` ends all of them."""

    def __init__(self) -> None:
        self.port = 0
        self._tls: ssl.SSLContext | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._server = await asyncio.start_server(
            self._accept, host, port, limit=2**20, ssl=self._tls, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection from its first byte to its last."""

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the gateway broke off, which the test may judge
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await writer.wait_closed()


class ScriptedUpstream(Upstream):
    """A server on a free port. Health probes (`/health`) get 200 and are not recorded.

    `answer` is the bytes of the answer to every other request, after which the connection is closed,
    or a coroutine function that gets the request and the writer and does anything. With
    `read_body=False` the script reads the request's body itself, from `received.reader`.
    """

    def __init__(self, answer: bytes | Script, *, read_body: bool, healthy: bool) -> None:
        super().__init__()
        self.requests: list[Received] = []
        self.healthy = healthy
        self.probes = 0
        self.open_connections = 0
        self._answer = answer
        self._read_body = read_body

    @classmethod
    async def start(
        cls,
        answer: bytes | Script = OK,
        *,
        read_body: bool = True,
        healthy: bool = True,
        port: int = 0,
    ) -> "ScriptedUpstream":
        upstream = cls(answer, read_body=read_body, healthy=healthy)
        await upstream.listen(port)
        return upstream

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        try:
            await self._exchange(reader, writer)
        finally:
            self.open_connections -= 1

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        received = Received(head, reader=reader)
        if received.target.startswith(b"/health"):
            self.probes += 1
            status = b"200 OK" if self.healthy else b"503 Service Unavailable"
            writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)
            return
        self.requests.append(received)
        if self._read_body:
            received.body = await read_body(received)
        if isinstance(self._answer, bytes):
            writer.write(self._answer)
            await writer.drain()
        else:
            await self._answer(received, writer)


async def read_body(received: Received) -> bytes:
    """The whole body of a request, with its chunks joined."""
    reader = received.reader
    if received.values(b"transfer-encoding"):
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return body
    lengths = received.values(b"content-length")
    return await reader.readexactly(int(lengths[0])) if lengths else b""


class ServedConnection:
    """One connection to a KeepAliveUpstream, which can be ended at any moment by a FIN or a reset."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.requests: list[Received] = []
        #: Set when either side has closed the connection.
        self.ended = asyncio.Event()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ended_by_peer(self) -> None:
        """Read until the other side ends the connection, and end it here too."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(2**16):
                pass
        self.writer.close()

    def finish(self) -> None:
        """Send a FIN now; whatever comes afterwards gets a reset."""
        transports.finish(self.writer)

    def reset(self) -> None:
        """Send a reset."""
        transports.reset(self.writer)


class KeepAliveUpstream(Upstream):
    """A server that keeps its connections for several exchanges, until one side ends them.

    `dialogue` is the bytes of every answer, or a coroutine function that is called for each request and
    sends anything. Health probes (`/health`) get 200, and their connections are not recorded.
    """

    def __init__(self, dialogue: bytes | Dialogue, *, read_body: bool) -> None:
        super().__init__()
        #: The connections that carried a request, in the order of their first one.
        self.connections: list[ServedConnection] = []
        self._dialogue = dialogue
        self._read_body = read_body

    @classmethod
    async def start(
        cls,
        dialogue: bytes | Dialogue = OK,
        *,
        read_body: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> "KeepAliveUpstream":
        """Start the server; with `tls` it is an https instance."""
        upstream = cls(dialogue, read_body=read_body)
        upstream._tls = tls
        await upstream.listen()
        return upstream

    @property
    def requests(self) -> list[Received]:
        """All requests, connection by connection."""
        return [request for connection in self.connections for request in connection.requests]

    @property
    def open_connections(self) -> int:
        return sum(not connection.ended.is_set() for connection in self.connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ServedConnection(reader, writer)
        try:
            while await self._exchange(connection):
                pass
        finally:
            connection.ended.set()

    async def _exchange(self, connection: ServedConnection) -> bool:
        """Serve one request by the dialogue; False if no other will follow."""
        received = Received(
            await connection.reader.readuntil(b"\r\n\r\n"), reader=connection.reader
        )
        if received.target == b"/health":
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return False
        if not connection.requests:
            self.connections.append(connection)
        connection.requests.append(received)
        if self._read_body:
            received.body = await read_body(received)
        if isinstance(self._dialogue, bytes):
            await connection.send(self._dialogue)
        else:
            await self._dialogue(received, connection)
        return not connection.writer.is_closing()
