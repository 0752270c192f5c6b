"""From one worker to two: CPU per request, what follows for throughput, memory, and the time of a start."""

import dataclasses
import json
from statistics import median

from bench.peers import envoy, haproxy, lockgate, nginx
from bench.peers.peer import Launch, Peer, Site
from bench.processes import all_cores
from bench.report import Bar, with_range
from bench.rounds import Rounds, cpu_us, in_rounds, per_s
from bench.stage import Proxy, Stage
from bench.workers.memory import Memory, memory_of, workers_of
from bench.workloads import UNIQUE

CPU = Bar("CPU per request with 2 workers at twice the rate, against 1", 1.05, " times")
MEANT = Bar("capacity of 2 workers against 1, on cores of their own", 1.8, " times", least=True)
COUNTS = (1, 2)
#: The mean rest of each connection before a request, by workers: each worker gets the same rate, and no core is full.
PAUSES_MS = {1: 20.0, 2: 10.0}


def run(stage: Stage) -> None:
    report, rounds = stage.report, 3 if stage.quick else 9
    peers = [_ours(stage, count) for count in COUNTS]
    with stage.proxies(peers) as proxies:
        if len(proxies) < len(peers):
            return
        pinned = in_rounds(stage, [(UNIQUE, proxy) for proxy in proxies], rounds)
    with stage.proxies(peers, all_cores()) as proxies:
        if len(proxies) < len(peers):
            return
        free = in_rounds(stage, [(UNIQUE, proxy) for proxy in proxies], rounds)
        at_rates = _at_rates(stage, proxies, rounds)
    report.title(f"1 and 2 workers, 64 connections, {rounds} rounds")
    rows = []
    for title, seen in (
        ("on one core", pinned),
        ("on both, beside the load", free),
        ("on both, at the same rate for each", at_rates),
    ):
        one, two = proxies
        ratio = seen.ratios((UNIQUE, two), (UNIQUE, one), cpu_us)
        rate = seen.ratios((UNIQUE, two), (UNIQUE, one), per_s)
        for proxy in proxies:
            theirs = seen.of(UNIQUE, proxy)
            rows.append(
                (
                    f"{proxy.peer.name}, {title}",
                    with_range([cpu_us(it) for it in theirs], 1),
                    f"{median(map(per_s, theirs)):,.0f}",
                    with_range(ratio) if proxy is two else "",
                    with_range(rate) if proxy is two else "",
                )
            )
    head = ("", "CPU µs per request", "requests/s", "CPU against 1", "requests/s against 1")
    report.table(head, rows)
    _say_what_follows(stage, at_rates, proxies)
    _show_memory(stage)


def run_hop(stage: Stage) -> None:
    """The hop with two workers or threads each, on both cores."""
    report, rounds = stage.report, 2 if stage.quick else 5
    others = [*nginx.peers(workers=2), *envoy.peers(workers=2), *haproxy.peers(workers=2)]
    peers = [_ours(stage, 2), *(peer for peer in others if peer.same_work)]
    with stage.proxies(peers, all_cores()) as proxies:
        if not proxies or proxies[0].peer is not peers[0]:
            return
        measured = in_rounds(stage, [(UNIQUE, proxy) for proxy in proxies], rounds)
    our = proxies[0]
    report.title(f"{UNIQUE.title}, 2 workers or threads each, on both cores, {rounds} rounds")
    rows = []
    for proxy in proxies:
        theirs = measured.of(UNIQUE, proxy)
        if not theirs:
            continue
        ratios = measured.ratios((UNIQUE, our), (UNIQUE, proxy), cpu_us)
        rates = measured.ratios((UNIQUE, our), (UNIQUE, proxy), per_s)
        rows.append(
            (
                proxy.peer.name,
                "" if proxy is our else with_range(ratios),
                "" if proxy is our else with_range(rates),
                with_range([cpu_us(one) for one in theirs], 1),
                f"{median(map(per_s, theirs)):,.0f}",
                f"{median(one.load.p50_ms for one in theirs):.2f}",
                f"{median(one.load.p99_ms for one in theirs):.2f}",
            )
        )
    head = ("", "Lockgate's CPU against it", "its requests/s", "CPU µs", "requests/s", "p50", "p99")
    report.table(head, rows)


def _at_rates(stage: Stage, proxies: list[Proxy], rounds: int) -> Rounds:
    """Each with its own pause, in turns."""
    measured = Rounds()
    for number in range(rounds):
        for count, proxy in zip(COUNTS, proxies, strict=True):
            seen = in_rounds(stage, [(UNIQUE, proxy)], 1, pause_ms=PAUSES_MS[count])
            for one in seen.of(UNIQUE, proxy):
                measured.add(number, UNIQUE, proxy, one)
    return measured


def _say_what_follows(stage: Stage, at_rates: Rounds, proxies: list[Proxy]) -> None:
    """The capacity on cores of their own: a core gives 1 s of CPU each second to each worker.

    Where the load fills the cores, workers take each other's caches and find less to do in each turn of
    their loops, so those rows are no measure of it.
    """
    one, two = proxies
    ratios = at_rates.ratios((UNIQUE, two), (UNIQUE, one), cpu_us)
    capacity = [2 / ratio for ratio in ratios]
    stage.report.say(
        f"{CPU.what}: {with_range(ratios, 3)}, {stage.report.bar(CPU, median(ratios))}\n"
        f"{MEANT.what}: {with_range(capacity)}, {stage.report.bar(MEANT, median(capacity))} "
        "(2 divided by the ratio above; this machine has no cores for it beside the load)"
    )


def _show_memory(stage: Stage) -> None:
    """Memory of each worker after the same load, spawned and forked; and how long a start takes."""
    rows = []
    for peer in (_ours(stage, 1), _ours(stage, 2), _ours(stage, 4), _forked(stage, 2)):
        with stage.proxies([peer], all_cores()) as proxies:
            for proxy in proxies:
                in_rounds(stage, [(UNIQUE, proxy)], 1)
                parent = proxy.running.pid
                of_workers = [memory_of(pid) for pid in workers_of(parent)]
                of_parent = None if workers_of(parent) == [parent] else memory_of(parent)
                rows.append(_memory_row(peer.name, of_workers, of_parent, _starts_ms(proxy)))
    stage.report.title("Memory of a worker after load, MiB")
    head = ("", "workers", "RSS", "PSS", "its own", "shared", "of that no file", "master's own")
    stage.report.table((*head, "start, s"), rows)


def _memory_row(
    name: str, workers: list[Memory], parent: Memory | None, starts_s: list[float]
) -> tuple[str, ...]:
    return (
        name,
        str(len(workers)),
        f"{median(one.rss for one in workers):.1f}",
        f"{median(one.pss for one in workers):.1f}",
        f"{median(one.own for one in workers):.1f}",
        f"{median(one.shared for one in workers):.1f}",
        f"{median(one.shared_anonymous for one in workers):.1f}",
        "-" if parent is None else f"{parent.own:.1f}",
        with_range(starts_s) if starts_s else "-",
    )


def _starts_ms(proxy: Proxy) -> list[float]:
    """Seconds from the start of each worker to its being ready, as the log tells."""
    began: dict[int, str] = {}
    took = []
    for line in proxy.running.output.read_bytes().splitlines():
        if b'"event":"worker.' not in line:
            continue
        event = json.loads(line)
        if event["event"] == "worker.started":
            began[event["pid"]] = event["timestamp"]
        elif event["event"] == "worker.ready" and event["pid"] in began:
            took.append(_seconds(event["timestamp"]) - _seconds(began.pop(event["pid"])))
    return took


def _seconds(timestamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(timestamp).timestamp()


def _ours(stage: Stage, workers: int) -> Peer:
    return lockgate.peer(stage.python, stage.registry.port, workers=workers)


def _forked(stage: Stage, workers: int) -> Peer:
    spawned = _ours(stage, 1)

    def launch(site: Site) -> Launch:
        environment = spawned.launch(site).environment
        command = [stage.python, "-m", "bench.workers.forking", str(workers)]
        return Launch(command, environment)

    return dataclasses.replace(
        spawned, name=f"{spawned.name} with {workers} forked workers", launch=launch
    )
