"""Tunnels: messages through upgraded connections, and the cost of an open one."""

import asyncio
import time
from collections import defaultdict
from contextlib import ExitStack
from statistics import median
from typing import cast

from bench.http_socket import HttpSocket
from bench.peers import caddy, envoy, haproxy, lockgate, nginx
from bench.report import Bar, with_range
from bench.stage import Proxy, Stage, stream_path

OPEN = 1000
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
#: A masked text frame of 32 bytes.
MESSAGE = b"\x81\xa0" + bytes(4) + b'{"price":"64250.10","time":17356'

#: By the number of connections.
CPU = {
    100: Bar("CPU per echoed WebSocket message against nginx, 100 connections", 1.05, " times"),
    1: Bar("CPU per echoed WebSocket message against nginx, one connection", 1.05, " times"),
}


class Echoed(asyncio.Protocol):
    """A connection that sends its message again as soon as the echo is back."""

    def __init__(self, path: str) -> None:
        self.echoes = 0
        self._head = "\r\n".join((f"GET {path} HTTP/1.1", "Host: bench", *UPGRADE, KEY, "", ""))
        self._open = False
        self._came = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._head.encode("ascii"))

    def data_received(self, data: bytes) -> None:
        self._came += data
        if not self._open:
            head, end, self._came = self._came.partition(b"\r\n\r\n")
            if not end:
                self._came = head
            elif head.startswith(b"HTTP/1.1 101"):
                self._open = True
                self._transport.write(MESSAGE)
        elif len(self._came) >= len(MESSAGE):
            self._came = b""
            self.echoes += 1
            self._transport.write(MESSAGE)

    def close(self) -> None:
        self._transport.abort()


def run(stage: Stage) -> None:
    report = stage.report
    rounds = 2 if stage.quick else 7
    names = (lockgate.NAME, nginx.NAME, haproxy.NAME, envoy.NAME, caddy.NAME)
    with stage.proxies(stage.chosen(*names)) as proxies:
        for connections, bar in CPU.items():
            report.title(f"WebSocket echo, connections: {connections}, {rounds} rounds")
            cpu_us: dict[str, list[float]] = defaultdict(list)
            rates: dict[str, list[float]] = defaultdict(list)
            for _ in range(rounds):
                for proxy in proxies:
                    spent_us, rate = _echo(proxy, connections, 1.0 if stage.quick else 2.5)
                    cpu_us[proxy.peer.name].append(spent_us)
                    rates[proxy.peer.name].append(rate)
            _show(stage, bar, cpu_us, rates)
        report.title(f"{OPEN} open tunnels")
        head = ("proxy", "KiB a tunnel, both connections")
        report.table(head, [(p.peer.name, f"{_memory(p) / 1024:.1f}") for p in proxies])


def _show(
    stage: Stage, bar: Bar, cpu_us: dict[str, list[float]], rates: dict[str, list[float]]
) -> None:
    rows = []
    ours = cpu_us[lockgate.NAME]
    for name, spent in cpu_us.items():
        ratios = [a / b for a, b in zip(ours, spent, strict=True)]
        verdict = ""
        if name == nginx.NAME:
            verdict = stage.report.bar(bar, median(ratios), with_range(ratios))
        rows.append(
            (
                name,
                with_range(ratios) if name != lockgate.NAME else "",
                verdict,
                with_range(spent, 1),
                f"{median(rates[name]):,.0f}",
            )
        )
    head = ("proxy", "Lockgate against it, CPU", "bar", "CPU µs a message", "messages/s")
    stage.report.table(head, rows)


def _echo(proxy: Proxy, connections: int, duration_s: float) -> tuple[float, float]:
    """(CPU µs per message and its echo, messages per second)."""

    async def drive() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        path = stream_path("/echo")
        clients = [
            (await loop.create_connection(lambda: Echoed(path), "127.0.0.1", proxy.port))[1]
            for _ in range(connections)
        ]
        await asyncio.sleep(0.3)
        before, began = proxy.running.usage(), sum(one.echoes for one in clients)
        began_s = time.monotonic()
        await asyncio.sleep(duration_s)
        count = sum(one.echoes for one in clients) - began
        took_s = time.monotonic() - began_s
        spent_s = proxy.running.usage().cpu_s - before.cpu_s
        idle = sum(1 for one in clients if not one.echoes)
        for one in clients:
            one.close()
        if idle:
            raise RuntimeError(f"{proxy.peer.title}: {idle} tunnels did not open")
        return spent_s / count * 1e6, count / took_s

    try:
        import uvloop
    except ImportError:
        return asyncio.run(drive())
    return uvloop.run(drive())


def _memory(proxy: Proxy) -> float:
    """Bytes that each open tunnel costs the proxy."""
    before = proxy.running.usage().rss_bytes
    with ExitStack() as stack:
        for _ in range(OPEN):
            client = stack.enter_context(HttpSocket(proxy.port))
            client.ask(stream_path("/echo"), *UPGRADE, KEY)
            client.head()
        time.sleep(0.5)
        return (proxy.running.usage().rss_bytes - before) / OPEN
