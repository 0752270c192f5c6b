"""A client made of bytes: sends exactly what the test says, and keeps exactly what came back."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Self

from tests.support.heads import Head

#: Statuses of interim answers, which are followed by others.
INTERIM = frozenset([100, 102, 103])


@dataclass(frozen=True, slots=True)
class RawAnswer(Head):
    """A response as bytes; `complete` is False if the connection broke off in the body."""

    head: bytes
    body: bytes
    complete: bool

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])


class RawClient:
    """One connection to a server on 127.0.0.1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(
        cls,
        port: int,
        *,
        source: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
    ) -> "RawClient":
        """Connect to a port; `source` is the client's own address. With `tls` over TLS, to that server name."""
        return cls(
            *await asyncio.open_connection(
                "127.0.0.1",
                port,
                limit=2**20,
                local_addr=(source, 0),
                ssl=tls,
                server_hostname=server_name,
            )
        )

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, to_head: bool = False, within_s: float = 10.0) -> RawAnswer:
        """Read the next response; `to_head`: it answers a HEAD request, so it has no body."""
        async with asyncio.timeout(within_s):
            head = await self.reader.readuntil(b"\r\n\r\n")
            partial = RawAnswer(head, b"", complete=True)
            if to_head or partial.status in (204, 304) or partial.status < 200:
                return partial
            try:
                return RawAnswer(head, await self._body(partial), complete=True)
            except (asyncio.IncompleteReadError, ConnectionError) as broken:
                body = getattr(broken, "partial", b"")
                return RawAnswer(head, body, complete=False)

    async def closed(self, within_s: float = 5.0) -> bool:
        """Wait for the server to close; True if it sent nothing more."""
        async with asyncio.timeout(within_s):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def _body(self, answer: RawAnswer) -> bytes:
        if answer.values(b"transfer-encoding"):
            body = b""
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
            return body
        lengths = answer.values(b"content-length")
        return await (self.reader.readexactly(int(lengths[0])) if lengths else self.reader.read())


async def exchange(
    port: int,
    request: bytes,
    *,
    to_head: bool = False,
    source: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
) -> RawAnswer:
    """Send one request on a new connection; return its final answer."""
    client = await RawClient.connect(port, source=source, tls=tls, server_name=server_name)
    try:
        await client.send(request)
        while (answer := await client.answer(to_head=to_head)).status in INTERIM:
            pass
        return answer
    finally:
        await client.close()
