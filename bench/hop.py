"""CPU, throughput and latency of the hop: all proxies in turn, round after round."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.load import BROWSER, Load, LoadError, load
from bench.peers import caddy, envoy, lockgate, nginx, textbooks, traefik
from bench.report import Bar, with_range
from bench.stage import Proxy, Stage

CONNECTIONS = 64
MIB = 1024 * 1024

BARS = {
    (caddy.NAME, True): Bar("CPU per request against Caddy, same work", 0.55),
    (traefik.NAME, True): Bar("CPU per request against Traefik, same work", 0.55),
    (envoy.NAME, True): Bar("CPU per request against Envoy, same work", 1.3),
    (nginx.NAME, True): Bar("CPU per request against nginx, same work", 3.2),
    (textbooks.AIOHTTP, True): Bar("CPU per request against the aiohttp textbook, same work", 0.25),
}
BROWSER_BARS = {(envoy.NAME, True): Bar("the same with a browser's 14 headers, against Envoy", 1.1)}
THROUGHPUT = Bar("requests per second against FastAPI + httpx", 40, " times", least=True)


@dataclass(frozen=True, slots=True)
class Round:
    """One proxy in one round; `cpu_us` is CPU time per request."""

    cpu_us: float
    load: Load
    rss_bytes: int


Rounds = Mapping[str, list[Round]]


def run(stage: Stage) -> None:
    report = stage.report
    rounds = 2 if stage.quick else 7
    with stage.proxies(stage.peers) as proxies:
        report.title(f"A small GET, {CONNECTIONS} connections, {rounds} rounds")
        registry_before_s = stage.registry.usage().cpu_s
        measured = in_rounds(stage, proxies, rounds, None)
        registry_s = stage.registry.usage().cpu_s - registry_before_s
        show(stage, proxies, measured, BARS)
        ours = measured[_ours(proxies).peer.title]
        served = sum(one.load.requests for one in ours)
        report.say(
            f"Beside Lockgate's own, the registry spent {registry_s / max(1, served) * 1e6:.1f} µs "
            "a request for the shared limit (the others limit within themselves).\n"
        )
        _throughput(stage, proxies, measured)
        some = [p for p in proxies if p.peer.same_work]
        rounds = 2 if stage.quick else 5
        report.title(f"The same with a browser's 14 headers, {rounds} rounds")
        show(stage, some, in_rounds(stage, some, rounds, BROWSER), BROWSER_BARS)


def in_rounds(
    stage: Stage, proxies: Sequence[Proxy], rounds: int, fields: Mapping[str, str] | None
) -> Rounds:
    """Measure A B C … A B C …, so that a disturbance of the machine hits all of them."""
    measured: dict[str, list[Round]] = defaultdict(list)
    for _ in range(rounds):
        for proxy in proxies:
            try:
                measured[proxy.peer.title].append(_measure(stage, proxy, fields))
            except LoadError as error:
                stage.report.say(f"{proxy.peer.title}: {error}")
    return measured


def _measure(stage: Stage, proxy: Proxy, fields: Mapping[str, str] | None) -> Round:
    def drive(duration_s: float) -> Load:
        return load(
            proxy.small_url,
            core=stage.load_core,
            connections=CONNECTIONS,
            duration_s=duration_s,
            fields=fields,
        )

    before = proxy.running.usage()
    if not before.cpu_s or proxy.peer.title not in _warm:
        _warm.add(proxy.peer.title)
        drive(1)
        before = proxy.running.usage()
    seen = drive(1 if stage.quick else 3)
    after = proxy.running.usage()
    if seen.failed:
        raise LoadError(f"{seen.failed} of {seen.requests} requests failed")
    return Round((after.cpu_s - before.cpu_s) / seen.requests * 1e6, seen, after.rss_bytes)


_warm: set[str] = set()


def show(
    stage: Stage,
    proxies: Sequence[Proxy],
    measured: Rounds,
    bars: Mapping[tuple[str, bool], Bar],
) -> None:
    """Show ratios first, paired within a round; then the figures behind them."""
    ours = measured[_ours(proxies).peer.title]
    rows: list[tuple[str, ...]] = []
    absolute: list[tuple[str, ...]] = []
    for proxy in proxies:
        theirs = measured.get(proxy.peer.title, [])
        if not theirs:
            continue
        cpu = [a.cpu_us / b.cpu_us for a, b in zip(ours, theirs, strict=False)]
        rate = [_rate(a) / _rate(b) for a, b in zip(ours, theirs, strict=False)]
        bar = bars.get((proxy.peer.name, proxy.peer.same_work))
        verdict = stage.report.bar(bar, median(cpu), with_range(cpu)) if bar else ""
        least = min(one.cpu_us for one in ours) / min(one.cpu_us for one in theirs)
        if proxy.peer.name != lockgate.NAME:
            rows.append(
                (proxy.peer.title, with_range(cpu), f"{least:.2f}", with_range(rate), verdict)
            )
        absolute.append(
            (
                proxy.peer.title,
                with_range([one.cpu_us for one in theirs], 1),
                f"{median(map(_rate, theirs)):,.0f}",
                f"{median(one.load.p50_ms for one in theirs):.2f}",
                f"{median(one.load.p99_ms for one in theirs):.2f}",
                f"{theirs[-1].rss_bytes / MIB:.0f}",
            )
        )
    ratios = ("Lockgate against", "CPU per request", "of the minima", "requests/s", "bar")
    stage.report.table(ratios, rows)
    columns = ("proxy", "CPU µs per request", "requests/s", "p50 ms", "p99 ms", "RSS MiB")
    stage.report.table(columns, absolute)


def _throughput(stage: Stage, proxies: Sequence[Proxy], measured: Rounds) -> None:
    ours = measured[_ours(proxies).peer.title]
    for proxy in proxies:
        if proxy.peer.name == textbooks.FASTAPI and measured.get(proxy.peer.title):
            theirs = measured[proxy.peer.title]
            rates = [_rate(a) / _rate(b) for a, b in zip(ours, theirs, strict=False)]
            verdict = stage.report.bar(THROUGHPUT, median(rates), with_range(rates, 1))
            stage.report.say(f"{THROUGHPUT.what}: {with_range(rates, 1)} times, {verdict}\n")


def _ours(proxies: Sequence[Proxy]) -> Proxy:
    return next(proxy for proxy in proxies if proxy.peer.name == lockgate.NAME)


def _rate(one: Round) -> float:
    return one.load.requests / one.load.duration_s
