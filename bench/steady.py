"""Requests at a constant rate, whatever happens to them: load on a gateway that is measured."""

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.connection import Connection, Ended
from discovery.base.tasks import end

#: A gateway ends a connection that rests for long, perhaps just when it is used again.
KEPT_FOR_S = 30.0


class Steady:
    """GETs of one path over kept connections, none of which has rested for long.

    `failures` counts answers other than 200, and missing ones, by what happened.

    `took_s` are the times from a request to its answer, that of opening a connection included.
    """

    def __init__(self, port: int, path: str, per_s: float) -> None:
        self.sent = 0
        self.failures: Counter[str] = Counter()
        self.took_s: list[float] = []
        self._port = port
        self._path = path
        self._per_s = per_s
        #: Kept connections and since when they rest (monotonic s), the longest first.
        self._idle: deque[tuple[float, Connection]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def failed(self) -> int:
        """How many requests failed."""
        return self.failures.total()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send requests while the block runs, and wait for the last answers."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            await end(task)
            await asyncio.gather(*self._under_way)
            for _, connection in self._idle:
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
            connection = self._kept(began_s) or await Connection.open(self._port)
            status, _, reusable = await connection.exchange("GET", self._path)
        except (Ended, OSError) as error:
            self.failures[repr(error)] += 1
            return
        self.took_s.append(time.monotonic() - began_s)
        if status != 200:
            self.failures[str(status)] += 1
        if reusable:
            self._idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def _kept(self, now_s: float) -> Connection | None:
        """The connection that rested last; those that the gateway might just end are closed."""
        while self._idle and now_s - self._idle[0][0] >= KEPT_FOR_S:
            self._idle.popleft()[1].close()
        return self._idle.pop()[1] if self._idle else None
