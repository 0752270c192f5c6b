"""Checkouts of Lockgate side by side: what a change costs, in pairs of one run."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from bench.http_socket import HttpSocket
from bench.peers import lockgate
from bench.report import with_range
from bench.rounds import Rounds, cpu_us, in_rounds
from bench.stage import Proxy, Stage
from bench.workloads import Workload

IDLE_CONNECTIONS = 500


def run(stage: Stage) -> None:
    peers = [lockgate.peer(stage.python, stage.registry.port, tree) for tree in stage.trees]
    rounds = 5 if stage.quick else 15
    with stage.proxies(peers) as proxies:
        for workload in stage.workloads:
            stage.report.title(f"{workload.title}, {rounds} rounds")
            measured = in_rounds(stage, [(workload, proxy) for proxy in proxies], rounds)
            stage.report.table(
                ("checkout", "CPU per request against the first", "of the minima", "CPU µs"),
                [_row(workload, proxy, proxies, measured) for proxy in proxies],
            )
        stage.report.title(f"{IDLE_CONNECTIONS} idle client connections")
        stage.report.table(
            ("checkout", "KiB a connection"),
            [(proxy.peer.name, f"{_idle_kib(proxy):.1f}") for proxy in proxies],
        )


def _row(
    workload: Workload, proxy: Proxy, proxies: Sequence[Proxy], measured: Rounds
) -> tuple[str, ...]:
    first = measured.of(workload, proxies[0])
    its = measured.of(workload, proxy)
    if not first or not its:
        return (proxy.peer.name, "", "", "")
    ratios = measured.ratios((workload, proxy), (workload, proxies[0]), cpu_us)
    return (
        proxy.peer.name,
        with_range(ratios, 3),
        f"{min(map(cpu_us, its)) / min(map(cpu_us, first)):.3f}",
        f"{median(map(cpu_us, its)):.1f}",
    )


def _idle_kib(proxy: Proxy) -> float:
    before = proxy.running.usage().rss_bytes
    with ExitStack() as stack:
        for _ in range(IDLE_CONNECTIONS):
            stack.enter_context(HttpSocket(proxy.port)).small(proxy.small_path)
        time.sleep(1)
        return (proxy.running.usage().rss_bytes - before) / IDLE_CONNECTIONS / 1024
