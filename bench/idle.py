"""Idle client connections: what each costs, and whether they slow others down."""

import resource
import time
from contextlib import ExitStack
from statistics import median

from bench.http_socket import HttpSocket
from bench.load import load
from bench.peers import caddy, envoy, haproxy, lockgate, nginx
from bench.report import Bar
from bench.stage import Proxy, Stage
from bench.workloads import REPEATING

CONNECTIONS = 16
SPARE_FILES = 500

MEMORY = Bar("memory of an idle client connection", 3.5, " KiB")
#: p99 varies by this much from one second to the next even if nothing changes.
P99 = Bar("p99 of others with idle connections, against without", 1.15, " times")


def run(stage: Stage) -> None:
    count = 1000 if stage.quick else 5000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 20_000)), hard))
    count = min(count, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES)
    stage.report.title(f"{count} idle client connections")
    rows = []
    names = (lockgate.NAME, nginx.NAME, haproxy.NAME, envoy.NAME, caddy.NAME)
    with stage.proxies(stage.chosen(*names)) as proxies:
        for proxy in proxies:
            kib, ratio, before_ms, during_ms = _measure(stage, proxy, count)
            verdicts = []
            if proxy.peer.name == lockgate.NAME:
                verdicts = [stage.report.bar(MEMORY, kib), stage.report.bar(P99, ratio)]
            rows.append(
                (
                    proxy.peer.name,
                    f"{kib:.1f}",
                    f"{before_ms:.2f}",
                    f"{during_ms:.2f}",
                    ", ".join(verdicts),
                )
            )
    head = ("proxy", "KiB a connection", "p99 before, ms", "p99 during, ms", "bars")
    stage.report.table(head, rows)


def _measure(stage: Stage, proxy: Proxy, count: int) -> tuple[float, float, float, float]:
    """(KiB a connection, p99 during ÷ before, p99 before and during in ms)."""
    before_ms = _p99s(stage, proxy)
    before = proxy.running.usage().rss_bytes
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(HttpSocket(proxy.port)).small(proxy.small_path)
        time.sleep(1)
        kib = (proxy.running.usage().rss_bytes - before) / count / 1024
        during_ms = _p99s(stage, proxy)
    return kib, min(during_ms) / min(before_ms), median(before_ms), median(during_ms)


def _p99s(stage: Stage, proxy: Proxy) -> list[float]:
    return [
        load(
            proxy.port,
            proxy.template(REPEATING),
            core=stage.load_core,
            connections=CONNECTIONS,
            duration_s=1 if stage.quick else 2,
        ).p99_ms
        for _ in range(2 if stage.quick else 4)
    ]
