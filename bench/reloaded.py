"""A gateway whose configuration file is written and reloaded, and the traffic that must not notice it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.connection import Connection
from bench.tunnels import KEY, MESSAGE, UPGRADE
from discovery.base.tasks import end

#: A client that is served at once asks as often as this.
HEALTH_EVERY_S = 0.001
#: What is awaited on a kept connection; a reload takes less.
SILENT_AFTER_S = 5.0


@dataclass(slots=True)
class Reloaded:
    """Writes the file and has it reloaded; `took_s` are the times from the call to its answer."""

    port: int
    file: Path
    token: str
    took_s: list[float] = field(default_factory=list)

    async def reload(self, text: str) -> None:
        """Put this text in force. Raises RuntimeError if it is refused."""
        await asyncio.to_thread(self._write, text)  # a slow disk would hold up the requests too
        connection = await Connection.open(self.port)
        began_s = time.monotonic()
        status, body, _ = await connection.exchange(
            "POST", "/config/reload", fields=f"Authorization: Bearer {self.token}\r\n"
        )
        self.took_s.append(time.monotonic() - began_s)
        await connection.end()
        if status != 200:
            raise RuntimeError(f"the reload answered {status}: {json.loads(body)}")

    def _write(self, text: str) -> None:
        other = self.file.with_suffix(".new")
        other.write_text(text)
        other.replace(self.file)


class Health:
    """Asks /health again and again; the slowest answer tells how long the loop was held."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.took_s: list[float] = []

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._ask())
        try:
            yield
        finally:
            await end(task)

    async def _ask(self) -> None:
        connection = await Connection.open(self._port)
        try:
            while True:
                began_s = time.perf_counter()
                await connection.exchange("GET", "/health")
                self.took_s.append(time.perf_counter() - began_s)
                await asyncio.sleep(HEALTH_EVERY_S)
        finally:
            connection.close()


class Kept:
    """WebSockets that echo, and event streams; `cut` of them ended, `silent` ones stopped."""

    def __init__(self, port: int, prefix: str, each: int) -> None:
        self._port = port
        self._prefix = prefix
        self._each = each
        self.messages = 0
        self.cut = 0
        self.silent = 0
        self._open = asyncio.Semaphore(0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep them while the block runs, which begins once all are open."""
        tasks = [
            asyncio.create_task(one())
            for one in (self._echoed, self._listened)
            for _ in range(self._each)
        ]
        try:
            async with asyncio.timeout(SILENT_AFTER_S):
                for _ in tasks:
                    await self._open.acquire()
            yield
        finally:
            for task in tasks:
                await end(task)

    async def _echoed(self) -> None:
        head = (f"GET {self._prefix}/echo HTTP/1.1", "Host: h", *UPGRADE, KEY, "", "")
        async with self._opened("\r\n".join(head), b"HTTP/1.1 101") as (reader, writer):
            while True:
                writer.write(MESSAGE)
                async with asyncio.timeout(SILENT_AFTER_S):
                    await reader.readexactly(len(MESSAGE))
                self.messages += 1
                await asyncio.sleep(0.05)

    async def _listened(self) -> None:
        head = f"GET {self._prefix}/events/50 HTTP/1.1\r\nHost: h\r\n\r\n"
        async with self._opened(head, b"HTTP/1.1 200") as (reader, _):
            while True:
                async with asyncio.timeout(SILENT_AFTER_S):
                    await reader.readuntil(b"data: ")
                self.messages += 1

    @asynccontextmanager
    async def _opened(
        self, head: str, status: bytes
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(head.encode())
        try:
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(status):
                raise RuntimeError(f"it did not open: {answer[:80]!r}")
            self._open.release()
            yield reader, writer
        except (asyncio.IncompleteReadError, ConnectionError):
            self.cut += 1
        except TimeoutError:
            self.silent += 1
        finally:
            writer.transport.abort()
