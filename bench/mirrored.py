"""What the clients of a route with a mirror notice of it, while the mirror is good, slow, dead, resetting or huge."""

import json
import sys
import urllib.request
from dataclasses import replace
from statistics import median

from bench.bad_mirrors import WAYS
from bench.peers import lockgate
from bench.peers.peer import SMALL, Launch, Peer, Site
from bench.processes import THIS_TREE, Running, free_port, until_routed
from bench.report import Bar, with_range
from bench.rounds import CONNECTIONS, Round, cpu_us, in_rounds
from bench.stage import Proxy, Stage
from bench.workloads import UNIQUE, Workload

NONE, DEAD = "none", "dead"
#: Each connection rests so long before a request, so that the gateway is busy for a part of the time, as others are.
PAUSE_MS = 100.0
SHARE = 10
MOVED = Bar("p99 of clients beside a mirror, less that without one", 1.0, " ms")
GREW = Bar("growth of the gateway's memory from the second round to the last", 4.0, " MiB")
_MEBIBYTE = 2**20

_ROUTE = """\
- name: {way}
  match: {{host: {way}.example.com}}
  service: {service}
  {mirror}
"""
_MIRROR = (
    "mirror: {{to: {{service: copies_{way}_service}}, share: {share}, timeout: 2s, "
    "compare: {{json: true, headers: [Content-Type]}}}}"
)


def run(stage: Stage) -> None:
    rounds = 3 if stage.quick else 9
    ways = [*WAYS, DEAD]
    ports = {way: free_port() for way in ways}
    # What an endless mirror takes of the core of the clients would be in their times.
    mirrors_only = [sys.executable, "-m", "bench.bad_mirrors"]
    command = ["nice", "-n", "19", *mirrors_only, *(f"{way}={ports[way]}" for way in WAYS)]
    mirrors = Running(
        command,
        core=stage.load_core,
        folder=stage.folder / "mirrors",
        port=ports["good"],
        environment=THIS_TREE,
    )
    with mirrors, stage.proxies([_lockgate(stage, ways)]) as proxies:
        for proxy in proxies:
            for way in WAYS:
                lockgate.register(
                    proxy.port, f"copies_{way}", ports[way], health_check_url="/health"
                )
            lockgate.register(proxy.port, f"copies_{DEAD}", ports[DEAD])
            for way in WAYS:
                until_routed(f"http://127.0.0.1:{proxy.port}/api/copies_{way}/health")
            _measure(stage, proxy, ways, rounds)


def _measure(stage: Stage, proxy: Proxy, ways: list[str], rounds: int) -> None:
    workloads = {way: _workload(way) for way in (NONE, *ways)}
    measured = in_rounds(
        stage, [(one, proxy) for one in workloads.values()], rounds, pause_ms=PAUSE_MS
    )
    stage.report.title(
        f"Clients beside a mirror that gets {SHARE} % of their requests, {CONNECTIONS} connections, {rounds} rounds"
    )
    rows = []
    copies = _copies(proxy)
    for way, workload in workloads.items():
        seen = measured.of(workload, proxy)
        moved = measured.differences((workload, proxy), (workloads[NONE], proxy), _p99_ms)
        if not seen:
            continue
        is_none = way == NONE
        rows.append(
            (
                way,
                f"{median(one.load.per_s for one in seen):,.0f}",
                with_range([cpu_us(one) for one in seen], 0),
                with_range([one.load.p50_ms for one in seen], 2),
                with_range([_p99_ms(one) for one in seen], 2),
                "" if is_none else with_range(moved, 2),
                copies.get(way, ""),
                "" if is_none else stage.report.bar(MOVED, median(moved), with_range(moved, 2)),
            )
        )
    head = ("mirror", "requests/s", "CPU µs", "p50 ms", "p99 ms", "p99 less none", "copies", "bar")
    stage.report.table(head, rows)
    rounds_of = [list(measured.of(workload, proxy)) for workload in workloads.values()]
    memory = [max(one.rss_bytes for one in each) for each in zip(*rounds_of, strict=False)]
    grew = (memory[-1] - memory[min(1, len(memory) - 1)]) / _MEBIBYTE
    shown = ", ".join(f"{one / _MEBIBYTE:.1f}" for one in memory)
    stage.report.say(f"Memory of the gateway after each round, MiB: {shown}")
    stage.report.bar(GREW, grew, f"{grew:.1f}")


def _p99_ms(one: Round) -> float:
    return one.load.p99_ms


def _workload(way: str) -> Workload:
    return replace(
        UNIQUE, name=way, title=way, target="/unique?request={id}", host=f"{way}.example.com"
    )


def _copies(proxy: Proxy) -> dict[str, str]:
    """What became of the copies, by route."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{proxy.port}/mirrors",
        headers={"Authorization": f"Bearer {lockgate.TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        reports = json.load(answer)["mirrors"]
    return {
        one["route"]: ", ".join(f"{number} {name}" for name, number in one["copies"].items())
        for one in reports
    }


def _lockgate(stage: Stage, ways: list[str]) -> Peer:
    usual = lockgate.peer(stage.python, stage.registry.port)

    def launch(site: Site) -> Launch:
        made = usual.launch(site)
        service = f"{SMALL.rpartition('/')[2]}_service"
        text = "routes:\n" + "".join(
            _ROUTE.format(
                way=way,
                service=service,
                mirror="" if way == NONE else _MIRROR.format(way=way, share=SHARE),
            )
            for way in (NONE, *ways)
        )
        file = site.write("lockgate.yaml", text)
        return replace(made, environment={**made.environment, "GATEWAY_CONFIG": file})

    return replace(usual, launch=launch)
