"""A port that forwards bytes to another one; a test can change the target or remove TLS on the way."""

import asyncio
import contextlib
import ssl
from typing import Self

from discovery.base.tasks import end


class Forwarder:
    """Forwards each connection to `target`, a port of this machine."""

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        self.target = target
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    async def cut(self) -> None:
        """End all current connections."""
        for task in list(self._passing):
            await end(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            with contextlib.suppress(OSError):
                there = await asyncio.open_connection("127.0.0.1", self.target)
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pass_on(reader, there[1]))
                    both.create_task(_pass_on(there[0], writer))
        except* OSError:
            pass
        finally:
            self._passing.discard(task)
            writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self.cut()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            if writer.is_closing():
                return
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
