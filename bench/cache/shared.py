"""Gateways that share what they keep: one request for all clients, and Redis lost under load."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

from bench.chaos.programs import Program
from bench.peers.lockgate import TOKEN
from bench.processes import THIS_TREE, free_port
from bench.registry_server import registry_command
from bench.report import Bar
from bench.stage import Stage

ONE_REQUEST = Bar("requests to the service for 10,000 clients of one cold URL", 1, least=False)
NO_ERROR = Bar("answers that were not 200 while Redis was lost", 0, least=False)
CLIENTS, QUICK_CLIENTS = 10_000, 1000
#: How many connections are opened at a time.
OPENED_TOGETHER = 100
#: How long the service takes for an answer.
TAKES_S = 0.3
LOOPING_CLIENTS = 40
PAGES = 300
BODY = b"x" * 2000
_FILE = """\
defaults: {{limits: null}}
services: {{origin: {{urls: ["http://127.0.0.1:{port}"]}}}}
routes:
- {{name: all, match: {{prefix: /}}, service: origin, cache: {{stores: redis}}}}
"""
_FAULT_S, _QUICK_FAULT_S = 6.0, 2.5


@dataclass
class Origin:
    """A service that counts what it is asked for."""

    takes_s: float = 0.0
    max_age_s: int = 60
    asked: Counter[str] = field(default_factory=Counter)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = head.split(b" ", 2)[1].decode()
                if target != "/":  # a probe
                    self.asked[target] += 1
                    await asyncio.sleep(self.takes_s)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nCache-Control: max-age=%d\r\nContent-Length: %d\r\n\r\n%b"
                    % (self.max_age_s, len(BODY), BODY)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class Client(asyncio.Protocol):
    """One connection, which sends a request when it is told to."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._data = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if found:
            _, _, rest = head.lower().partition(b"content-length: ")
            if len(body) >= int(rest.split(b"\r\n")[0] or 0) and not self._answer.done():
                self._answer.set_result(bytes(head))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_result(b"HTTP/1.1 000 lost")

    async def ask(self, path: str) -> bytes:
        """The head of the answer."""
        assert self.transport is not None
        self._data.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        return await asyncio.wait_for(self._answer, 60)


@dataclass
class World:
    origin: Origin
    registry: Program
    ports: Sequence[int]


@dataclass
class Seen:
    """What clients saw in one act."""

    statuses: Counter[bytes] = field(default_factory=Counter)
    hits: int = 0
    took_s: list[float] = field(default_factory=list)

    def add(self, head: bytes, took_s: float) -> None:
        self.statuses[head[9:12]] += 1
        self.hits += b"; hit" in head
        self.took_s.append(took_s)

    def at(self, share: float) -> str:
        """So many ms or less for this share of the requests."""
        times_s = sorted(self.took_s)
        return f"{1000 * times_s[min(len(times_s) - 1, int(share * len(times_s)))]:.1f}"


def run(stage: Stage) -> None:
    """Cold URLs through two and four gateways, then every way in which Redis is lost."""
    for number in (2, 4):
        asyncio.run(_cold(stage, number))
    asyncio.run(_lost(stage))


async def _cold(stage: Stage, number: int) -> None:
    report, clients = stage.report, QUICK_CLIENTS if stage.quick else CLIENTS
    report.title(f"{clients:,} clients of one cold URL, through {number} gateways")
    async with _world(stage.folder / f"cold-{number}", stage.python, number) as world:
        world.origin.takes_s = TAKES_S
        rows = []
        for attempt in range(2 if stage.quick else 5):
            path, seen = f"/cold-{attempt}", Seen()
            began_s = time.monotonic()
            connections = await _connected(world.ports, clients)
            await asyncio.gather(*(_ask(one, path, seen) for one in connections))
            for one in connections:
                assert one.transport is not None
                one.transport.abort()
            asked = world.origin.asked[path]
            report.bar(ONE_REQUEST, asked)
            rows.append(
                (
                    f"{asked}",
                    _said(seen),
                    seen.at(0.5),
                    seen.at(1.0),
                    f"{time.monotonic() - began_s:.1f}",
                )
            )
        report.table(
            ("requests to the service", "answers", "median, ms", "last, ms", "with connecting, s"),
            rows,
        )


async def _lost(stage: Stage) -> None:
    report = stage.report
    report.title(f"Redis lost under the load of {LOOPING_CLIENTS} clients, through 2 gateways")
    async with _world(stage.folder / "lost", stage.python, 2) as world:
        world.origin.max_age_s = 1
        lasts_s = _QUICK_FAULT_S if stage.quick else _FAULT_S
        rows = []
        for name, act in _acts(world).items():
            seen, before = Seen(), world.origin.asked.total()
            connections = await _connected(world.ports, LOOPING_CLIENTS)
            until_s = time.monotonic() + lasts_s
            load = [asyncio.create_task(_loop(one, seen, until_s)) for one in connections]
            await asyncio.sleep(lasts_s / 4)
            await act()
            await asyncio.gather(*load)
            for one in connections:
                assert one.transport is not None
                one.transport.abort()
            total = seen.statuses.total()
            report.bar(NO_ERROR, total - seen.statuses[b"200"], f"{name}: {_said(seen)}")
            share = 100 * seen.hits / total
            asked = world.origin.asked.total() - before
            times = (seen.at(0.5), seen.at(0.99), seen.at(1.0))
            rows.append((name, _said(seen), f"{share:.0f} %", f"{asked:,}", *times))
        report.table(
            ("Redis", "answers", "hits", "to the service", "median, ms", "99 %, ms", "last, ms"),
            rows,
        )


def _acts(world: World) -> dict[str, Callable[[], Awaitable[None]]]:
    registry = world.registry

    async def nothing() -> None:
        """Leave it as it is."""

    async def hung() -> None:
        registry.signal(signal.SIGSTOP)

    async def back() -> None:
        registry.signal(signal.SIGCONT)

    async def emptied() -> None:
        _client(registry).flushall()

    async def read_only() -> None:
        _client(registry).replicaof("127.0.0.1", 1)  # type: ignore[arg-type]

    async def writable() -> None:
        _client(registry).replicaof("NO", "ONE")  # type: ignore[arg-type]

    async def full() -> None:
        _client(registry).config_set("maxmemory", 1)

    async def empty_again() -> None:
        _client(registry).config_set("maxmemory", 0)

    async def killed() -> None:
        registry.kill()

    return {
        "there": nothing,
        "hangs": hung,
        "answers again": back,
        "is emptied": emptied,
        "is read-only": read_only,
        "is writable again": writable,
        "is full": full,
        "has room again": empty_again,
        "is killed": killed,
        "starts again": registry.start,
    }


def _client(registry: Program) -> "redis.Redis":
    return redis.Redis(port=registry.port, socket_timeout=5)


async def _loop(client: Client, seen: Seen, until_s: float) -> None:
    pages = random.Random(id(client))
    while time.monotonic() < until_s:
        await _ask(client, f"/{int(PAGES * pages.random() ** 3)}", seen)


async def _ask(client: Client, path: str, seen: Seen) -> None:
    began_s = time.monotonic()
    head = await client.ask(path)
    seen.add(head, time.monotonic() - began_s)


async def _connected(ports: Sequence[int], number: int) -> list[Client]:
    loop = asyncio.get_running_loop()
    made: list[Client] = []
    while len(made) < number:
        some = range(len(made), min(number, len(made) + OPENED_TOGETHER))
        pairs = await asyncio.gather(
            *(loop.create_connection(Client, "127.0.0.1", ports[n % len(ports)]) for n in some)
        )
        made += [protocol for _, protocol in pairs]
    return made


def _said(seen: Seen) -> str:
    return ", ".join(f"{count:,} of {status.decode()}" for status, count in seen.statuses.items())


@asynccontextmanager
async def _world(folder: Path, python: str, gateways: int) -> AsyncIterator[World]:
    """A service, a registry and so many gateways, which end with the block."""
    origin = Origin()
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0, backlog=1000)
    origin.port = server.sockets[0].getsockname()[1]
    port = free_port()
    registry = Program(registry_command(port), port=port, folder=folder / "registry")
    programs = [registry]
    try:
        await registry.start()
        file = folder / "lockgate.yaml"
        file.write_text(_FILE.format(port=origin.port))
        for number in range(gateways):
            programs.append(_gateway(python, folder / f"gateway-{number}", port, file))
            await programs[-1].start()
        ports = [program.port for program in programs[1:]]
        for one in ports:
            await _until_it_answers(one)
        origin.asked.clear()
        yield World(origin, registry, ports)
    finally:
        for program in reversed(programs):
            program.end()
        server.close()


def _gateway(python: str, folder: Path, registry_port: int, file: Path) -> Program:
    port = free_port()
    environment = {
        **THIS_TREE,
        "GATEWAY_PORT": str(port),
        "REDIS_URL": f"redis://127.0.0.1:{registry_port}/0",
        "ADMIN_TOKEN": TOKEN,
        "GATEWAY_CONFIG": str(file),
        "LOG_LEVEL": "warning",
    }
    return Program([python, "-m", "gateway"], port=port, folder=folder, environment=environment)


async def _until_it_answers(port: int) -> None:
    for _ in range(200):
        (client,) = await _connected([port], 1)
        if (await client.ask(f"/{port}")).startswith(b"HTTP/1.1 200"):
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"the gateway at {port} does not answer")
