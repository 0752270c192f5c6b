"""Large bodies: memory while they pass, throughput, and slow or stalled ends."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

from bench.http_socket import BLOCK, BrokenOff, HttpSocket
from bench.peers import caddy, envoy, haproxy, lockgate, nginx
from bench.report import Bar, with_range
from bench.stage import Proxy, Stage, stream_path

MIB = 1024 * 1024
GIB = 1024 * MIB
STALLED = 20
STALLED_BYTES = 64 * MIB
SLOW_FOR_S = 3.0

MEMORY = {
    "down": Bar("memory above idle, 1 GiB down", 8, " MiB"),
    "up": Bar("memory above idle, 1 GiB up", 8, " MiB"),
}
THROUGHPUT = {
    "down": Bar("throughput against HAProxy, 1 GiB down", 0.5, least=True),
    "up": Bar("throughput against HAProxy, 1 GiB up", 0.5, least=True),
}
STALLED_BAR = Bar("memory of a client that reads nothing of 64 MiB", 300, " KiB")


def run(stage: Stage) -> None:
    chosen = stage.chosen(lockgate.NAME, nginx.NAME, haproxy.NAME, envoy.NAME, caddy.NAME)
    size = 256 * MIB if stage.quick else GIB
    rounds = 1 if stage.quick else 5
    with stage.proxies(chosen) as proxies:
        stage.report.title(f"A body of {size // MIB} MiB, {rounds} rounds")
        _large(stage, proxies, size, rounds)
        stage.report.title("Ends that are slow or stand still")
        _slow(stage, proxies)


def _large(stage: Stage, proxies: list[Proxy], size: int, rounds: int) -> None:
    rates: dict[tuple[str, str], list[float]] = {}
    growth: dict[tuple[str, str], int] = {}
    for proxy in proxies:
        _down(proxy, MIB)
        _up(proxy, MIB)
    for _ in range(rounds):
        for way, send in (("down", _down), ("up", _up)):
            for proxy in proxies:
                key = (proxy.peer.name, way)
                took_s, grown = _watched(proxy, lambda s=send, p=proxy: s(p, size))  # type: ignore[misc]
                rates.setdefault(key, []).append(size / MIB / took_s)
                growth[key] = max(growth.get(key, 0), grown)
    rows = []
    for (name, way), seen in rates.items():
        grown_mib = growth[name, way] / MIB
        reference = rates.get((haproxy.NAME, way))
        ratios = [a / b for a, b in zip(seen, reference, strict=True)] if reference else []
        ours = name == lockgate.NAME
        verdicts = [stage.report.bar(MEMORY[way], grown_mib)] if ours else []
        if ours and ratios:
            verdicts.append(stage.report.bar(THROUGHPUT[way], median(ratios), with_range(ratios)))
        shown = with_range(ratios) if ratios else ""
        rows.append(
            (name, way, shown, f"{median(seen):,.0f}", f"{grown_mib:.1f}", ", ".join(verdicts))
        )
    head = ("proxy", "way", "throughput against HAProxy", "MiB/s", "MiB above idle", "bars")
    stage.report.table(head, rows)


def _slow(stage: Stage, proxies: list[Proxy]) -> None:
    rows = []
    for proxy in proxies:
        stalled_kib = _stalled(proxy) / 1024
        verdict = ""
        if proxy.peer.name == lockgate.NAME:
            verdict = stage.report.bar(STALLED_BAR, stalled_kib, f"{stalled_kib:.0f} KiB")
        _, reader = _watched(proxy, lambda p=proxy: _slow_reader(p))  # type: ignore[misc]
        _, writer = _watched(proxy, lambda p=proxy: _slow_writer(p))  # type: ignore[misc]
        rows.append(
            (
                proxy.peer.name,
                f"{stalled_kib:,.0f}",
                verdict,
                f"{reader / 1024:,.0f}",
                f"{writer / 1024:,.0f}",
            )
        )
    head = ("proxy", "KiB a stalled reader", "bar", "slow reader, KiB", "slow writer, KiB")
    stage.report.table(head, rows)


def _watched(proxy: Proxy, work: Callable[[], None]) -> tuple[float, int]:
    """(the seconds that it took, the most bytes that the proxy grew)."""
    idle = proxy.running.usage().rss_bytes
    most, over = idle, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.02):
            most = max(most, proxy.running.usage().rss_bytes)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began_s = time.monotonic()
    try:
        work()
    finally:
        took_s = time.monotonic() - began_s
        over.set()
        watcher.join()
    return took_s, most - idle


def _down(proxy: Proxy, size: int) -> None:
    with HttpSocket(proxy.port) as client:
        client.ask(stream_path(f"/bytes/{size}"))
        client.head()
        client.take(size)


def _up(proxy: Proxy, size: int) -> None:
    with HttpSocket(proxy.port) as client:
        client.ask(stream_path("/sink"), f"Content-Length: {size}", method="PUT")
        for _ in range(size // len(BLOCK)):
            client.sock.sendall(BLOCK)
        client.head()


def _stalled(proxy: Proxy) -> float:
    """Bytes that the proxy holds for each client that reads nothing."""
    before = proxy.running.usage().rss_bytes
    with ExitStack() as stack:
        for _ in range(STALLED):
            client = stack.enter_context(HttpSocket(proxy.port))
            client.ask(stream_path(f"/bytes/{STALLED_BYTES}"))
        time.sleep(2)
        return max(0, proxy.running.usage().rss_bytes - before) / STALLED


def _slow_reader(proxy: Proxy) -> None:
    """Read 32 KiB each 20 ms, for a while."""
    with HttpSocket(proxy.port, receive_buffer=64 * 1024) as client:
        client.ask(stream_path(f"/bytes/{STALLED_BYTES}"))
        client.head()
        pause_s = 0.02
        count = round(SLOW_FOR_S / pause_s) * 32 * 1024
        client.take(count, at_a_time=32 * 1024, pause_s=pause_s)


def _slow_writer(proxy: Proxy) -> None:
    """Write 1 KiB each 10 ms, for a while."""
    pieces = round(SLOW_FOR_S / 0.01)
    with HttpSocket(proxy.port) as client:
        client.ask(stream_path("/sink"), f"Content-Length: {pieces * 1024}", method="PUT")
        for _ in range(pieces):
            client.sock.sendall(BLOCK[:1024])
            time.sleep(0.01)
        try:
            client.head()
        except BrokenOff as error:
            raise BrokenOff(f"{proxy.peer.name}, slow writer: {error}") from error
