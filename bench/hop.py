"""What the hop costs beside other proxies, under each workload."""

from collections.abc import Mapping, Sequence
from statistics import median

from bench.peers import caddy, envoy, lockgate, nginx, textbooks, traefik
from bench.report import Bar, with_range
from bench.rounds import CONNECTIONS, Rounds, cpu_us, in_rounds, per_s
from bench.stage import Proxy, Stage
from bench.workloads import CHUNKED, FORWARDED, POST, UNIQUE, WORKLOADS, Workload

MIB = 1024 * 1024
BROWSER = WORKLOADS["browser"]

#: Of CPU per request, by workload and by the peer that does the same work.
BARS: Mapping[tuple[str, str], Bar] = {
    (UNIQUE.name, envoy.NAME): Bar("CPU per request against Envoy, same work", 1.0),
    (UNIQUE.name, nginx.NAME): Bar("CPU per request against nginx, same work", 3.2),
    (UNIQUE.name, caddy.NAME): Bar("CPU per request against Caddy, same work", 0.42),
    (UNIQUE.name, traefik.NAME): Bar("CPU per request against Traefik, same work", 0.5),
    (UNIQUE.name, textbooks.AIOHTTP): Bar(
        "CPU per request against the aiohttp textbook, same work", 0.25
    ),
    (BROWSER.name, envoy.NAME): Bar("the same with a browser's 14 fields, against Envoy", 1.1),
}
#: Of Lockgate's CPU per request, against its own for a GET that does not repeat.
AGAINST_GET = {
    POST.name: Bar("CPU of a POST of 1 KiB against a GET's", 1.25),
    FORWARDED.name: Bar("CPU of a GET through another proxy against a plain one's", 1.25),
    CHUNKED.name: Bar("CPU of a GET answered in chunks against a plain one's", 1.25),
}
THROUGHPUT = Bar("requests per second against FastAPI + httpx", 50, " times", least=True)
P99 = Bar("p99 at half of Lockgate's full load against Envoy", 1.5, " times")


def run(stage: Stage) -> None:
    rounds = 2 if stage.quick else 5
    with stage.proxies(stage.peers) as proxies:
        pairs = [
            (workload, proxy)
            for workload in stage.workloads
            for proxy in proxies
            # One table shows what the other peers' work costs, and how the slowest do.
            if proxy.peer.same_work or workload is UNIQUE
        ]
        measured = in_rounds(stage, pairs, rounds)
        for workload in stage.workloads:
            stage.report.title(f"{workload.title}, {CONNECTIONS} connections, {rounds} rounds")
            _show(stage, workload, proxies, measured)
        _show_against_get(stage, proxies, measured)
        if UNIQUE in stage.workloads:
            _show_half_load(stage, proxies, measured)


def _show(stage: Stage, workload: Workload, proxies: Sequence[Proxy], measured: Rounds) -> None:
    """Show ratios first, paired within a round; then the figures behind them."""
    our = _ours(proxies)
    ours = measured.of(workload, our)
    rows: list[tuple[str, ...]] = []
    absolute: list[tuple[str, ...]] = []
    for proxy in proxies:
        theirs = measured.of(workload, proxy)
        if not theirs:
            continue
        absolute.append(
            (
                proxy.peer.title,
                with_range([one.cpu_us for one in theirs], 1),
                f"{median(map(per_s, theirs)):,.0f}",
                f"{median(one.load.p50_ms for one in theirs):.2f}",
                f"{median(one.load.p99_ms for one in theirs):.2f}",
                f"{theirs[-1].rss_bytes / MIB:.0f}",
            )
        )
        cpu = measured.ratios((workload, our), (workload, proxy), cpu_us)
        if proxy is our or not cpu:
            continue
        rate = measured.ratios((workload, our), (workload, proxy), per_s)
        bar = BARS.get((workload.name, proxy.peer.name)) if proxy.peer.same_work else None
        verdict = stage.report.bar(bar, median(cpu), with_range(cpu)) if bar else ""
        if proxy.peer.name == textbooks.FASTAPI:
            verdict = stage.report.bar(THROUGHPUT, median(rate), with_range(rate, 1))
        least = min(map(cpu_us, ours)) / min(map(cpu_us, theirs))
        rows.append((proxy.peer.title, with_range(cpu), f"{least:.2f}", with_range(rate), verdict))
    ratios = ("Lockgate against", "CPU per request", "of the minima", "requests/s", "bar")
    stage.report.table(ratios, rows)
    columns = ("proxy", "CPU µs per request", "requests/s", "p50 ms", "p99 ms", "RSS MiB")
    stage.report.table(columns, absolute)
    if ours:
        stage.report.say(
            f"Beside Lockgate's own, the registry spent {median(o.registry_us for o in ours):.1f} µs "
            "a request for the shared limit (the others limit within themselves)."
        )


def _show_against_get(stage: Stage, proxies: Sequence[Proxy], measured: Rounds) -> None:
    """What the other workloads cost each proxy, compared with its GETs that do not repeat."""
    rows = []
    for workload in stage.workloads:
        cells = []
        for proxy in proxies:
            if not proxy.peer.same_work:
                continue
            ratios = measured.ratios((workload, proxy), (UNIQUE, proxy), cpu_us)
            cells.append(with_range(ratios) if ratios else "")
            bar = AGAINST_GET.get(workload.name)
            if bar and ratios and proxy.peer.name == lockgate.NAME:
                cells[-1] += f", {stage.report.bar(bar, median(ratios), with_range(ratios))}"
        if workload is not UNIQUE and any(cells):
            rows.append((workload.title, *cells))
    if rows:
        names = [proxy.peer.name for proxy in proxies if proxy.peer.same_work]
        stage.report.title("CPU per request against a GET that does not repeat")
        stage.report.table(("", *names), rows)


def _show_half_load(stage: Stage, proxies: Sequence[Proxy], measured: Rounds) -> None:
    """Latency when the clients rest so long that Lockgate has half of its full load."""
    our = _ours(proxies)
    full = measured.of(UNIQUE, our)
    if not full:
        return
    per_connection_ms = CONNECTIONS / (median(map(per_s, full)) / 2) * 1000
    rounds = 3 if stage.quick else 7
    beside = [proxy for proxy in proxies if proxy.peer.same_work]
    # An answer takes about 1 ms then.
    halves = in_rounds(
        stage, [(UNIQUE, proxy) for proxy in beside], rounds, pause_ms=per_connection_ms - 1
    )
    stage.report.title(f"At half of Lockgate's full load, {rounds} rounds")
    rows = []
    for proxy in beside:
        theirs = halves.of(UNIQUE, proxy)
        if not theirs:
            continue
        ratios = halves.ratios((UNIQUE, our), (UNIQUE, proxy), lambda one: one.load.p99_ms)
        verdict = ""
        if proxy.peer.name == envoy.NAME and ratios:
            verdict = stage.report.bar(P99, median(ratios), with_range(ratios))
        rows.append(
            (
                proxy.peer.name,
                with_range(ratios) if ratios and proxy is not our else "",
                f"{median(one.load.p50_ms for one in theirs):.2f}",
                f"{median(one.load.p99_ms for one in theirs):.2f}",
                f"{median(map(per_s, theirs)):,.0f}",
                f"{median(map(cpu_us, theirs)):.1f}",
                verdict,
            )
        )
    head = ("proxy", "Lockgate's p99 against it", "p50 ms", "p99 ms", "requests/s", "CPU µs", "bar")
    stage.report.table(head, rows)


def _ours(proxies: Sequence[Proxy]) -> Proxy:
    return next(proxy for proxy in proxies if proxy.peer.name == lockgate.NAME)
