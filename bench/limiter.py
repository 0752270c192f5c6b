"""What a decision of the limiter costs a worker and the registry, beside a call each and two libraries."""

import json
import subprocess
from statistics import median

import redis

from bench.peers.peer import WHEELS
from bench.processes import THIS_TREE, pinned
from bench.report import Bar
from bench.stage import Stage

NAMES = {
    "ours": "Lockgate, one limit",
    "ours-two": "Lockgate, two limits",
    "ours-budget": "Lockgate, a budget, reserved and settled",
    "ours-concurrent": "Lockgate, requests in flight",
    "one-call-each": "its script, a call for each request (redis-py)",
    "limits": "limits, moving window",
    "throttled-py": "throttled-py, sliding window",
}
#: Libraries that are only in .venv-bench.
LIBRARIES = ("limits", "throttled-py")
#: (requests that wait at a time, clients)
LOADS = ((1, 10_000), (8, 10_000), (64, 10_000), (512, 10_000), (64, 1))
SECOND = Bar("a second limit, CPU of the worker", 2.0, " µs")


def run(stage: Stage) -> None:
    """Take turns, so that all see the same machine."""
    count, rounds = (2_000, 2) if stage.quick else (20_000, 5)
    with redis.Redis(port=stage.registry.port) as client:
        for waiting, clients in LOADS:
            title = (
                f"{waiting} waiting, {clients:,} clients" if clients > 1 else "one client's flood"
            )
            stage.report.title(f"Decisions of a limiter: {title} ({rounds} rounds of {count:,})")
            costs: dict[str, list[tuple[float, float, float, float]]] = {}
            for _ in range(rounds):
                for name in NAMES:
                    cost = _measure(stage, client, name, waiting, count, clients)
                    if cost is not None:
                        costs.setdefault(name, []).append(cost)
            for name in LIBRARIES:
                if name not in costs:
                    stage.report.say(f"{name} is left out: it is not installed in .venv-bench\n")
            _show(stage, costs, waiting, clients)


def _measure(
    stage: Stage, client: "redis.Redis", name: str, waiting: int, count: int, clients: int
) -> tuple[float, float, float, float] | None:
    """(µs of the worker, µs of the registry, script calls, µs in all) a decision."""
    client.flushall()
    python = str(WHEELS / "bin" / "python") if name in LIBRARIES else stage.python
    numbers = (str(waiting), str(count), str(clients))
    url = f"redis://127.0.0.1:{stage.registry.port}/0"
    client.config_resetstat()
    registry_cpu_s = stage.registry.usage().cpu_s
    try:
        said = subprocess.run(
            pinned(stage.proxy_core, [python, "-m", "bench.limiter_load", name, url, *numbers]),
            cwd=THIS_TREE["PYTHONPATH"],
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        if name in LIBRARIES:
            return None
        raise
    measured = json.loads(said)
    registry_cpu_s = stage.registry.usage().cpu_s - registry_cpu_s
    stats = client.info("commandstats")
    calls = sum(stats.get(f"cmdstat_{one}", {}).get("calls", 0) for one in ("eval", "evalsha"))
    in_all = count * 1.1  # a tenth came before the measurement
    return (
        measured["cpu_s"] / count * 1e6,
        registry_cpu_s / in_all * 1e6,
        calls / in_all,
        measured["took_s"] / count * 1e6,
    )


def _show(
    stage: Stage,
    costs: dict[str, list[tuple[float, float, float, float]]],
    waiting: int,
    clients: int,
) -> None:
    rows = []
    for name, of_name in costs.items():
        worker, registry, calls, in_all = (median(each) for each in zip(*of_name, strict=True))
        rows.append(
            (
                *(NAMES[name], f"{worker:.1f}", f"{registry:.1f}", f"{calls:.3f}"),
                f"{1e6 / in_all:,.0f}",
            )
        )
    head = ("limiter", "worker, CPU µs", "registry, CPU µs", "calls", "decisions/s")
    stage.report.table(head, rows)
    if (waiting, clients) == (64, 10_000):
        more = [two[0] - one[0] for one, two in zip(costs["ours"], costs["ours-two"], strict=True)]
        stage.report.say(f"A second limit: {stage.report.bar(SECOND, median(more))}")
