"""How soon an instance gets requests after it has registered, under other load; beside HAProxy.

Lockgate is told over HTTP, HAProxy by its runtime API, under the same other load. *A new service*
is asked for again and again from the end of the call until it answers. *One more instance* joins
three others that share 500 requests/s; the time is that of the first request that it gets. Lockgate
probes an instance first; HAProxy takes it as up until a check fails.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from bench.connection import Connection
from bench.peers import haproxy, lockgate
from bench.processes import StartError, free_port
from bench.report import Bar, quantile
from bench.stage import Proxy, Stage
from bench.steady import Steady

REQUESTS_PER_S = 500
#: Registrations in a turn, before it is the other one's turn.
OF_A_TURN = 50
#: From one registration to the next.
PAUSE_S = 0.03
GIVEN_UP_AFTER_S = 5.0
#: How many instances share the load already.
OTHERS = 3

HEALTH = "/small"
BARS = (
    Bar("register over HTTP to first routed, p50", 4, " ms"),
    Bar("register over HTTP to first routed, p99", 15, " ms"),
)

#: Tells a gateway of an instance of a service: name, id and port; or removes it.
Enter = Callable[[str, str, int], Awaitable[None]]
TakeOut = Callable[[str, str], Awaitable[None]]


@dataclass(slots=True)
class Times:
    """Seconds from the start of each call: until it returned, and until the first routed request."""

    told_s: list[float] = field(default_factory=list)
    routed_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Contender:
    """A gateway, how it learns of an instance, and how long that took."""

    name: str
    port: int
    enter: Enter
    take_out: TakeOut
    service: Times = field(default_factory=Times)
    instance: Times = field(default_factory=Times)
    failed: int = 0


def run(stage: Stage) -> None:
    turns = 2 if stage.quick else 10
    stage.report.title(
        f"Register to first routed at {REQUESTS_PER_S} requests/s, "
        f"{turns} turns of {OF_A_TURN} each (ms)"
    )
    peers = [lockgate.peer(stage.python, stage.registry.port)]
    runtime = haproxy.runtime(turns * OF_A_TURN)
    if runtime is None:
        stage.report.say("HAProxy is not installed, and left out (Debian: haproxy).\n")
    else:
        peers.append(runtime.peer)
    with ExitStack() as stack:
        contenders = []
        for proxy in stack.enter_context(stage.proxies(peers)):
            if proxy.peer.name == lockgate.NAME:
                contenders.append(_lockgate(proxy))
            elif runtime is not None:
                name = f"{haproxy.NAME} {runtime.peer.version}"
                contenders.append(Contender(name, proxy.port, runtime.enter, runtime.take_out))
        if not contenders or contenders[0].name != lockgate.NAME:
            raise StartError("there is nothing to be measured")
        asyncio.run(_turns(contenders, turns, stage.small_port))
    _tell(stage, contenders)


async def _turns(contenders: list[Contender], turns: int, origin_port: int) -> None:
    newcomer = Newcomer()
    async with newcomer.listening():
        for contender in contenders:
            for number in range(OTHERS):
                await contender.enter("many", f"other{number}", origin_port)
        for turn in range(turns):
            numbers = range(turn * OF_A_TURN, (turn + 1) * OF_A_TURN)
            for contender in contenders:
                await _services(contender, numbers, origin_port)
            for contender in contenders:
                await _instances(contender, numbers, newcomer)


async def _services(contender: Contender, numbers: range, origin_port: int) -> None:
    load = Steady(contender.port, "/api/bench/small", REQUESTS_PER_S)
    connection = await Connection.open(contender.port)
    async with load.running():
        for number in numbers:
            service = f"new{number}"
            await asyncio.sleep(PAUSE_S * random.uniform(0.5, 1.5))
            began_s = time.monotonic()
            await contender.enter(service, "one", origin_port)
            contender.service.told_s.append(time.monotonic() - began_s)
            async with asyncio.timeout(GIVEN_UP_AFTER_S):
                while (await connection.exchange("GET", f"/api/{service}/small"))[0] != 200:
                    pass
            contender.service.routed_s.append(time.monotonic() - began_s)
            await contender.take_out(service, "one")
    await connection.end()
    contender.failed += load.failed


async def _instances(contender: Contender, numbers: range, newcomer: "Newcomer") -> None:
    load = Steady(contender.port, "/api/many/work", REQUESTS_PER_S)
    async with load.running():
        for number in numbers:
            await asyncio.sleep(PAUSE_S * random.uniform(0.5, 1.5))
            newcomer.forget()
            began_s = time.monotonic()
            await contender.enter("many", f"one{number}", newcomer.port)
            contender.instance.told_s.append(time.monotonic() - began_s)
            async with asyncio.timeout(GIVEN_UP_AFTER_S):
                asked_s = await newcomer.asked()
            contender.instance.routed_s.append(asked_s - began_s)
            await contender.take_out("many", f"one{number}")
    contender.failed += load.failed


class Newcomer:
    """An instance in this process, so that there is only one clock."""

    def __init__(self) -> None:
        self.port = free_port()
        self._asked_s: asyncio.Future[float]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.get_running_loop().create_server(
            lambda: _Answers(self._note), "127.0.0.1", self.port
        )
        self.forget()
        try:
            yield
        finally:
            server.close()

    def forget(self) -> None:
        self._asked_s = asyncio.get_running_loop().create_future()

    async def asked(self) -> float:
        """When the first request came that was no probe (monotonic)."""
        return await self._asked_s

    def _note(self, data: bytes) -> None:
        if HEALTH.encode() not in data.partition(b"\r\n")[0] and not self._asked_s.done():
            self._asked_s.set_result(time.monotonic())


class _Answers(asyncio.Protocol):
    def __init__(self, note: Callable[[bytes], None]) -> None:
        self._note = note
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._note(data)
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def _lockgate(proxy: Proxy) -> Contender:
    """Register over one kept connection, as a sidecar or a deployer would."""
    fields = f"Authorization: Bearer {lockgate.TOKEN}\r\nContent-Type: application/json\r\n"
    kept: list[Connection] = []

    async def call(method: str, service: str, instance_id: str, body: bytes = b"") -> None:
        if not kept:
            kept.append(await Connection.open(proxy.port))
        path = f"/services/{service}_service/instances/{instance_id}"
        status, answer, _ = await kept[0].exchange(method, path, body, fields)
        if status not in (201, 204):
            raise StartError(f"{method} {path}: {status} {answer.decode()}")

    async def enter(service: str, instance_id: str, port: int) -> None:
        body = {"host": "127.0.0.1", "port": port, "health_check_url": HEALTH, "ttl": 3600}
        await call("PUT", service, instance_id, json.dumps(body).encode())

    async def take_out(service: str, instance_id: str) -> None:
        await call("DELETE", service, instance_id)

    return Contender(lockgate.NAME, proxy.port, enter, take_out)


def _tell(stage: Stage, contenders: list[Contender]) -> None:
    rows = []
    for one in contenders:
        for what, times in (("a new service", one.service), ("one more instance", one.instance)):
            rows.append((f"{one.name}: {what}", _shown(times.told_s), _shown(times.routed_s)))
    head = ("p50 / p99", "the call", "to the first routed request")
    stage.report.table(head, rows)
    if any(one.failed for one in contenders):
        failed = ", ".join(f"{one.failed} at {one.name}" for one in contenders)
        stage.report.say(f"Other requests that failed meanwhile: {failed}.\n")
    ours = contenders[0]
    for bar, share in zip(BARS, (0.5, 0.99), strict=True):
        worse_s = max(quantile(one.routed_s, share) for one in (ours.service, ours.instance))
        stage.report.bar(bar, worse_s * 1000)


def _shown(took_s: list[float]) -> str:
    return " / ".join(f"{quantile(took_s, share) * 1000:.2f}" for share in (0.5, 0.99))
