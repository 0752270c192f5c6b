"""Requests at a constant rate, whatever happens to them: an open loop, as in real life.

A client here behaves as a good client does. It keeps connections, goes to another gateway when one
refuses a connection, and repeats a GET there when a connection ended under it. Any other error is a
failure.
"""

import asyncio
import itertools
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bench.connection import Connection, Ended
from discovery.base.tasks import end

#: A SYN that finds the listener's queue full is sent again after a second, which loses nothing.
CONNECT_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Drop:
    """A gateway refused a connection, or ended one without an answer; times are monotonic seconds."""

    port: int
    began_s: float
    ended_s: float


@dataclass(slots=True)
class Request:
    """One request and its fate; times are monotonic seconds, `failure` is None if it was answered."""

    method: str
    word: str
    sent_s: float
    ended_s: float = 0.0
    failure: str | None = None
    #: Drops before the end; another gateway may still have answered.
    drops: list[Drop] = field(default_factory=list)
    #: The client's port of the connection that it was sent on last.
    client_port: int = 0


class _Unreachable(Exception):
    """No gateway takes a connection."""


class Load:
    """Requests through the `ports` that there are at the time; every second one is a POST."""

    def __init__(
        self,
        ports: Callable[[], Sequence[int]],
        *,
        path: str,
        per_s: float,
        patience_s: float,
        seed: int,
    ) -> None:
        self._ports = ports
        self.requests: list[Request] = []
        self._path = path
        self._per_s = per_s
        self._patience_s = patience_s
        self._rng = random.Random(seed)
        self._idle: dict[int, deque[Connection]] = {}
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
            for connection in itertools.chain.from_iterable(self._idle.values()):
                await connection.end()

    async def _run(self) -> None:
        began_s = time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(began_s + number / self._per_s - time.monotonic())
            method = ("GET", "POST")[number % 2]
            request = Request(method, f"{method}-{number}", time.monotonic())
            self.requests.append(request)
            task = asyncio.create_task(self._ask(request))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _ask(self, request: Request) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                request.failure = await self._exchange(request)
        except TimeoutError:
            request.failure = f"no answer in {self._patience_s:g} s"
        except Ended:
            request.failure = "connection ended"
        except _Unreachable:
            request.failure = "no gateway takes connections"
        request.ended_s = time.monotonic()

    async def _exchange(self, request: Request) -> str | None:
        """The failure, or None. Raises Ended, _Unreachable."""
        there = self._ports()
        ports = self._rng.sample(there, len(there))
        try:
            return await self._attempt(request, ports)
        except Ended:
            if request.method == "POST" or len(ports) == 1:
                raise
            return await self._attempt(request, ports[1:])

    async def _attempt(self, request: Request, ports: Sequence[int]) -> str | None:
        connection = await self._connect(request, ports)
        reusable, began_s = False, time.monotonic()
        request.client_port = connection.own_port
        try:
            path = f"{self._path}/{request.word}"
            status, body, reusable = await connection.exchange(
                request.method, path, b"body" if request.method == "POST" else b""
            )
        except Ended:
            request.drops.append(Drop(connection.port, began_s, time.monotonic()))
            raise
        finally:
            if reusable:
                self._idle.setdefault(connection.port, deque()).append(connection)
            else:
                connection.close()
        if status != 200:
            return f"{status} {_reason(body)}".rstrip()
        return None if body == request.word.encode() else "an answer to something else"

    async def _connect(self, request: Request, ports: Sequence[int]) -> Connection:
        for port in ports:
            began_s = time.monotonic()
            idle = self._idle.get(port, deque())
            while idle:
                connection = idle.pop()
                if not connection.reader.at_eof():
                    return connection
                connection.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    return await Connection.open(port)
            request.drops.append(Drop(port, began_s, time.monotonic()))
        raise _Unreachable


def _reason(body: bytes) -> str:
    """The reason in the gateway's answer, if it is Lockgate's."""
    return body.partition(b'"reason":"')[2].partition(b'"')[0].decode()
