"""A small server on one of several workers' listening sockets: it answers a byte with its slot.

`python -m bench.listening.worker --slot N --slots N (--fd N | --port N) [--accept WAY] [--busy]`
"""

import argparse
import asyncio
import mmap
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import uvloop

BACKLOG = 1024
#: A busy worker does nothing else for so long, again and again.
BUSY_S = 0.05
BUSY_EACH_S = 0.1
ENDS_WITHIN_S = 2.0
#: A worker with more connections than another one leaves what waits to the others for so long.
PAUSE_S = 0.001
#: This many more connections than the worker with the fewest are fine.
SLACK = 1
#: The most that a worker takes after a pause.
AFTER_PAUSE = 4
_COUNT = struct.Struct("q")
WORD = _COUNT.size


class Counts:
    """The number of connections of each worker, in memory that all of them share."""

    def __init__(self, fd: int, slots: int, slot: int) -> None:
        self._memory = mmap.mmap(fd, slots * WORD)
        self._others = [other * WORD for other in range(slots) if other != slot]
        self._own = slot * WORD

    def set(self, connections: int) -> None:
        _COUNT.pack_into(self._memory, self._own, connections)

    def least_elsewhere(self) -> int:
        return min(
            (_COUNT.unpack_from(self._memory, at)[0] for at in self._others), default=sys.maxsize
        )


class Client(asyncio.Protocol):
    """A connection that is told the slot for each byte."""

    def __init__(self, slot: int, connections: set[asyncio.Transport], changed: Callable[[], None]):
        self._slot = b"%d" % slot
        self._connections = connections
        self._changed = changed
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self._transport)
        self._changed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._transport)
        self._changed()

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._slot)


class Accepting:
    """Takes one connection per wake-up; with counts it leaves them to workers that have fewer."""

    def __init__(
        self, sock: socket.socket, factory: Callable[[], Client], counts: Counts | None
    ) -> None:
        self._sock = sock
        self._factory = factory
        self._counts = counts
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[object]] = set()
        self.connections = 0
        self._loop.add_reader(sock.fileno(), self._readable)

    def changed(self, connections: int) -> None:
        self.connections = connections
        if self._counts is not None:
            self._counts.set(connections)

    def close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        if self._counts is not None:
            self._counts.set(sys.maxsize)

    async def begun(self) -> None:
        """Return when each connection that was taken has its protocol."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _readable(self) -> None:
        counts = self._counts
        if counts is not None and self.connections > counts.least_elsewhere() + SLACK:
            self._loop.remove_reader(self._sock.fileno())
            self._pause = self._loop.call_later(PAUSE_S, self._go_on)
        else:
            self._take()

    def _go_on(self) -> None:
        """Take what is still there: whoever has fewer connections does not take them."""
        self._pause = None
        for _ in range(AFTER_PAUSE):
            if not self._take():
                break
        self._loop.add_reader(self._sock.fileno(), self._readable)

    def _take(self) -> bool:
        try:
            came, _ = self._sock.accept()
        except OSError:  # another worker was first
            return False
        came.setblocking(False)
        task = asyncio.ensure_future(self._loop.connect_accepted_socket(self._factory, came))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return True


async def serve(args: argparse.Namespace) -> None:
    loop, stop, idle = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    sock = _own(args.port) if args.port else socket.socket(fileno=args.fd)
    sock.setblocking(False)
    connections: set[asyncio.Transport] = set()
    accepting: Accepting | None = None
    counts = Counts(args.counts, args.slots, args.slot) if args.accept == "counted" else None

    def changed() -> None:
        if stop.is_set() and not connections:
            idle.set()
        if accepting is not None:
            accepting.changed(len(connections))

    def factory() -> Client:
        return Client(args.slot, connections, changed)

    server = None
    if args.accept == "all":
        server = await loop.create_server(factory, sock=sock, backlog=BACKLOG)
    else:
        sock.listen(BACKLOG)
        accepting = Accepting(sock, factory, counts)
        accepting.changed(0)

    def be_busy() -> None:
        time.sleep(BUSY_S)
        loop.call_later(BUSY_EACH_S - BUSY_S, be_busy)

    if args.busy:
        be_busy()
    os.write(sys.stdout.fileno(), b"ready\n")
    await stop.wait()
    if server is not None:
        server.close()
    if accepting is not None:
        accepting.close()
        await accepting.begun()
    if connections:
        with suppress(TimeoutError):
            await asyncio.wait_for(idle.wait(), ENDS_WITHIN_S)


def _own(port: int) -> socket.socket:
    """A socket of this worker alone."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--slot", type=int, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--fd", type=int, default=-1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--counts", type=int, default=-1)
    parser.add_argument("--accept", choices=("all", "one", "counted"), default="all")
    parser.add_argument("--busy", action="store_true")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
