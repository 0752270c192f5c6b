"""Server-Sent Events: the delay that a proxy adds to each, compared with the origin alone."""

import time
from collections import defaultdict
from statistics import median

from bench.http_socket import HttpSocket
from bench.peers import caddy, envoy, haproxy, lockgate, nginx
from bench.report import Bar, quantile
from bench.stage import Stage, stream_path

#: A user's stream on a gateway that has nothing else to do; at a shorter interval the processes never sleep.
INTERVAL_MS = 10
PATH = f"/events/{INTERVAL_MS}"
DIRECT = "direct"

BARS = (
    Bar("delay added to an event, p50, against nginx", 1.1, " times"),
    Bar("delay added to an event, p99, against nginx", 1.1, " times"),
)

#: By proxy, then by round: (p50, p99) in ms.
Delays = dict[str, list[tuple[float, float]]]


def run(stage: Stage) -> None:
    report = stage.report
    rounds, seconds = (3, 2.0) if stage.quick else (11, 4.0)
    chosen = stage.chosen(lockgate.NAME, nginx.NAME, haproxy.NAME, envoy.NAME, caddy.NAME)
    report.title(f"Server-Sent Events, one each {INTERVAL_MS} ms, {rounds} rounds")
    delays: Delays = defaultdict(list)
    with stage.proxies(chosen) as proxies:
        for _ in range(rounds):
            delays[DIRECT].append(_delays_ms(stage.stream_port, PATH, seconds))
            for proxy in proxies:
                path = stream_path(PATH)
                delays[proxy.peer.name].append(_delays_ms(proxy.port, path, seconds))
    rows = []
    for name, seen in delays.items():
        added = [_added(delays, name, i) for i in (0, 1)]
        rows.append(
            (
                name,
                f"{median(p50 for p50, _ in seen):.3f} / {median(p99 for _, p99 in seen):.3f}",
                "" if name == DIRECT else f"{added[0]:.3f} / {added[1]:.3f}",
            )
        )
    report.table(("", "delay p50 / p99, ms", "added to direct, ms"), rows)
    if nginx.NAME in delays and lockgate.NAME in delays:
        for i, bar in enumerate(BARS):
            ratio = _added(delays, lockgate.NAME, i) / max(0.001, _added(delays, nginx.NAME, i))
            report.say(f"{bar.what}: {ratio:.2f} times, {report.bar(bar, ratio)}")


def _added(delays: Delays, name: str, i: int) -> float:
    """The median over the rounds; the difference is taken within each round."""
    pairs = zip(delays[name], delays[DIRECT], strict=True)
    return median(one[i] - direct[i] for one, direct in pairs)


def _delays_ms(port: int, path: str, seconds: float) -> tuple[float, float]:
    seen: list[float] = []
    with HttpSocket(port) as client:
        client.ask(path)
        client.head()
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            line = client.line()
            if line.startswith(b"data: "):
                seen.append((time.monotonic_ns() - int(line[6:])) / 1e6)
    return quantile(seen, 0.5), quantile(seen, 0.99)
