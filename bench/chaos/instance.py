"""An instance of a service: a small HTTP server that registers, and records the POSTs that it gets.

It runs in its own process, forked from one that has imported everything. So a hundred of them start
in a moment, and each can be killed.
"""

import asyncio
import logging
import os
import random
import signal
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import httptools
import structlog

from bench.chaos.lasting import ECHO, EVENTS, Lasting
from discovery.announcing.announcement import Announcement
from discovery.model.instance import parse_registration
from discovery.model.settings import RegistrySettings

#: The time that a request takes; long enough that some are in flight whenever an instance is killed.
WORK_S = 0.005
#: The time from the drain to the end; after it, no idle connection of the gateway gets a request.
LINGER_S = 0.3
#: An instance that stops waits for its tunnels and streams, since their clients are not told.
LASTS_WITHIN_S = 30.0
CLOCK_STEP_S = 3600.0
#: The path at which an instance tells its time.
CLOCK = b"clock"
#: How an instance misbehaves from one SIGUSR2 to the next, while its /health is fine.
Fault = Literal["slow", "some fail", "all fail", "resets"]
SLOW_BY_S = 2.0
SOME = 0.3
#: An instance's file with a line for each request: when it came, in seconds, and whether it misbehaved.
ASKED_SUFFIX = ".asked"
_RESETS = struct.pack("ii", 1, 0)
#: An instance's file with a byte for each idle connection that it has closed.
HUNG_UP_SUFFIX = ".hung-up"


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """An instance's options; `closes_idle_after_s`: it hangs up at a random moment up to then."""

    name: str
    instance_id: str
    port: int
    registry: RegistrySettings
    log: Path
    closes_idle_after_s: float | None = None
    fault: Fault | None = None


def serve(spec: InstanceSpec) -> None:
    """Run until SIGTERM; SIGUSR1 sets the clock of this process back by an hour, SIGUSR2 is its fault."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(_serve(spec))


def step_the_clock() -> None:
    """Step the clock back, as a bad time server does."""
    right = time.time
    time.time = lambda: right() - CLOCK_STEP_S


async def _serve(spec: InstanceSpec) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, step_the_clock)
    record = os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    hang_ups = os.open(spec.log.with_suffix(HUNG_UP_SUFFIX), os.O_WRONLY | os.O_CREAT, 0o644)
    connections: set[asyncio.BaseTransport] = set()
    lasting: set[Lasting] = set()
    misbehaviour = None if spec.fault is None else Misbehaviour(spec.fault, spec.log)
    if misbehaviour is not None:
        loop.add_signal_handler(signal.SIGUSR2, misbehaviour.turn)
    server = await loop.create_server(
        lambda: Connection(
            record, hang_ups, spec.closes_idle_after_s, connections, misbehaviour, lasting
        ),
        "127.0.0.1",
        spec.port,
        backlog=1024,
    )
    body = {"host": "127.0.0.1", "port": spec.port, "health_check_url": "/health"}
    instance = parse_registration(
        spec.name, spec.instance_id, body, default_ttl_s=spec.registry.instance_ttl_s
    )
    announcement = Announcement(instance, spec.registry)
    announcement.start()
    await stop.wait()
    await announcement.drain()
    await asyncio.sleep(LINGER_S)
    await _until_none_last(lasting)
    server.close()
    for connection in list(connections):
        connection.close()
    await announcement.withdraw()


async def _until_none_last(lasting: set[Lasting]) -> None:
    until_s = time.monotonic() + LASTS_WITHIN_S
    while lasting and time.monotonic() < until_s:  # noqa: ASYNC110 - it ends soon, and one by one
        await asyncio.sleep(0.05)


class Misbehaviour:
    """What is wrong with an instance, while it is on."""

    def __init__(self, fault: Fault, log: Path) -> None:
        self._fault: Fault = fault
        self._on = False
        self._asked = os.open(log.with_suffix(ASKED_SUFFIX), os.O_WRONLY | os.O_CREAT, 0o644)

    def turn(self) -> None:
        """Begin, or end."""
        self._on = not self._on

    def now(self) -> Fault | None:
        """How the request misbehaves that comes at this moment."""
        wrong = self._on and (self._fault != "some fail" or random.random() < SOME)
        os.write(self._asked, b"%d %d\n" % (time.monotonic(), wrong))
        return self._fault if wrong else None


class Connection(asyncio.Protocol):
    """Answers each request with its path's last segment; a POST is recorded first."""

    def __init__(
        self,
        record: int,
        hang_ups: int,
        closes_idle_after_s: float | None,
        connections: set[asyncio.BaseTransport],
        misbehaviour: Misbehaviour | None,
        lasting: set[Lasting],
    ) -> None:
        self._all_lasting = lasting
        self._lasting: Lasting | None = None
        self._key = b""
        self._misbehaviour = misbehaviour
        self._record = record
        self._hang_ups = hang_ups
        self._connections = connections
        self._closes_idle_after_s = closes_idle_after_s
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._idle: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._transport)
        if self._idle is not None:
            self._idle.cancel()
        if self._lasting is not None:
            self._lasting.end()
            self._all_lasting.discard(self._lasting)

    def data_received(self, data: bytes) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._lasting is not None:
            self._lasting.came(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError:
            self._transport.abort()

    def on_message_begin(self) -> None:
        self._path = b""

    def on_url(self, path: bytes) -> None:
        self._path += path

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"sec-websocket-key":
            self._key = value

    def on_message_complete(self) -> None:
        word = self._path.rpartition(b"/")[2]
        if word == b"health":
            self._answer(word)
            return
        if word == CLOCK:
            self._answer(b"%f" % time.time())
            return
        if word in (ECHO, EVENTS):
            self._last(word)
            return
        fault = None if self._misbehaviour is None else self._misbehaviour.now()
        if fault == "resets":
            self._reset()
            return
        if fault in ("some fail", "all fail"):
            self._later(WORK_S, lambda: self._answer(word, b"500 Internal Server Error"))
            return
        if self._parser.get_method() == b"POST":
            os.write(self._record, word + b"\n")
        self._later(SLOW_BY_S if fault == "slow" else WORK_S, lambda: self._answer(word))

    def _last(self, word: bytes) -> None:
        """Begin what the client will end."""
        self._lasting = Lasting(self._transport)
        self._all_lasting.add(self._lasting)
        if word == ECHO:
            self._lasting.echo(self._key)
        else:
            self._lasting.stream()

    def _reset(self) -> None:
        """End the connection by a reset."""
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _RESETS
        )
        self._transport.abort()

    def _answer(self, body: bytes, status: bytes = b"200 OK") -> None:
        if self._transport.is_closing():
            return
        head = b"HTTP/1.1 %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % (status, len(body)) + body)
        if self._closes_idle_after_s is not None:
            pause_s = random.uniform(0, self._closes_idle_after_s)
            self._idle = self._later(pause_s, self._hang_up)

    def _hang_up(self) -> None:
        """Close at this very moment, unless a request has come in.

        Nobody could send a POST again that this kernel has taken. asyncio would close one turn of its
        loop later, so something else is put in the socket's place.
        """
        number = self._transport.get_extra_info("socket").fileno()
        with Path(os.devnull).open("rb") as nothing, socket.socket(fileno=number) as same:
            try:
                came_in = len(same.recv(1, socket.MSG_PEEK)) > 0
            except BlockingIOError:
                came_in = False
            if not came_in:
                os.dup2(nothing.fileno(), number)
            same.detach()  # the transport owns the descriptor
        if not came_in:
            os.write(self._hang_ups, b"x")
            self._transport.abort()

    def _later(self, pause_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(pause_s, call)


def executed(folder: Path) -> list[str]:
    """The words of all POSTs that instances have carried out, each as often as that happened."""
    words: list[str] = []
    for log in folder.glob("*.posts"):
        with suppress(FileNotFoundError):
            words += log.read_text("ascii").split()
    return words


def asked_by_second(folder: Path) -> Counter[int]:
    """How many requests have come to all instances that can misbehave, by second of the monotonic clock."""
    return Counter(second for second, _ in _asked(folder))


def misbehaved(folder: Path) -> int:
    """How many requests have met a fault."""
    return sum(wrong for _, wrong in _asked(folder))


def _asked(folder: Path) -> Iterator[tuple[int, bool]]:
    for log in folder.glob(f"*{ASKED_SUFFIX}"):
        for line in log.read_text("ascii").splitlines():
            second, wrong = line.split()
            yield int(second), wrong == "1"
