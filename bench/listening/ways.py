"""The ways to give several workers one port, and workers that have it in one of them."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from bench.listening.worker import BACKLOG, WORD
from bench.processes import THIS_TREE, free_port

Socket = Literal["shared", "own", "of the slot"]
Accept = Literal["all", "one", "counted"]
STARTS_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Way:
    """`migrates`: with net.ipv4.tcp_migrate_req."""

    name: str
    title: str
    socket: Socket
    accept: Accept = "all"
    migrates: bool = False


WAYS = {
    way.name: way
    for way in (
        Way("shared", "one inherited socket", "shared"),
        Way("shared-one", "the same, one connection per wake-up", "shared", "one"),
        Way("shared-counted", "the same, and fewer connections go first", "shared", "counted"),
        Way("reuseport", "SO_REUSEPORT, a socket of each worker", "own"),
        Way("migrating", "the same with tcp_migrate_req", "own", migrates=True),
        Way("slots", "SO_REUSEPORT, sockets kept by the parent", "of the slot"),
        Way("slots-migrating", "the same with tcp_migrate_req", "of the slot", migrates=True),
    )
}


class Worker:
    """A running worker."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.send(number)
        await self.process.wait()


class Fleet:
    """A worker per slot, all at one port; use it as a context manager."""

    def __init__(self, way: Way, slots: int, *, busy: bool = False) -> None:
        self.way = way
        self.port = free_port()
        self.workers: list[Worker] = []
        self._slots = slots
        self._busy = busy
        self._sockets: list[socket.socket] = []
        self._counts = os.memfd_create("counts", 0)
        os.ftruncate(self._counts, slots * WORD)

    async def __aenter__(self) -> Self:
        if self.way.socket != "own":
            several = self.way.socket == "of the slot"
            for _ in range(self._slots if several else 1):
                sock = socket.socket()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if several:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                sock.bind(("127.0.0.1", self.port))
                sock.listen(BACKLOG)
                self._sockets.append(sock)
        for slot in range(self._slots):
            self.workers.append(await self.start(slot))
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.process.returncode is None:
                await worker.end(signal.SIGKILL)
        for sock in self._sockets:
            sock.close()
        os.close(self._counts)

    async def start(self, slot: int) -> Worker:
        """Start a worker in the slot, and return when it takes connections."""
        command = [sys.executable, "-m", "bench.listening.worker"]
        command += ["--slot", str(slot), "--slots", str(self._slots), "--accept", self.way.accept]
        inherited = [self._counts]
        if self.way.socket == "own":
            command += ["--port", str(self.port)]
        else:
            fd = self._sockets[slot % len(self._sockets)].fileno()
            inherited.append(fd)
            command += ["--fd", str(fd)]
        command += ["--counts", str(self._counts)]
        if self._busy:
            command.append("--busy")
        process = await asyncio.create_subprocess_exec(
            *command,
            pass_fds=inherited,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **THIS_TREE},
        )
        assert process.stdout is not None
        async with asyncio.timeout(STARTS_WITHIN_S):
            assert await process.stdout.readline() == b"ready\n"
        return Worker(process)

    async def roll(self, slot: int) -> None:
        """Replace the worker of a slot: the new one takes connections before the old one ends."""
        new = await self.start(slot)
        old, self.workers[slot] = self.workers[slot], new
        await old.end()

    def cpu_ns(self) -> int:
        """What all workers have used so far."""
        return sum(
            int(Path(f"/proc/{worker.pid}/schedstat").read_text("ascii").split()[0])
            for worker in self.workers
        )

    def waiting(self) -> int:
        """The connections that wait to be accepted, on the socket that has the most."""
        most = 0
        for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
            local, state, queues = (line.split()[i] for i in (1, 3, 4))
            if state == "0A" and int(local.partition(":")[2], 16) == self.port:
                most = max(most, int(queues.partition(":")[2], 16))
        return most
