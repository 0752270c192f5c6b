"""A TCP proxy whose answers come late: a registry that is up, and of no use."""

import asyncio
from contextlib import suppress

from bench.processes import free_port
from discovery.tasks import end


class SlowProxy:
    """Passes bytes on to `target_port`; what comes back is held for `delay_s`, in order."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self.delay_s = 0.0
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """End all connections, and take no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await end(*self._connections)
        for writer in self._writers:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
        self._writers.clear()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # it was accepted just before the end
            writer.transport.abort()
            return
        self._writers.append(writer)
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._writers.append(there[1])
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, there[1], slow=False))
                both.create_task(self._pass_on(there[0], writer, slow=True))
            there[1].transport.abort()
        writer.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        free_at_s = 0.0
        with suppress(OSError):
            while data := await reader.read(65536):
                if slow:
                    free_at_s = max(free_at_s, loop.time() + self.delay_s)
                    loop.call_at(free_at_s, writer.write, data)
                else:
                    writer.write(data)
        loop.call_at(free_at_s, writer.close)
