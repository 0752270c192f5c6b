"""All workers read everything at once, as after a failover or a restart of the registry."""

import asyncio
import random
import socket
import time
from dataclasses import dataclass

from bench.carries.frames import packed
from bench.carries.server import Server
from bench.carries.wire import talkers
from bench.report import quantile
from discovery import AsyncServiceRegistry, RegistrySettings
from discovery.base.tasks import end
from discovery.model.errors import RegistryUnavailable
from discovery.store import scripts
from discovery.store.keys import registry_keys
from discovery.view.watcher import RETRY_FIRST_S, RETRY_MOST_S, SNAPSHOT_TIMEOUT_S

NAMESPACE = "returning"
#: Four tries of everyone, after the time over which they are spread.
GIVEN_UP_AFTER_S = 22.0
HEARTBEAT_EACH_S = 0.05
_BUFFER_BYTES = 1 << 20
#: Times and counts in a snapshot may become a few digits shorter.
_SHORTER = 100


@dataclass(frozen=True, slots=True)
class Returned:
    """When half of and all workers had a view again, in seconds, and what others met meanwhile.

    None: not in the time that it was given.
    """

    half_s: float | None
    all_s: float | None
    #: Snapshots that were given up after SNAPSHOT_TIMEOUT_S; the registry makes them all the same.
    given_up: int
    heartbeats: int
    lost: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The command that reads everything, and how long its answer is."""

    frame: bytes
    size: int


class _Follower:
    """Reads a snapshot as a watcher does, with its time limit and its pauses, but decodes nothing."""

    def __init__(self, port: int, reading: Reading, spread_s: float) -> None:
        self._port = port
        self._spread_s = spread_s
        self._reading = reading
        self.given_up = 0

    async def read(self) -> None:
        wait_s = RETRY_FIRST_S
        while True:
            await asyncio.sleep(random.uniform(0, self._spread_s))
            try:
                async with asyncio.timeout(SNAPSHOT_TIMEOUT_S):
                    return await self._read()
            except (TimeoutError, OSError):
                self.given_up += 1
            await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))
            wait_s = min(RETRY_MOST_S, wait_s * 2)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        buffer = bytearray(_BUFFER_BYTES)
        with socket.socket() as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", self._port))
            await loop.sock_sendall(sock, self._reading.frame)
            left = self._reading.size - _SHORTER
            while left > 0:
                got = await loop.sock_recv_into(sock, buffer)
                if not got:
                    raise ConnectionError
                left -= got


def reading(server: Server) -> Reading:
    """The command of watchers; the server must have nothing else to do."""
    keys = registry_keys(NAMESPACE)
    command = scripts.snapshot()
    source = scripts.script_source(command.script)
    frame = packed("EVAL", source, len(keys), *keys, *command.args)
    before = server.used().bytes_out
    with talkers(server.port, 1) as (one,):
        one.ask(frame)
    size = server.used().bytes_out - before
    # The answer to INFO was counted too.
    return Reading(frame, size - _info_bytes(server))


async def all_return(
    server: Server, reading: Reading, workers: int, spread_s: float = 0.0
) -> Returned:
    """Let so many workers read everything that is registered, spread over this time."""
    followers = [_Follower(server.port, reading, spread_s) for _ in range(workers)]
    begun_s = time.perf_counter()
    back_s: list[float] = []

    async def follow(one: _Follower) -> None:
        await one.read()
        back_s.append(time.perf_counter() - begun_s)

    service = _Service(server)
    beating = asyncio.create_task(service.beat())
    readers = [asyncio.create_task(follow(one)) for one in followers]
    _, late = await asyncio.wait(readers, timeout=spread_s + GIVEN_UP_AFTER_S)
    await end(*late) if late else None
    await end(beating)
    return Returned(
        quantile(back_s, 0.5) if len(back_s) > workers / 2 else None,
        None if late else max(back_s),
        sum(one.given_up for one in followers),
        service.sent,
        service.lost,
    )


def _info_bytes(server: Server) -> int:
    before = server.used().bytes_out
    return server.used().bytes_out - before


class _Service:
    """Sends heartbeats at short intervals, by the client of services, with its time limit."""

    def __init__(self, server: Server) -> None:
        self._settings = RegistrySettings(server.url, namespace=NAMESPACE)
        self.sent = self.lost = 0

    async def beat(self) -> None:
        async with AsyncServiceRegistry(settings=self._settings) as registry:
            while True:
                self.sent += 1
                try:
                    await registry.call(scripts.heartbeat("crowd0_service/crowd-0"))
                except RegistryUnavailable:
                    self.lost += 1
                await asyncio.sleep(HEARTBEAT_EACH_S)
