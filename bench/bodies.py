"""Large bodies: memory while they pass, throughput, and slow or stalled ends."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
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
CPU = Bar("CPU of 1 GiB down against nginx", 1.32, " times")
STALLED_BAR = Bar("memory of a client that reads nothing of 64 MiB", 110, " KiB")


@dataclass(frozen=True, slots=True)
class Watched:
    """What a piece of work took, and the most bytes that the proxy grew meanwhile."""

    took_s: float
    cpu_s: float
    grown_bytes: int


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
    seen: dict[tuple[str, str], list[Watched]] = {}
    for proxy in proxies:
        _down(proxy, MIB)
        _up(proxy, MIB)
    for _ in range(rounds):
        for way, send in (("down", _down), ("up", _up)):
            for proxy in proxies:
                watched = _watched(proxy, lambda s=send, p=proxy: s(p, size))  # type: ignore[misc]
                seen.setdefault((proxy.peer.name, way), []).append(watched)
    head = (
        *("proxy", "way", "throughput against HAProxy", "MiB/s"),
        *("CPU s a GiB", "Lockgate against it, CPU", "MiB above idle", "bars"),
    )
    stage.report.table(head, [_row(stage, seen, name, way, size) for name, way in seen])


def _row(
    stage: Stage, seen: dict[tuple[str, str], list[Watched]], name: str, way: str, size: int
) -> tuple[str, ...]:
    its = seen[name, way]
    throughput = _ratios(seen.get((haproxy.NAME, way)), its, lambda one: one.took_s)
    cpu = _ratios(seen.get((lockgate.NAME, way)), its, lambda one: one.cpu_s)
    grown_mib = max(one.grown_bytes for one in its) / MIB
    verdicts = []
    if name == lockgate.NAME:
        verdicts.append(stage.report.bar(MEMORY[way], grown_mib))
        if throughput:
            shown = with_range(throughput)
            verdicts.append(stage.report.bar(THROUGHPUT[way], median(throughput), shown))
    elif name == nginx.NAME and way == "down" and cpu:
        verdicts.append(stage.report.bar(CPU, median(cpu), with_range(cpu)))
    return (
        name,
        way,
        with_range(throughput) if throughput else "",
        f"{size / MIB / median(one.took_s for one in its):,.0f}",
        with_range([one.cpu_s * GIB / size for one in its]),
        with_range(cpu) if cpu and name != lockgate.NAME else "",
        f"{grown_mib:.1f}",
        ", ".join(verdicts),
    )


def _ratios(
    above: list[Watched] | None, below: list[Watched], what: Callable[[Watched], float]
) -> list[float]:
    """By round; none if the first was not measured."""
    return [what(a) / what(b) for a, b in zip(above or [], below, strict=False)]


def _slow(stage: Stage, proxies: list[Proxy]) -> None:
    rows = []
    for proxy in proxies:
        stalled_kib = _stalled(proxy) / 1024
        verdict = ""
        if proxy.peer.name == lockgate.NAME:
            verdict = stage.report.bar(STALLED_BAR, stalled_kib, f"{stalled_kib:.0f} KiB")
        reader = _watched(proxy, lambda p=proxy: _slow_reader(p))  # type: ignore[misc]
        writer = _watched(proxy, lambda p=proxy: _slow_writer(p))  # type: ignore[misc]
        rows.append(
            (
                proxy.peer.name,
                f"{stalled_kib:,.0f}",
                verdict,
                f"{reader.grown_bytes / 1024:,.0f}",
                f"{writer.grown_bytes / 1024:,.0f}",
            )
        )
    head = ("proxy", "KiB a stalled reader", "bar", "slow reader, KiB", "slow writer, KiB")
    stage.report.table(head, rows)


def _watched(proxy: Proxy, work: Callable[[], None]) -> Watched:
    before = proxy.running.usage()
    most, over = before.rss_bytes, threading.Event()

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
    cpu_s = proxy.running.usage().cpu_s - before.cpu_s
    return Watched(took_s, cpu_s, most - before.rss_bytes)


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
