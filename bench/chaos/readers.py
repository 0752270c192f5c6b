"""Clients that read pages again and again, each on its own connection, and what each answer came from."""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from bench.connection import Answer, Connection, Ended
from bench.processes import StartError
from discovery.base.tasks import end

#: A client asks for a page this often, whatever became of the one before.
EACH_S = 2.0
PATIENCE_S = 5.0
KEPT_WITHIN_S, HEARS_WITHIN_S = 20.0, 1.0
_TTL = re.compile(rb"; ttl=(-?[0-9]+)")

#: From where an answer came: what was kept, fresh or stale, or the service.
Source = Literal["fresh", "stale", "fetched"]


@dataclass(slots=True)
class Read:
    """One page that a client asked for; times are monotonic seconds, `failure` None is a right answer."""

    page: str
    sent_s: float
    ended_s: float = 0.0
    failure: str | None = None
    source: Source = "fetched"


class Readers:
    """So many clients at one gateway, each asking for one of `pages` at random every EACH_S."""

    def __init__(self, port: int, *, path: str, clients: int, pages: int, seed: int) -> None:
        self.reads: list[Read] = []
        self._port = port
        self._path = path
        self._clients = clients
        self._pages = [f"page-{number}" for number in range(pages)]
        self._rng = random.Random(seed)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read while the block runs."""
        tasks = [
            asyncio.create_task(self._read_on(number / self._clients * EACH_S))
            for number in range(self._clients)
        ]
        try:
            yield
        finally:
            for task in tasks:
                await end(task)

    async def read_all(self, *, until_kept: bool) -> None:
        """Read each page once, or until all are kept; it is not counted. Raises Ended, OSError, StartError.

        A gateway that has just started drops what it has kept before it heard of purges.
        """
        until_s = time.monotonic() + KEPT_WITHIN_S
        connection = await Connection.open(self._port)
        try:
            while await self._missing(connection) and until_kept:
                if time.monotonic() > until_s:
                    raise StartError("the gateway does not keep all pages")
                await asyncio.sleep(HEARS_WITHIN_S)
        finally:
            connection.close()

    async def _missing(self, connection: Connection) -> int:
        """Read each page; return how many were not kept."""
        heads = [(await self._asked(connection, page)).head for page in self._pages]
        return sum(b"fwd=uri-miss" in head for head in heads)

    async def _asked(self, connection: Connection, page: str) -> Answer:
        return await connection.ask("GET", f"{self._path}/{page}")

    async def _read_on(self, after_s: float) -> None:
        at_s = time.monotonic() + after_s
        connection: Connection | None = None
        try:
            while True:
                await asyncio.sleep(at_s - time.monotonic())
                read = Read(self._rng.choice(self._pages), time.monotonic())
                connection = await self._read(read, connection)
                read.ended_s = time.monotonic()
                self.reads.append(read)
                at_s = max(at_s + EACH_S, read.ended_s)
        finally:
            if connection is not None:
                connection.close()

    async def _read(self, read: Read, connection: Connection | None) -> Connection | None:
        """Ask for a page; return the connection if it can be used again."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                connection = connection or await Connection.open(self._port)
                answer = await self._asked(connection, read.page)
        except TimeoutError:
            read.failure = f"no answer in {PATIENCE_S:g} s"
        except (Ended, OSError):
            read.failure = "connection ended"
        else:
            if answer.status != 200:
                read.failure = f"status {answer.status}"
            elif answer.body != read.page.encode():
                read.failure = "an answer to something else"
            read.source = source_of(answer.head)
            if answer.may_be_used_again:
                return connection
        if connection is not None:
            with suppress(OSError):
                connection.close()
        return None


def source_of(head: bytes) -> Source:
    """From where the answer with this head came, by its Cache-Status; `head` is in lower case."""
    said = head.partition(b"\r\ncache-status: ")[2].partition(b"\r\n")[0]
    if b"detail=stale-if-error" in said:
        return "stale"
    if b"; hit" not in said:
        return "fetched"
    ttl = _TTL.search(said)
    return "stale" if ttl is not None and int(ttl[1]) < 0 else "fresh"
