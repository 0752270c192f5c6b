"""Checkouts of Lockgate side by side: what a change costs, in pairs of one run."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median

from bench.hop import Round, in_rounds
from bench.http_socket import HttpSocket
from bench.load import BROWSER
from bench.peers import lockgate
from bench.report import with_range
from bench.stage import Proxy, Stage

IDLE_CONNECTIONS = 500


def run(stage: Stage) -> None:
    peers = [lockgate.peer(stage.python, stage.registry.port, tree) for tree in stage.trees]
    rounds = 5 if stage.quick else 15
    with stage.proxies(peers) as proxies:
        for title, fields in (("A small GET", None), ("A browser's 14 headers", BROWSER)):
            stage.report.title(f"{title}, {rounds} rounds")
            measured = in_rounds(stage, proxies, rounds, fields)
            stage.report.table(
                ("checkout", "CPU per request against the first", "of the minima", "CPU µs"),
                [_row(proxy, proxies, measured) for proxy in proxies],
            )
        stage.report.title(f"{IDLE_CONNECTIONS} idle client connections")
        stage.report.table(
            ("checkout", "KiB a connection"),
            [(proxy.peer.name, f"{_idle_kib(proxy):.1f}") for proxy in proxies],
        )


def _row(
    proxy: Proxy, proxies: Sequence[Proxy], measured: Mapping[str, list[Round]]
) -> tuple[str, ...]:
    first = [one.cpu_us for one in measured[proxies[0].peer.title]]
    its = [one.cpu_us for one in measured[proxy.peer.title]]
    ratios = [a / b for a, b in zip(its, first, strict=True)]
    return (
        proxy.peer.name,
        with_range(ratios, 3),
        f"{min(its) / min(first):.3f}",
        f"{median(its):.1f}",
    )


def _idle_kib(proxy: Proxy) -> float:
    path = proxy.small_url.partition(str(proxy.port))[2]
    before = proxy.running.usage().rss_bytes
    with ExitStack() as stack:
        for _ in range(IDLE_CONNECTIONS):
            stack.enter_context(HttpSocket(proxy.port)).small(path)
        time.sleep(1)
        return (proxy.running.usage().rss_bytes - before) / IDLE_CONNECTIONS / 1024
