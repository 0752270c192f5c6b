"""A TCP proxy that delays answers: it imitates a registry that is up but of no use."""

import asyncio
import socket
from contextlib import suppress

from bench.processes import free_port
from discovery.base.tasks import end


class SlowProxy:
    """Passes bytes on to `target_port`; answers are held for `delay_s`, in order."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self.delay_s = 0.0
        #: How many answers were held back.
        self.held = 0
        self._target_port = target_port
        self._listener: socket.socket | None = None
        self._connections: dict[asyncio.Task[None], socket.socket] = {}
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._take)

    async def stop(self) -> None:
        """Close all connections, and accept no more."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        connections = dict(self._connections)
        await end(*connections)
        for writer in self._writers:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
        self._writers.clear()
        for taken in connections.values():  # the last one may not have been served at all
            taken.close()

    def _take(self) -> None:
        """Accept one; asyncio's own server, closed at the same moment, would leave it open for ever."""
        assert self._listener is not None
        try:
            taken, _ = self._listener.accept()
        except OSError:  # the client has left again
            return
        taken.setblocking(False)
        task = asyncio.create_task(self._serve(taken))
        self._connections[task] = taken
        task.add_done_callback(self._connections.pop)

    async def _serve(self, taken: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=taken)
        self._writers.append(writer)
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
                    self.held += self.delay_s > 0
                    free_at_s = max(free_at_s, loop.time() + self.delay_s)
                    loop.call_at(free_at_s, writer.write, data)
                else:
                    writer.write(data)
        loop.call_at(free_at_s, writer.close)
