"""Clients of tunnels and event streams, each open for a while, and what became of each."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from bench.chaos.lasting import ECHO, ECHOED, EVENTS, FRAME
from bench.connection import Connection, Ended
from discovery.base.tasks import end

Kind = Literal["tunnel", "stream"]
EACH_S = 0.5
#: How long one is open, before its client ends it.
LIVES_S = (4.0, 12.0)
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="


class LastingClients:
    """So many tunnels and so many streams at any time; each that ends is followed by a new one."""

    def __init__(
        self,
        ports: Callable[[], Sequence[int]],
        *,
        path: str,
        of_each: int,
        patience_s: float,
        seed: int,
    ) -> None:
        self._ports = ports
        self._path = path
        self._of_each = of_each
        self._patience_s = patience_s
        self._rng = random.Random(seed)
        #: How many were opened, how many messages and events came, and why others were cut.
        self.opened: Counter[Kind] = Counter()
        self.came = 0
        self.cut: list[str] = []
        #: The client's ports of those that were cut, in the same order.
        self.cut_ports: list[int] = []
        self._ending = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        kinds: tuple[Kind, Kind] = ("tunnel", "stream")
        tasks = [
            asyncio.create_task(self._keep_on(kind))
            for kind, _ in itertools.product(kinds, range(self._of_each))
        ]
        try:
            yield
        finally:
            self._ending.set()
            await asyncio.wait(tasks, timeout=self._patience_s)
            for task in tasks:
                await end(task)

    async def _keep_on(self, kind: Kind) -> None:
        while not self._ending.is_set():
            connection: Connection | None = None
            try:
                async with asyncio.timeout(self._patience_s):
                    connection = await Connection.open(self._rng.choice(self._ports()))
                    await self._begin(connection, kind)
                self.opened[kind] += 1
                await self._last(connection, kind)
            except (OSError, Ended, asyncio.IncompleteReadError, TimeoutError) as error:
                self.cut.append(f"{kind}: {type(error).__name__} {error}".rstrip())
                self.cut_ports.append(0 if connection is None else connection.own_port)
                await asyncio.sleep(EACH_S)
            finally:
                if connection is not None:
                    connection.close()

    async def _begin(self, connection: Connection, kind: Kind) -> None:
        word = (ECHO if kind == "tunnel" else EVENTS).decode()
        lines = [f"GET {self._path}/{word} HTTP/1.1", "Host: h"]
        if kind == "tunnel":
            lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY]
        connection.writer.write("\r\n".join((*lines, "", "")).encode())
        head = await connection.reader.readuntil(b"\r\n\r\n")
        wanted = b" 101 " if kind == "tunnel" else b" 200 "
        if wanted not in head.partition(b"\r\n")[0]:
            raise Ended(head.partition(b"\r\n")[0].decode("latin-1"))

    async def _last(self, connection: Connection, kind: Kind) -> None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._rng.uniform(*LIVES_S)
        while loop.time() < until_s and not self._ending.is_set():
            if kind == "tunnel":
                connection.writer.write(FRAME)
            async with asyncio.timeout(self._patience_s):
                if kind == "tunnel":
                    if await connection.reader.readexactly(len(ECHOED)) != ECHOED:
                        raise Ended("another echo than was sent")
                elif not await connection.reader.readuntil(b"\n\n"):
                    raise Ended("no event")
            self.came += 1
            if kind == "tunnel":
                await asyncio.sleep(EACH_S)
