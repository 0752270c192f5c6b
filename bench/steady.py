"""Requests at a constant rate, whatever happens to them: load on a gateway that is measured."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.connection import Connection, Ended
from discovery.base.tasks import end


class Steady:
    """GETs of one path; `failed` counts answers other than 200, and missing ones.

    `took_s` are the times from a request to its answer, that of opening a connection included.
    """

    def __init__(self, port: int, path: str, per_s: float) -> None:
        self.sent = 0
        self.failed = 0
        self.took_s: list[float] = []
        self._port = port
        self._path = path
        self._per_s = per_s
        self._idle: deque[Connection] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send requests while the block runs, and wait for the last answers."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            await end(task)
            await asyncio.gather(*self._under_way)
            for connection in self._idle:
                await connection.end()

    async def _run(self) -> None:
        began_s = time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(began_s + number / self._per_s - time.monotonic())
            task = asyncio.create_task(self._ask())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _ask(self) -> None:
        self.sent += 1
        began_s = time.monotonic()
        try:
            connection = self._idle.pop() if self._idle else await Connection.open(self._port)
            status, _, reusable = await connection.exchange("GET", self._path)
        except (Ended, OSError):
            self.failed += 1
            return
        self.took_s.append(time.monotonic() - began_s)
        self.failed += status != 200
        if reusable:
            self._idle.append(connection)
        else:
            connection.close()
