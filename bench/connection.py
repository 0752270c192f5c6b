"""One kept connection to a gateway, as cheap as a client in Python can be."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Self


class Ended(Exception):
    """The connection ended before the answer was whole."""


class Answer(NamedTuple):
    """`head` is in lower case."""

    status: int
    head: bytes
    body: bytes
    may_be_used_again: bool


@dataclass(slots=True)
class Connection:
    """Sends one request at a time; the answers must have a Content-Length."""

    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    own_port: int = 0

    @classmethod
    async def open(cls, port: int) -> Self:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return cls(port, reader, writer, writer.get_extra_info("sockname")[1])

    async def exchange(
        self, method: str, path: str, body: bytes = b"", fields: str = ""
    ) -> tuple[int, bytes, bool]:
        """(status, body, whether the connection may be used again). Raises Ended."""
        answer = await self.ask(method, path, body, fields)
        return answer.status, answer.body, answer.may_be_used_again

    async def ask(self, method: str, path: str, body: bytes = b"", fields: str = "") -> Answer:
        """The whole answer. Raises Ended."""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: h\r\n{fields}{length}\r\n"
        self.writer.write(head.encode() + body)
        try:
            answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            named = answer.partition(b"content-length:")[2]
            came = await self.reader.readexactly(int(named.partition(b"\r\n")[0] or 0))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
            raise Ended(str(error)) from error
        return Answer(
            int(answer.split(b" ", 2)[1]), answer, came, b"connection: close" not in answer
        )

    def close(self) -> None:
        self.writer.transport.abort()

    async def end(self) -> None:
        """Close it, and wait until it is closed."""
        self.close()
        with suppress(OSError):
            await self.writer.wait_closed()
