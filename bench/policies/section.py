"""What each policy costs in the hop above the same requests without it, in Lockgate and others in one run."""

import time
from collections.abc import Mapping, Sequence
from statistics import median

from bench.checking import PATIENCE_S, wrong_answers
from bench.peers import lockgate
from bench.policies import bytecodes, lockgate_file, others
from bench.policies.cases import BASES, Case
from bench.report import with_range
from bench.rounds import CONNECTIONS, Pair, Rounds, cpu_us, in_rounds
from bench.stage import Proxy, Stage
from bench.workloads import Workload


def run(stage: Stage) -> None:
    rounds = 3 if stage.quick else 9
    cases, wrong = lockgate_file.understood()
    for line in wrong:
        stage.report.say(line)
    peers = [
        lockgate_file.peer(stage.python, stage.registry.port, cases),
        *others.envoy_peers(),
        *others.nginx_peers(),
        *others.haproxy_peers(),
    ]
    with stage.proxies(peers) as proxies:
        served: dict[str, list[Case]] = {}
        for proxy in proxies:
            name = proxy.peer.name
            if name == lockgate.NAME:
                lockgate_file.register_versions(proxy.port, stage.small_port)
            known = others.KNOWN.get(name)
            mine = [case for case in cases if known is None or case.name in known]
            served[name] = [case for case in mine if _comes_to_serve(stage, proxy, case.workload)]
        measured = in_rounds(stage, _pairs(proxies, served), rounds)
    stage.report.title(f"Policies, {CONNECTIONS} connections, {rounds} rounds")
    _show(stage, proxies, served, measured)
    bytecodes.show(stage, cases)


def _comes_to_serve(stage: Stage, proxy: Proxy, workload: Workload) -> bool:
    """Whether the proxy answers rightly, perhaps only once it has seen the new instance and its document."""
    until_s = time.monotonic() + PATIENCE_S
    while wrong := wrong_answers(proxy.port, proxy.template(workload), workload):
        if time.monotonic() > until_s:
            stage.report.say(f"{proxy.peer.title} is left out of {workload.name}: {wrong}")
            return False
        time.sleep(0.1)
    return True


def _pairs(proxies: Sequence[Proxy], served: Mapping[str, Sequence[Case]]) -> list[Pair]:
    """Each workload without a policy just before those with one, so that a disturbance hits both."""
    pairs: list[Pair] = []
    for proxy in proxies:
        for base in BASES:
            cases = [case for case in served[proxy.peer.name] if case.base is base]
            if cases:
                pairs += [(base, proxy), *((case.workload, proxy) for case in cases)]
    return pairs


def _show(
    stage: Stage,
    proxies: Sequence[Proxy],
    served: Mapping[str, Sequence[Case]],
    measured: Rounds,
) -> None:
    rows = []
    for proxy in proxies:
        for case in served[proxy.peer.name]:
            base, policy = (case.base, proxy), (case.workload, proxy)
            more = measured.differences(policy, base, cpu_us)
            if not more:
                continue
            with_it, without = measured.of(*policy), measured.of(*base)
            rows.append(
                (
                    proxy.peer.name,
                    case.title,
                    with_range(more, 1),
                    with_range(measured.ratios(policy, base, cpu_us)),
                    f"{median(map(cpu_us, with_it)):.1f}",
                    f"{median(map(cpu_us, without)):.1f}",
                    f"{median(one.load.p99_ms for one in with_it):.2f}",
                )
            )
    head = ("proxy", "policy", "CPU µs more", "ratio", "CPU µs with it", "without", "p99 ms")
    stage.report.table(head, rows)
